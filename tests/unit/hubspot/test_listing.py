"""The list is complete, whatever its cursor turns out to be."""

from __future__ import annotations

import base64
import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot import listing
from connectors.hubspot.cursor import Range
from connectors.hubspot.layout import Found
from connectors.hubspot.listing import Extent, Listing, ListPage
from connectors.hubspot.records import Listed
from connectors.hubspot.threads import Threads
from engine.contract import Notice, SourceRefused

PAGE = 5


@pytest.fixture(autouse=True, scope="module")
def _cut_small_lists() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "WORTH_CUTTING", 4 * PAGE)
        yield


class ByNextId:
    """As documented: the cursor is the id of the next record, or the last one plus one."""

    def __init__(self, ids: Sequence[int], *, exact: bool = True) -> None:
        self.ids = sorted(ids)
        self.exact = exact
        self.asked: list[str | None] = []

    def page(self, after: str | None) -> Listed:
        self.asked.append(after)
        start = bisect_left(self.ids, int(after or 0))
        found = self.ids[start : start + PAGE]
        more = start + PAGE < len(self.ids)
        cursor = str(self.ids[start + PAGE] if self.exact else found[-1] + 1) if more else None
        return _listed(found, cursor)


class ByOffset(ByNextId):
    """Not as documented: the cursor is a number, but a position."""

    def page(self, after: str | None) -> Listed:
        self.asked.append(after)
        start = int(after or 0)
        found = self.ids[start : start + PAGE]
        return _listed(found, str(start + PAGE) if start + PAGE < len(self.ids) else None)


class ByLastId(ByNextId):
    """Not as documented: the cursor is the last id of its page, which the next one shows again."""

    def page(self, after: str | None) -> Listed:
        page = super().page(after)
        return Listed(page.ids, page.found, page.ids[-1] if page.after else None)


class Opaque(ByNextId):
    """Not as documented: the cursor says nothing to anybody else."""

    def page(self, after: str | None) -> Listed:
        plain = base64.b64decode(after).decode() if after else None
        page = super().page(plain)
        return Listed(page.ids, page.found, base64.b64encode(page.after.encode()).decode() if page.after else None)


class Blind(ByNextId):
    """Looks as documented at first, but entered anywhere else it misses some records."""

    def page(self, after: str | None) -> Listed:
        known = not self.asked or after is None or any(str(i) == after for i in self.ids)
        if known:
            return super().page(after)
        skipping = ByNextId([i for i in self.ids if i >= int(after or 0)][2:])
        return skipping.page(after)


def _listed(ids: Sequence[int], after: str | None) -> Listed:
    return Listed([str(i) for i in ids], Found([(str(i),) for i in ids]), after)


def _extent(ids: Sequence[int]) -> Extent | None:
    return Extent(max(ids), len(ids)) if ids else None


def _reading(server: ByNextId, threads: Threads, size: int = 10**6) -> Listing:
    # a server stands in for `Records`, of which a listing calls nothing but `page`
    return Listing(server, threads, lambda: _extent(server.ids), size)  # type: ignore[arg-type]


def _read(server: ByNextId, ranges: tuple[Range, ...] = (Range(),), size: int = 10**6) -> tuple[set[int], list[Notice]]:
    seen: set[int] = set()
    notices: list[Notice] = []
    with Threads(4, "test") as threads:
        for page in _reading(server, threads, size).read(ranges):
            if isinstance(page, Notice):
                notices.append(page)
            else:
                seen.update(int(id_) for id_ in page.found.ids)
    return seen, notices


def _pages(server: ByNextId) -> list[ListPage | Notice]:
    with Threads(4, "test") as threads:
        return list(_reading(server, threads).read((Range(),)))


SPARSE_IDS = st.sets(st.integers(min_value=1, max_value=10**11), max_size=60)
DENSE_IDS = st.integers(min_value=0, max_value=4000).map(lambda n: set(range(1, n + 1)))


@given(SPARSE_IDS | DENSE_IDS, st.sampled_from([ByNextId, ByOffset, ByLastId, Opaque, Blind]))
def test_every_record_is_read_whatever_the_cursor_is(
    ids: set[int], server: Callable[[Sequence[int]], ByNextId]
) -> None:
    assert _read(server(sorted(ids)))[0] == ids


