"""Search finds every change, past its cap, its ties, its lag in order, and a source that changes while it is read."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot import wire
from connectors.hubspot.objects import COMPANIES, CONTACTS
from connectors.hubspot.paths import Paths
from connectors.hubspot.searching import CAP, PAGE, Changes, Search
from connectors.hubspot.values import from_milliseconds
from engine.contract import SourceUnavailable

START = 1_700_000_000_000


class Server:
    """HubSpot's search over id -> modification time (ms), with its rules; `on_page` may change the world."""

    paths = Paths.of("2026-03")

    def __init__(
        self, modified: Mapping[int, int], *, lexicographic: bool = False, compares_text: bool | None = None
    ) -> None:
        self.modified = dict(modified)
        self._ordered: dict[int, int] = {}
        self._hits: list[tuple[int, int]] = []
        self._sorted_as: Callable[[int], Any] = str if lexicographic else int
        self._compared_as: Callable[[Any], Any] = (
            str if (lexicographic if compares_text is None else compares_text) else int
        )
        self.pages = 0
        self.shuffle: random.Random | None = None
        self.on_page: Any = lambda: None

    def post(self, path: str, body: Mapping[str, Any], decoder: object, **_: object) -> wire.Hits:
        self.pages += 1
        assert path == self.paths.search("companies")
        assert len(body["sorts"]) == 1
        found = self._matching(body["filterGroups"])
        by_id = body["sorts"][0]["propertyName"] == "hs_object_id"
        if by_id:
            found.sort(key=lambda hit: self._sorted_as(hit[1]))
        if body["sorts"][0]["direction"] == "DESCENDING":
            found.reverse()
        offset = int(body.get("after", 0))
        assert offset + body["limit"] <= CAP, "HubSpot answers 400 beyond the cap"
        page = found[offset : offset + body["limit"]]
        if self.shuffle is not None and not by_id:
            i = self.shuffle.randrange(len(page)) if page else 0
            page = [*page[i:], *page[:i]]
        more = offset + len(page) < len(found)
        self.on_page()
        return wire.Hits(
            results=[wire.Hit(str(i), {"hs_lastmodifieddate": from_milliseconds(m)}) for m, i in page],
            total=len(found),
            paging=wire.Paging(wire.Next(str(offset + len(page)))) if more else None,
        )

    def _matching(self, groups: list[dict[str, Any]]) -> list[tuple[int, int]]:
        """Modification times and ids of what one of the groups lets through, in order."""
        if self._ordered != self.modified:
            self._ordered = dict(self.modified)
            self._hits = sorted(zip(self.modified.values(), self.modified, strict=True))
        found = set() if groups else {*self._hits}
        for group in groups:
            hits: Iterable[tuple[int, int]] = self._hits
            for each in group["filters"]:
                hits = filter(self._test(each), hits)
            found.update(hits)
        return [hit for hit in self._hits if hit in found]

    def _test(self, f: dict[str, str]) -> Callable[[tuple[int, int]], bool]:
        match f["propertyName"], f["operator"]:
            case "hs_lastmodifieddate", "GTE":
                least = int(f["value"])
                return lambda hit: hit[0] >= least
            case "hs_lastmodifieddate", "EQ":
                just = int(f["value"])
                return lambda hit: hit[0] == just
            case "hs_object_id", "GT":
                above = self._compared_as(f["value"])
                return lambda hit: bool(self._compared_as(hit[1]) > above)
        raise AssertionError(f)


def _changes(server: Server, since: int) -> Iterator[Changes]:
    return Search(server, COMPANIES).changes(since)  # type: ignore[arg-type] # all that Search needs of a client


def _found(server: Server, since: int) -> tuple[list[str], int]:
    ids: list[str] = []
    until = since
    for changes in _changes(server, since):
        ids += [hit[0] for hit in changes.hits]
        assert changes.until >= until, "what has been settled stays settled"
        until = changes.until
    return ids, until


MODIFIED = st.dictionaries(
    st.integers(min_value=1, max_value=10**6), st.integers(min_value=START, max_value=START + 40), max_size=1200
)

CHANCES = st.integers(min_value=0, max_value=2**32).map(random.Random)
"""Not `st.randoms()`, which takes down each number that is drawn: thousands here."""


@given(MODIFIED, st.booleans(), st.integers(min_value=0, max_value=45))
def test_everything_since_a_moment_is_found(modified: dict[int, int], lexicographic: bool, since: int) -> None:
    ids, until = _found(Server(modified, lexicographic=lexicographic), START + since)
    expected = {str(i) for i, m in modified.items() if m >= START + since}
    assert set(ids) == expected
    assert until == max([START + since, *modified.values()], default=START + since) or not expected


@pytest.mark.parametrize("lexicographic", [False, True])
def test_more_than_the_cap_in_one_millisecond_is_drained_by_id(lexicographic: bool) -> None:
    ties = dict.fromkeys(range(1, CAP + 2346), START + 5)
    server = Server({**ties, 10**7: START, 10**7 + 1: START + 6}, lexicographic=lexicographic)
    ids, until = _found(server, START)
    assert set(ids) == {str(i) for i in server.modified}
    assert until == START + 6
    assert server.pages < 2 * (len(ties) / PAGE) + 10


