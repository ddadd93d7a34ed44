"""Reading a CRM stream: contacts, companies or deals, with their associations, deletions and merges.

A stream is first read whole from the list (or, with a date limit, by search, whichever takes less time). What changed
meanwhile and from then on is found by search. What HubSpot changes without a word is looked for by sweeps, each when it
is due. Every part ends in a checkpoint, so that a read can break off anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TypeAlias

from connectors.hubspot.associations import association_table
from connectors.hubspot.client import Client
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.cursor import CrmCursor, Pass, Range
from connectors.hubspot.in_order import InOrder
from connectors.hubspot.layout import Found, Layout
from connectors.hubspot.listing import Listing, ListPage
from connectors.hubspot.messages import Messages, merges_table
from connectors.hubspot.objects import ObjectType, relations_of
from connectors.hubspot.quota import SEARCHES_PER_SECOND
from connectors.hubspot.recent import Recent
from connectors.hubspot.records import PAGE, Records
from connectors.hubspot.searching import PAGE as SEARCH_PAGE
from connectors.hubspot.searching import Millisecond, Search
from connectors.hubspot.sweeping import Comparison, is_due, next_sweep, swept
from connectors.hubspot.sweeps import Sweep
from connectors.hubspot.threads import Threads
from connectors.hubspot.values import to_milliseconds
from engine.contract import (
    Checkpoint,
    CredentialsRejected,
    Cursor,
    Expected,
    Held,
    Host,
    Message,
    Notice,
    SourceRefused,
    Stream,
)

OVERLAP = 60 * 1000
"""Milliseconds before the newest change from which search is asked again, where not all later changes are remembered."""
GROUP = 1000
"""Records that are taken together, so that one read of associations serves them all."""
GROUP_PAGES = 50
"""Pages of the list after which a group is done however few records they had: a date limit passes over the others."""
THREADS = 12

Reading: TypeAlias = Generator[Message, None, CrmCursor]
"""Messages, and the cursor behind them."""


@dataclass(slots=True)
class Group:
    """Some pages of the list, and what is left of the pass after them."""

    left: Pass
    found: Found = field(default_factory=Found)
    pages: list[ListPage] = field(default_factory=list)

    def add(self, page: ListPage) -> None:
        """Take in a further page."""
        self.found.add(page.found)
        self.pages.append(replace(page, found=Found()))
        self.left = replace(self.left, ranges=page.left, listed=self.left.listed + len(page.ids))

    def is_full(self, at_once: int) -> bool:
        """Whether it is worth its calls, when so many records are to be taken together."""
        return len(self.found.rows) >= min(GROUP, at_once) or len(self.pages) >= GROUP_PAGES


class CrmStream:
    """One CRM object type of one account.

    `sizes` has the number of records of each type that was read before. All streams share it, and one that is read from
    the beginning takes itself out, so that the others know.
    """

    def __init__(
        self, client: Client, layout: Layout, config: HubSpotConfig, host: Host, sizes: dict[ObjectType, int]
    ) -> None:
        self._client = client
        self._layout = layout
        self._type = layout.object_type
        self._sizes = sizes
        self._config = config
        self._host = host
        self._oldest = to_milliseconds(config.oldest_modified.isoformat()) if config.oldest_modified else None
        self._search = Search(client, self._type)
        self._messages = Messages(client, layout, sizes)

    @property
    def stream(self) -> Stream:
        """The stream with its tables, as the property definitions are now."""
        tables = [self._layout.table, *(association_table(relation) for relation in relations_of(self._type))]
        merges = merges_table(self._type)
        return Stream(self._type.name, (*tables, merges) if merges else tuple(tables))

    def read(self, cursor: Cursor | None, held: Held, *, reconcile: bool) -> Iterator[Message]:
        """From the cursor, or from the beginning, to what is there now; ends with a checkpoint."""
        at = CrmCursor.load(cursor) if cursor is not None else None
        is_first = at is None
        if at is None:
            self._sizes.pop(self._type, None)
            at = yield from self._begin(held)
        elif at.portal != self._layout.portal_id:
            raise CredentialsRejected(
                f"This connection has read the HubSpot account {at.portal}, but the credentials are for "
                f"{self._layout.portal_id}. Give those of {at.portal}, or make another connection."
            )
        at = at.with_columns(self._layout.names, self._layout.types)
        if reconcile:
            sweep = next_sweep(self._layout, self._config, at, self._now(), reconcile=True)
            at = replace(at, bin=Pass(self._now()), sweep=sweep)
            yield Checkpoint(at.dump())  # whatever breaks it off, the passes are gone on with
        with Threads(THREADS, f"hubspot-{self._type.name}") as threads:
            began = self._hubspots_time()
            if at.historical:
                began = at.since + 1
                at = yield from self._list(at, at.historical, threads)
            at = yield from self._changes(at, threads, began)
            at = yield from self._sweeps(at, held, threads, also_due=not (reconcile or is_first))
        yield Checkpoint(at.dump())

    def _sweeps(self, at: CrmCursor, held: Held, threads: Threads, *, also_due: bool) -> Reading:
        """What was asked for or broken off, then what is due: but for the bin nothing is where all was just read."""
        if at.bin:
            at = yield from self._bin(at, at.bin)
        if Sweep.ARCHIVED not in at.swept or (also_due and self._is_due(Sweep.ARCHIVED, at)):
            at = yield from self._bin(at, Pass(self._now()))
        if at.sweep:
            at = yield from self._sweep(at, at.sweep, held, threads)
        sweep = next_sweep(self._layout, self._config, at, self._now()) if also_due else None
        if sweep:
            at = yield from self._sweep(at, sweep, held, threads)
        return at

    def _is_due(self, sweep: Sweep, at: CrmCursor) -> bool:
        return is_due(sweep, self._config, self._type, at, self._now())

    def _begin(self, held: Held) -> Reading:
        """Decide how the historical read goes; gives the first cursor.

        The moment from which changes are read afterwards is the newest modification that HubSpot shows now: its own
        clock, whatever ours says.
        """
        latest = self._search.latest()
        since = self._not_ahead(latest.modified or 0)
        expected = latest.total
        historical: Pass | None = Pass(
            self._now(), present=held.holds_any(self._type.table), associations=self._is_late()
        )
        if self._oldest is not None:
            recent, pages_per_second = self._search.count_since(self._oldest), self._client.quota.per_second
            by_search = max(recent / SEARCH_PAGE / SEARCHES_PER_SECOND, recent / PAGE / pages_per_second)
            if by_search < expected / PAGE / pages_per_second:
                expected, historical, since = recent, None, min(self._oldest, since + 1)
        at = CrmCursor(
            portal=self._layout.portal_id,
            since=since,
            settled=since,
            recent=Recent(since),
            historical=historical,
            records=latest.total,
        )
        if historical is None:
            at = at.swept_at(self._now(), Sweep.RECONCILIATION, Sweep.CALCULATED)
        yield Expected(expected)
        yield Checkpoint(at.dump())
        return at

    def _is_late(self) -> bool:
        """Whether types that have associations with this one go on from where they were, and so do not tell them again.

        One that starts over at the same time may not have said so yet: then more is read than has to be.
        """
        near = {relation.near for relation in relations_of(self._type)}
        return not near.isdisjoint(self._sizes)

    def _list(self, at: CrmCursor, historical: Pass, threads: Threads) -> Reading:
        """The historical read by the list.

        Each association is read from one end, unless a date limit can leave out the record at that end.
        """
        both_ends = self._oldest is not None or historical.associations

        def tell(group: Group) -> list[Message]:
            messages = self._messages.live(group.found, both_ends=both_ends)
            if historical.present:
                messages += [
                    self._messages.present(page.ids, page.above, page.to) for page in group.pages if page.bounded
                ]
            return messages

        records = Records(self._client, self._layout, self._oldest)
        listing = Listing(records, threads, self._search.extent, at.records)
        at_once = partial(self._messages.at_once, both_ends=both_ends)
        groups = _groups(listing, historical, at_once)
        done = yield from self._walk(groups, historical, threads, tell, lambda left: replace(at, historical=left))
        at = replace(at, historical=None, records=done.listed)
        return at.swept_at(done.began, Sweep.RECONCILIATION, Sweep.CALCULATED)

    def _sweep(self, at: CrmCursor, sweep: Pass, held: Held, threads: Threads) -> Reading:
        """A pass over the list that reads what the destination does not hold, and what is due."""
        both_ends = self._oldest is not None
        comparison = Comparison(self._client, self._layout, self._messages, sweep, held, both_ends=both_ends)
        records = Records(self._client, comparison.layout, self._oldest)
        listing = Listing(records, threads, self._search.extent, at.records)
        unbounded = False

        def tell(group: Group) -> list[Message]:
            nonlocal unbounded
            unbounded = unbounded or not all(page.bounded for page in group.pages)
            return comparison.tell(group.found, group.pages)

        at_once = partial(self._messages.at_once, both_ends=both_ends) if sweep.associations else lambda: GROUP
        groups = _groups(listing, sweep, at_once)
        done = yield from self._walk(groups, sweep, threads, tell, lambda left: replace(at, sweep=left))
        if unbounded:
            what = (
                f"HubSpot does not list {self._type.name} in order of their ids, so what is gone from it stays unknown."
            )
            yield Notice("not_reconciled", what)
        return swept(at, done, self._layout)

    def _walk(
        self,
        groups: Iterator[Group | Notice],
        under_way: Pass,
        threads: Threads,
        tell: Callable[[Group], list[Message]],
        cursor: Callable[[Pass], CrmCursor],
    ) -> Generator[Message, None, Pass]:
        """Go on with a pass to its end; `tell` says what a group has to say, `cursor` where the stream stands then."""
        in_order = InOrder(threads)
        for group in groups:
            if isinstance(group, Notice):
                yield group
                continue
            under_way = group.left
            yield from in_order.submit(partial(tell, group), cursor(under_way))
        yield from in_order.finish()
        return under_way

    def _changes(self, at: CrmCursor, threads: Threads, began: int) -> Reading:
        """Everything modified since the cursor, and what search shows only now of what was modified before.

        What was modified after the sync `began` is read once more by the next one: another stream may be about to say of
        an association what was true a moment before.
        """
        start = max(at.settled, min(at.recent.complete_from, at.since - OVERLAP))
        before, shown = at.settled, self._surely_shown(at)
        at = yield from self._modified(at, threads, began, start, shown=shown)
        trailing = min(self._surely_shown(at), start)
        if before < trailing:
            at = yield from self._modified(at, threads, began, before, trailing, shown=trailing)
        at = at.settled_until(max(shown, trailing))
        yield Checkpoint(at.dump())
        return at

    def _surely_shown(self, at: CrmCursor) -> int:
        """The moment before which search shows everything by now."""
        return at.since - self._config.search_lag_minutes * 60_000

    def _modified(
        self, at: CrmCursor, threads: Threads, began: int, since: int, before: int | None = None, *, shown: int
    ) -> Reading:
        """What was modified in a time; of what is `shown` for good nothing is passed over, since nobody looks there again."""
        recent, records = at.recent, Records(self._client, self._layout)
        in_order = InOrder(threads)
        for changes in self._search.changes(
            since, before, lambda moment: 0 if moment < shown else recent.count(moment)
        ):
            ids, read_before = [hit[0] for hit in changes.hits if hit not in at.recent], at
            remembered = [hit for hit in changes.hits if hit[1] < began and hit[1] <= changes.newest]
            at = at.and_read(remembered, self._not_ahead(changes.until) if before is None else at.since)
            if changes.whole is not None:
                at = at.and_counted(changes.whole.moment, changes.whole.records)
                if changes.whole.hidden:
                    at = at.not_swept(Sweep.RECONCILIATION)
                    yield Notice("search_hides", self._hidden(changes.whole))
            for part, read in self._parts(ids, read_before, at):
                yield from in_order.submit(partial(self._changed, records, part), read)
        yield from in_order.finish()
        return at

    def _parts(
        self, ids: Sequence[str], before: CrmCursor, after: CrmCursor
    ) -> Iterator[tuple[Sequence[str], CrmCursor]]:
        """Ids in parts that may be taken together, each with where the stream stands then: before them until the last."""
        while len(ids) > (at_once := self._messages.at_once()):
            yield ids[:at_once], before
            ids = ids[at_once:]
        yield ids, after

    def _hidden(self, millisecond: Millisecond) -> str:
        return (
            f"HubSpot's search hides {millisecond.hidden} of the {self._type.name} that were modified in the same "
            "millisecond as many others: all of them are compared now."
        )

    def _changed(self, records: Records, ids: Sequence[str]) -> list[Message]:
        return self._messages.live(records.all_by_id(ids))

    def _bin(self, at: CrmCursor, under_way: Pass) -> Reading:
        """What is in the recycling bin now, with its last values, as deleted rows.

        Beyond a date limit, and where there are no last values, rows are marked if they are there, but not made. Each
        page ends in a checkpoint, so that a full bin is not committed as one.
        """
        records = Records(self._client, self._layout, self._oldest)
        stored: str | None = under_way.ranges[0].after if under_way.ranges else None
        while under_way.ranges:
            after = under_way.ranges[0].after
            try:
                page = records.page(after, archived=True)
            except SourceRefused as error:
                if error.status != HTTPStatus.BAD_REQUEST or after is None or after != stored:
                    raise
                stored, under_way = None, Pass(under_way.began)  # it does not take this cursor any more
                continue
            left = (Range(page.after),) if page.after else ()
            under_way = replace(under_way, ranges=left, listed=under_way.listed + len(page.ids))
            yield from self._messages.archived(page.found)
            if page.ids:
                yield from self._messages.gone(page.ids)
            yield Checkpoint(replace(at, bin=under_way).dump())
        return replace(at, bin=None, archived=under_way.listed).swept_at(under_way.began, Sweep.ARCHIVED)

    def _not_ahead(self, modified: int) -> int:
        """A modification time, but none ahead of both clocks: one odd record must not hide all that come after."""
        return min(modified, max(self._now(), self._hubspots_time()))

    def _hubspots_time(self) -> int:
        return to_milliseconds(self._client.now().isoformat())

    def _now(self) -> int:
        return to_milliseconds(self._host.now().isoformat())


def _groups(listing: Listing, under_way: Pass, at_once: Callable[[], int]) -> Iterator[Group | Notice]:
    """What is left of a pass in groups of about so many records, and what the listing notices."""
    if not under_way.ranges:
        return
    group = Group(under_way)
    for page in listing.read(under_way.ranges):
        if isinstance(page, Notice):
            yield page
            continue
        group.add(page)
        if group.is_full(at_once()) or not group.left.ranges:
            yield group
            group = Group(group.left)