@pytest.mark.parametrize("exact", [True, False], ids=["next id", "last id plus one"])
def test_a_documented_cursor_is_entered_in_several_places(exact: bool) -> None:
    ids = [10**10 + i * 7919 for i in range(400)]
    server = ByNextId(ids, exact=exact)
    seen, notices = _read(server)
    assert seen == set(ids)
    assert notices == []
    jumps = [after for after in server.asked[1:10] if after and int(after) > ids[20]]
    assert len(jumps) >= 6
    assert len(server.asked) < 400 / PAGE * 1.6


def test_clusters_of_ids_with_nothing_between_them_cost_few_jumps() -> None:
    ids = {first + i for first in (10**3, 10**8, 10**11) for i in range(60)}
    server = ByNextId(sorted(ids))
    seen, _ = _read(server, size=len(ids))
    assert seen == ids
    cuts = listing.PARTS + len(ids) / listing.WORTH_CUTTING
    assert len(server.asked) <= len(ids) / PAGE + cuts + 2  # what is left of a page in the middle, and the open end


def test_a_record_that_is_shown_twice_takes_nothing_of_the_order() -> None:
    pages = [page for page in _pages(ByLastId(range(1, 200))) if isinstance(page, ListPage)]
    assert all(page.bounded for page in pages)
    assert [page.above for page in pages[1:]] == [page.to for page in pages[:-1]]


def test_an_opaque_cursor_is_followed_without_a_jump() -> None:
    server = Opaque(range(1, 3001))
    seen, _ = _read(server)
    assert seen == set(range(1, 3001))
    assert len(server.asked) == 600


def test_a_list_that_loses_records_to_a_jump_is_found_out() -> None:
    ids = random.Random(7).sample(range(1, 60000), 6000)
    seen, notices = _read(Blind(ids))
    assert seen == set(ids)
    assert [notice.code for notice in notices] == ["list_order"]


class Guarded(ByNextId):
    """Takes only cursors that it gave to this reader."""

    def __init__(self, ids: Sequence[int], *, exact: bool = True) -> None:
        super().__init__(ids, exact=exact)
        self.given: list[str | None] = [None]

    def page(self, after: str | None) -> Listed:
        if after not in self.given:
            raise SourceRefused("HubSpot refused with HTTP 400: Invalid or expired cursor.", status=400)
        page = super().page(after)
        self.given.append(page.after)
        return page


def test_a_list_that_takes_only_its_own_cursors_is_read_in_its_own_order() -> None:
    ids = range(1, 3001)
    seen, notices = _read(Guarded(ids))
    assert seen == set(ids)
    assert [notice.code for notice in notices] == ["list_order"]


@pytest.mark.parametrize("server", [ByNextId, Opaque])
def test_a_list_is_read_anew_where_hubspot_does_not_take_a_stored_cursor_any_more(server: type[ByNextId]) -> None:
    ids = range(1, 40)
    (page, *_) = [each for each in _pages(server(ids)) if isinstance(each, ListPage)]
    seen, notices = _read(Guarded(ids), page.left)
    assert seen == set(ids)
    assert [notice.code for notice in notices] == ["list_order"]


def test_a_list_that_refuses_its_own_cursors_is_not_begun_for_ever() -> None:
    server = Guarded(range(1, 40))
    server.given = []
    with pytest.raises(SourceRefused):
        _read(server, (Range("x"),))
    assert server.asked == []


@given(SPARSE_IDS | DENSE_IDS, st.integers(min_value=0, max_value=300))
def test_a_read_that_broke_off_goes_on_where_it_was(ids: set[int], pages: int) -> None:
    server = ByNextId(sorted(ids))
    seen: set[int] = set()
    left: tuple[Range, ...] = (Range(),)
    with Threads(4, "test") as threads:
        reading = _reading(server, threads)
        for page, _ in zip(reading.read(left), range(pages), strict=False):
            assert isinstance(page, ListPage)
            seen.update(int(id_) for id_ in page.found.ids)
            left = page.left
    rest, notices = _read(ByNextId(sorted(ids)), left) if left else (set(), [])
    assert seen | rest == ids
    assert notices == []
