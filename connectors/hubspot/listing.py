"""The whole list of an object type, several parts of it at once, resumable at every page.

The list's cursor is documented as the id of the next record. Where that holds, the list can be entered anywhere, so
its id space is cut into ranges that are read side by side; it is the only way to use an account's quota over a slow
line. It is not a contract, though, so it is proved while it is used: ids must rise, cursors must be ids, and each range
is read past its end until it meets the very record with which the next range began. If anything does not fit, the
list is read in its own order from where it was last sure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise

from connectors.hubspot.cursor import Range
from connectors.hubspot.layout import Found
from connectors.hubspot.records import Listed, Records
from connectors.hubspot.threads import Threads
from engine.contract import Notice, SourceRefused

PARTS = 8
"""Ranges read at once: enough to use 190 requests per ten seconds over a line with 400 ms to an answer."""
WORTH_CUTTING = 2000
"""Records; a range with fewer than this is not cut in two, since every range costs about a page more."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """What was found on one page, and what is left to be read of the list after it.

    `ids` are all that the list has above the id `above` and up to `to` (None: no bound on that side). Where it shows no
    order there is no saying that, and `bounded` is false.
    """

    found: Found
    ids: list[str]
    left: tuple[Range, ...]
    above: int | None = None
    to: int | None = None
    bounded: bool = True


@dataclass(frozen=True, slots=True)
class Extent:
    """About how far a list reaches: its highest id and its number of records."""

    highest_id: int
    records: int


class NotById(Exception):
    """The list does not behave as if its cursor were a record id."""


@dataclass(slots=True, eq=False)
class _Part:
    """A range while it is read; `page` is under way when it is set."""

    after: str | None
    end: int | None = None
    first: int | None = None
    page: Future[Listed] | None = None
    done: bool = False
    density: float = 0.0
    """Records per id where it was read last."""
    above: int | None = None
    """The last id before it, where that is not told by `after`."""

    @property
    def entered(self) -> bool:
        return self.first is not None or self.done

    @property
    def start(self) -> int:
        return int(self.after or 0)

    @property
    def records(self) -> float:
        """About how many records are left in it; 0 where it is open or done."""
        return 0 if self.end is None or self.done else (self.end - self.start) * self.density

    def passed_by(self, page: Listed, ids: list[int]) -> bool:
        """Whether a page of this range shows what is behind its end: a cursor behind it is no proof yet."""
        return page.after is None or (self.end is not None and bool(ids) and ids[-1] >= self.end)


class Listing:
    """Reads what is left of a list. One thread calls; the pages are fetched by others.

    `extent` gives a hint where to cut, and is not asked where there are only about `size` records; the list is complete
    whatever they say.
    """

    def __init__(self, records: Records, threads: Threads, extent: Callable[[], Extent | None], size: int) -> None:
        self._records = records
        self._threads = threads
        self._extent = extent
        self._size = size
        self._cuts = PARTS + size // WORTH_CUTTING
        """How often a range may still be cut: where ids come in clusters, cuts fall between them and are for nothing."""
        self._asked: Future[Extent | None] | None = None
        self._parts: list[_Part] = []
        self._by_id: bool | None = None
        """Whether the list's cursors are ids; None until the first page has shown it."""
        self._is_resumed = False
        """Whether it is gone on with, from cursors that HubSpot may not take any more."""

    def read(self, ranges: tuple[Range, ...]) -> Iterator[ListPage | Notice]:
        """Read everything that is left. Every record that is there all the while is in at least one page."""
        self._parts = [_Part(r.after, r.end, r.first, done=r.done, above=r.above) for r in ranges]
        self._is_resumed = ranges != (Range(),)
        while self._parts:
            try:
                yield self._next_page()
            except NotById as reason:
                what = f"The list is read in its own order, not in several parts at once: {reason}."
                yield Notice("list_order", what)
                self._fall_back()
            except SourceRefused as error:
                if error.status != HTTPStatus.BAD_REQUEST or not (self._by_id or self._is_resumed):
                    raise
                yield Notice("list_order", f"HubSpot does not take a cursor any more, or never did: {error}")
                if self._by_id:
                    self._fall_back()
                else:
                    self._begin_anew()

    def _next_page(self) -> ListPage:
        if self._asked is not None and self._asked.done():
            self._take_hint(self._asked.result())
            self._asked = None
        if self._by_id:
            self._divide()
        for part in [part for part in self._parts if not part.done][: PARTS if self._by_id else 1]:
            if part.page is None:
                part.page = self._fetch(part.after)
        wait([part.page for part in self._parts if part.page], return_when=FIRST_COMPLETED)
        part = next(part for part in self._parts if part.page and part.page.done())
        assert part.page is not None  # noqa: S101 - just chosen for it
        page, part.page = part.page.result(), None
        if self._by_id is None:
            self._by_id = _cursor_is_next_id(part, page)
            if self._by_id and self._size >= WORTH_CUTTING:
                self._asked = self._threads.submit(self._extent)
        return self._advance(part, page) if self._by_id else self._follow(part, page)

    def _take_hint(self, extent: Extent | None) -> None:
        """Plan by what is known of the list: give its last range an end, so that it can be cut."""
        if extent is None or not self._by_id or extent.records < WORTH_CUTTING:
            return
        last = self._parts[-1]
        if last.end is None and last.start <= extent.highest_id:
            # Records may come above the highest id at any time: the very last range stays open.
            last.end = extent.highest_id + 1
            self._parts.append(_Part(str(last.end)))

    def _fetch(self, after: str | None) -> Future[Listed]:
        return self._threads.submit(lambda: self._records.page(after))

    def _follow(self, part: _Part, page: Listed) -> ListPage:
        """Go on in the list's own order. Where its ids do not rise, nothing is said of what is between them."""
        ids = [int(id_) for id_ in page.ids if id_.isdigit()]
        above = 0 if part.after is None else part.above
        if above is None and ids:
            above = ids[0] - 1
        new = ids[1:] if ids[:1] == [above] else ids  # a cursor may be the last id of its page, and show it again
        bounded = above is not None and len(ids) == len(page.ids) and all(a < b for a, b in pairwise([above, *new]))
        last = ids[-1] if ids else above
        self._parts = [] if page.after is None else [_Part(page.after, above=last if bounded else None)]
        to = None if page.after is None else last
        return ListPage(page.found, page.ids, self._left(), above, to, bounded=bounded)

    def _advance(self, part: _Part, page: Listed) -> ListPage:
        """Take in a page of a range, and move the range on behind it."""
        ids = _rising_ids(page, part.start)
        above = part.start - 1 if part.after else None
        if ids:
            part.first = ids[0] if part.first is None else part.first
            part.density = len(ids) / (ids[-1] - ids[0] + 1)
        at = self._parts.index(part) + 1
        while part.passed_by(page, ids) and at < len(self._parts) and not self._parts[at].entered:
            # Nobody has jumped there yet: this range reads on into it, and there is nothing to prove.
            part.end = self._parts.pop(at).end
        if not part.passed_by(page, ids):
            part.after = page.after
            return ListPage(page.found, page.ids, self._left(), above, part.start - 1)
        if at < len(self._parts):
            _join(self._parts[at], [i for i in ids if part.end is not None and i >= part.end], page)
        part.done = True
        while self._parts and self._parts[0].done:
            self._parts.pop(0)
        within = [str(i) for i in ids if part.end is None or i < part.end]
        to = None if part.end is None else part.end - 1
        return ListPage(page.found.only(set(within)), within, self._left(), above, to)

    def _divide(self) -> None:
        """Cut the fullest range in half until there are enough of them; sparse ids make some of them short."""
        while self._cuts and sum(not part.done for part in self._parts) < PARTS:
            fullest = max(self._parts, key=lambda part: part.records)
            if fullest.end is None or fullest.records < WORTH_CUTTING:
                return
            middle = fullest.start + (fullest.end - fullest.start) // 2
            rest = _Part(str(middle), fullest.end, density=fullest.density)
            self._parts.insert(self._parts.index(fullest) + 1, rest)
            fullest.end = middle
            self._cuts -= 1

    def _fall_back(self) -> None:
        """Go on in the list's own order from the earliest place that is still to be read."""
        self._by_id = False
        self._parts = [_Part(self._parts[0].after)]

    def _begin_anew(self) -> None:
        """Read all of the list once more, in its own order."""
        self._is_resumed = self._by_id = False
        self._parts = [_Part(None)]

    def _left(self) -> tuple[Range, ...]:
        return tuple(Range(part.after, part.end, part.first, part.done, part.above) for part in self._parts)