@pytest.mark.parametrize("lexicographic", [False, True])
@pytest.mark.parametrize(("records", "hidden"), [(PAGE * 7, 0), (CAP + 9 * PAGE, 0), (3 * CAP, CAP)])
def test_what_an_order_hides_that_is_not_the_comparisons_is_found_or_told(
    records: int, hidden: int, *, lexicographic: bool
) -> None:
    server = Server(
        dict.fromkeys(range(1, records + 1), START), lexicographic=lexicographic, compares_text=not lexicographic
    )
    changes = list(_changes(server, START))
    ids = [id_ for each in changes for id_, _ in each.hits]
    (whole,) = (each.whole for each in changes if each.whole)
    assert len(set(ids)) == len(ids) == records - whole.hidden
    assert whole.records == records
    assert whole.hidden <= hidden


def test_one_millisecond_with_many_records_after_another_ends_nothing_early() -> None:
    server = Server({i: START + i % 3 * 7 for i in range(3 * (PAGE + 70))})
    ids, _ = _found(server, START)
    assert set(ids) == {str(i) for i in server.modified}


def test_far_more_than_the_cap_takes_one_page_for_every_page_of_results() -> None:
    server = Server({i: START + i for i in range(30_000)})
    ids, _ = _found(server, START)
    assert len(set(ids)) == 30_000
    assert server.pages <= 30_000 / (PAGE - 1) + 2


@given(CHANCES)
def test_records_modified_while_the_pages_are_read_push_no_other_out(chance: random.Random) -> None:
    server = Server({i: START + chance.randrange(2000) for i in range(1500)})
    still = set(server.modified)
    clock = START + 5000

    def touch() -> None:
        nonlocal clock
        for i in chance.sample(range(1500), 20):
            clock += 1
            server.modified[i] = clock
            still.discard(i)

    server.on_page = touch
    ids, _ = _found(server, START)
    assert {str(i) for i in still} <= set(ids)


@given(MODIFIED, CHANCES)
def test_pages_out_of_order_hide_nothing(modified: dict[int, int], chance: random.Random) -> None:
    server = Server(modified)
    server.shuffle = chance
    assert set(_found(server, START)[0]) == {str(i) for i in modified}


def test_a_source_that_changes_faster_than_it_is_read_comes_to_an_end() -> None:
    server = Server({i: START + i for i in range(400)})
    clock = START + 10_000

    def touch_all() -> None:
        nonlocal clock
        for i in server.modified:
            clock += 1
            server.modified[i] = clock

    server.on_page = touch_all
    _, until = _found(server, START)
    assert until < clock
    assert server.pages < 10


@pytest.mark.parametrize(
    "modified", [dict.fromkeys(range(1, 3 * PAGE), START), {i: START + i for i in range(3 * PAGE)}]
)
def test_empty_pages_before_every_answer_are_not_the_end(modified: dict[int, int]) -> None:
    server = Server(modified)
    real = server.post
    emptied = 0

    def post(path: str, body: Mapping[str, Any], *args: Any, **kwargs: Any) -> wire.Hits:
        nonlocal emptied
        if "after" in body:
            return real(path, body, *args, **kwargs)
        emptied += 1
        return wire.Hits(results=[], total=len(modified), paging=wire.Paging(wire.Next("0")))

    server.post = post  # type: ignore[method-assign]
    assert set(_found(server, START)[0]) == {str(i) for i in modified}
    assert emptied == server.pages


def test_empty_pages_up_to_the_cap_are_an_error() -> None:
    server = Server({})
    server.post = lambda *a, **k: wire.Hits(results=[], total=9, paging=wire.Paging(wire.Next(str(CAP))))  # type: ignore[method-assign]
    with pytest.raises(SourceUnavailable, match="empty pages"):
        _found(server, START)


def test_search_starts_no_earlier_than_hubspot_can() -> None:
    server = Server({1: START})
    bodies: list[Mapping[str, Any]] = []
    real = server.post
    server.post = lambda path, body, *a, **k: bodies.append(body) or real(path, body, *a, **k)  # type: ignore[method-assign,func-returns-value]
    _found(server, -5)
    assert bodies[0]["filterGroups"][0]["filters"][0]["value"] == "1000"


def test_contacts_are_found_by_the_property_that_works_for_them() -> None:
    assert CONTACTS.modified == "lastmodifieddate"
    assert COMPANIES.modified == "hs_lastmodifieddate"


def test_the_newest_modification_and_the_number_of_records() -> None:
    server = Server({1: START + 3, 2: START + 9, 3: START})
    latest = Search(server, COMPANIES).latest()  # type: ignore[arg-type]
    assert (latest.modified, latest.total) == (START + 9, 3)
    assert Search(Server({}), COMPANIES).latest().modified is None  # type: ignore[arg-type]