def _join(following: _Part, beyond: list[int], page: Listed) -> None:
    """Hold that a range began with the record that the list's own order shows at its start (`beyond` has what it shows).

    A record that only the jump found is no harm (it may have come meanwhile); one that the jump missed is.
    """
    if beyond and (following.first is None or beyond[0] < following.first):
        raise NotById(f"it has record {beyond[0]} where a jump found {following.first or 'nothing'}")
    if page.after is None and following.first is not None and (not beyond or beyond[-1] < following.first):
        raise NotById(f"it ends before record {following.first}")


def _cursor_is_next_id(part: _Part, page: Listed) -> bool:
    """Whether cursors can be ids: numbers behind the last id of their page, ids being rising numbers."""
    if part.after is not None and not part.after.isdigit():
        return False
    try:
        return bool(_rising_ids(page, part.start))
    except NotById:
        return False


def _rising_ids(page: Listed, start: int) -> list[int]:
    ids = [int(id_) for id_ in page.ids if id_.isdigit()]
    if len(ids) != len(page.ids) or any(a >= b for a, b in zip([start - 1, *ids], ids, strict=False)):
        raise NotById("its ids do not rise")
    if page.after is not None and not (page.after.isdigit() and (not ids or ids[-1] < int(page.after))):
        raise NotById("its cursor is not the id of the next record")
    return ids
