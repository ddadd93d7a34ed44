"""Search: the index and its orders against a plain scan, and HubSpot's rules for requests."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sandbox_history import change_something
from support.sandbox_http import Answer, Caller

from connectors.hubspot.sandbox import times
from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.query import parse_query
from connectors.hubspot.sandbox.server import RunningSandbox, running_sandbox

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)


def searched(account: Account, object_type: str, **body: Any) -> tuple[int, list[int]]:
    store = account.store(object_type)
    store.index.settle(account.clock.now())
    query = parse_query(body, store.schema, lexicographic=store.search.lexicographic)
    matches = store.search.find(query)
    return matches.total, matches.slice(query.offset, query.offset + query.limit)


def by(name: str, direction: str = "ASCENDING") -> list[dict[str, str]]:
    return [{"propertyName": name, "direction": direction}]


def where(name: str, operator: str, value: object = "", high: object = "") -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": str(value), "highValue": str(high)}


@settings(max_examples=60, deadline=None)
@given(
    history=st.tuples(st.integers(0, 10**6), st.integers(0, 30)),
    window=st.tuples(st.integers(-10, 1110), st.integers(0, 1200)),
    sort=st.sampled_from(["lastmodifieddate", "hs_object_id", "lastname", None]),
    direction=st.sampled_from(["ASCENDING", "DESCENDING"]),
    named=st.booleans(),
)
def test_search_finds_what_a_scan_finds(
    history: tuple[int, int], window: tuple[int, int], *, sort: str | None, direction: str, named: bool
) -> None:
    account = Account(contacts=60, companies=2, deals=0, until=UNTIL, seed=2)
    rng = random.Random(history[0])
    for _ in range(history[1]):
        change_something(account, "contacts", rng)
        if rng.random() < 0.5:
            account.store("contacts").index.settle(account.clock.now())

    start = account.until + (window[0] - 1100) * times.DAY
    end = start + window[1] * times.DAY
    filters = [where("lastmodifieddate", "BETWEEN", start, end)]
    filters += [where("lastname", "EQ", "LIMA")] if named else []
    total, ids = searched(account, "contacts", filters=filters, sorts=by(sort, direction) if sort else [], limit=200)

    records = [record for i in account.ids("contacts") if (record := account.get("contacts", i))]
    expected = {
        int(record["id"]): record
        for record in records
        if start <= (times.parse(record["updatedAt"]) or 0) <= end
        and (not named or record["properties"]["lastname"] == "Lima")
    }
    assert total == len(ids) == len(expected)
    assert set(ids) == set(expected)
    keys = {
        "lastmodifieddate": lambda i: expected[i]["updatedAt"],
        "lastname": lambda i: (expected[i]["properties"]["lastname"] or "\U0010ffff").lower(),
    }
    key = keys.get(sort or "")
    order = [key(i) if key else i for i in ids]
    if sort != "lastname" or direction == "ASCENDING":  # in both directions, what is empty comes last
        assert order == sorted(order, reverse=sort is not None and direction == "DESCENDING")


def test_many_changes_at_once_are_indexed_like_few() -> None:
    account = Account(contacts=1500, until=UNTIL)
    moment = account.touch("contacts", 1200)
    for record_id in account.ids("contacts")[:700]:
        account.archive("contacts", record_id)
    total, ids = searched(account, "contacts", filters=[where("lastmodifieddate", "EQ", moment)], limit=200)
    assert total == 500
    assert ids == account.ids("contacts")[:200]
    assert searched(account, "contacts")[0] == 800


@pytest.mark.parametrize("lexicographic", [False, True])
def test_ties_in_one_millisecond_are_drained_by_id(lexicographic: bool) -> None:
    account = Account(contacts=150, sparse_ids=False, until=UNTIL)
    account.configure(lexicographic_ids=lexicographic)
    moment = account.touch("contacts", range(20, 121))
    account.purge("contacts", 77)
    drained: list[int] = []
    while True:
        filters = [where("lastmodifieddate", "EQ", moment), where("hs_object_id", "GT", drained[-1] if drained else 0)]
        total, ids = searched(account, "contacts", filters=filters, sorts=by("hs_object_id"))
        assert total == 100 - len(drained)
        if not ids:
            break
        drained += ids
    assert drained == sorted({*range(20, 121)} - {77}, key=str if lexicographic else int)


@pytest.mark.parametrize("lexicographic", [False, True])
def test_ids_compare_as_numbers_or_as_text(lexicographic: bool) -> None:
    account = Account(contacts=120, sparse_ids=False, until=UNTIL)
    account.configure(lexicographic_ids=lexicographic)
    _, ids = searched(account, "contacts", sorts=by("hs_object_id"), limit=200)
    assert ids == (sorted(range(1, 121), key=str) if lexicographic else list(range(1, 121)))
    _, later = searched(
        account, "contacts", filters=[where("hs_object_id", "GT", 99)], sorts=by("hs_object_id"), limit=200
    )
    assert later == ([] if lexicographic else list(range(100, 121)))


@pytest.mark.parametrize(
    ("operator", "value", "matches"),
    [
        ("EQ", "LIMA", {"Lima"}),
        ("NEQ", "Lima", {"Lagos", "New Lagos", None}),
        ("CONTAINS_TOKEN", "lagos", {"Lagos", "New Lagos"}),
        ("CONTAINS_TOKEN", "la*", {"Lagos", "New Lagos"}),
        ("NOT_CONTAINS_TOKEN", "Lagos", {"Lima", None}),
        ("HAS_PROPERTY", "", {"Lima", "Lagos", "New Lagos"}),
        ("NOT_HAS_PROPERTY", "", {None}),
        ("GT", "lb", {"Lima", "New Lagos"}),
    ],
)
def test_operators_on_text_look_at_no_case(operator: str, value: str, matches: set[str | None]) -> None:
    account = Account(contacts=0, companies=0, deals=0)
    cities = {account.create("contacts", {"city": city}): city for city in ("Lima", "Lagos", "New Lagos", None)}
    _, ids = searched(account, "contacts", filters=[where("city", operator, value)])
    assert {cities[i] for i in ids} == matches


@pytest.mark.parametrize(
    ("values", "matches"),
    [(["lima"], {"Lima"}), (["Lima"], set()), (["lima", "lagos"], {"Lima", "Lagos"})],
)
def test_in_wants_text_in_lower_case(values: list[str], matches: set[str]) -> None:
    account = Account(contacts=0, companies=0, deals=0)
    cities = {account.create("contacts", {"city": city}): city for city in ("Lima", "Lagos")}
    _, ids = searched(account, "contacts", filters=[{"propertyName": "city", "operator": "IN", "values": values}])
    assert {cities[i] for i in ids} == matches


def test_groups_are_alternatives_and_their_filters_conditions() -> None:
    account = Account(contacts=0, companies=0, deals=0)
    made = [account.create("contacts", {"city": c, "jobtitle": j}) for c in ("Lima", "Oslo") for j in ("CEO", "CFO")]
    groups = [
        {"filters": [where("city", "EQ", "Lima"), where("jobtitle", "EQ", "CEO")]},
        {"filters": [where("jobtitle", "EQ", "CFO")]},
    ]
    assert searched(account, "contacts", filterGroups=groups) == (3, [made[0], made[1], made[3]])
    assert searched(account, "contacts", query="LIMA") == (0, []), "the text looks at the default properties"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(Account(contacts=12_000, companies=50, deals=10)) as running:
        yield running


@pytest.fixture
def caller(sandbox: RunningSandbox) -> Iterator[Caller]:
    caller = Caller(sandbox.url, sandbox.token)
    yield caller
    caller.close()


def pages(caller: Caller, object_type: str, **body: Any) -> list[Answer]:
    answers = [caller.search(object_type, **body)]
    while answers[-1].after:
        answers.append(caller.search(object_type, **body, after=answers[-1].after))
    return answers


def test_pages_are_by_offset_and_the_last_one_has_no_cursor(caller: Caller) -> None:
    answers = pages(caller, "companies", limit=20, sorts=by("hs_lastmodifieddate"))
    assert [answer.after for answer in answers] == ["20", "40", None]
    ids = [i for answer in answers for i in answer.ids]
    assert len(set(ids)) == 50 == answers[0].body["total"]


def test_the_default_page_has_ten_results_in_the_order_of_creation(caller: Caller) -> None:
    ids = caller.search("contacts").ids
    assert len(ids) == 10
    assert ids == sorted(ids)


def test_nothing_is_shown_beyond_the_ten_thousandth(caller: Caller) -> None:
    edge = caller.search("contacts", limit=200, after="9800")
    assert (edge.status, len(edge.ids), edge.after) == (200, 200, "10000")
    assert edge.body["total"] == 12_000
    assert caller.search("contacts", limit=200, after="9801").status == 400
    assert caller.search("contacts", limit=1, after=edge.after).status == 400


def test_more_than_ten_thousand_records_may_share_a_millisecond(caller: Caller, sandbox: RunningSandbox) -> None:
    moment = sandbox.touch("contacts", 11_000)
    tied = where("lastmodifieddate", "EQ", moment)
    last, seen = 0, 0
    while found := caller.search(
        "contacts", filters=[tied, where("hs_object_id", "GT", last)], sorts=by("hs_object_id"), limit=200
    ).ids:
        last, seen = found[-1], seen + len(found)
    assert seen == 11_000


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": -1},
        {"after": "MTA="},
        {"sorts": by("city") + by("email")},
        {"sorts": by("no_such_property")},
        {"filters": [where("no_such_property", "EQ", "1")]},
        {"filters": [where("city", "LIKE", "1")]},
        {"filters": [where("lastmodifieddate", "GTE", "yesterday")]},
        {"filterGroups": [{"filters": [where("city", "EQ", "a")]}] * 6},
        {"filters": [where("city", "EQ", "a")] * 7},
        {"query": "x" * 3001},
    ],
)
def test_a_request_that_breaks_a_rule_is_refused(caller: Caller, body: dict[str, Any]) -> None:
    answer = caller.search("contacts", **body)
    assert (answer.status, answer.body["status"]) == (400, "error")


def test_a_filter_from_the_epoch_on_is_an_internal_error(caller: Caller) -> None:
    assert caller.search("contacts", filters=[where("lastmodifieddate", "GTE", 0)]).status == 500


def test_a_sort_that_is_mere_text_is_ignored(caller: Caller) -> None:
    assert caller.search("contacts", sorts=["-hs_object_id"]).ids == caller.search("contacts").ids


def test_contacts_have_no_hs_lastmodifieddate_to_filter_by(caller: Caller) -> None:
    old = where("hs_lastmodifieddate", "GTE", 1000)
    assert caller.search("contacts", filters=[old]).body["total"] == 0
    assert caller.search("companies", filters=[old]).body["total"] == 50


def test_filters_are_cut_to_milliseconds(caller: Caller) -> None:
    record = caller.search("companies", limit=1).body["results"][0]
    micros = record["updatedAt"].replace("Z", "999Z")
    found = caller.search("companies", filters=[where("hs_lastmodifieddate", "BETWEEN", micros, micros)])
    assert found.ids == [int(record["id"])]


def test_archived_records_and_associations_never_show(caller: Caller, sandbox: RunningSandbox) -> None:
    gone = sandbox.ids("companies")[-1]
    sandbox.archive("companies", gone)
    answer = caller.search("companies", limit=200, associations=["contacts"])
    assert gone not in answer.ids
    assert not any("associations" in result for result in answer.body["results"])
    sandbox.restore("companies", gone)


def test_the_index_lags_behind_by_record(caller: Caller, sandbox: RunningSandbox) -> None:
    kept, updated, *_, archived = sandbox.ids("deals")
    since = where("hs_lastmodifieddate", "GTE", times.milliseconds(datetime.now(UTC)))
    sandbox.configure(index_lag=30)
    try:
        sandbox.update("deals", updated, {"dealname": "new name"})
        sandbox.archive("deals", archived)
        created = sandbox.create("deals", {"dealname": "created"})
        stale = caller.search("deals", limit=200, properties=["dealname"])
        assert archived in stale.ids
        assert created not in stale.ids
        assert caller.search("deals", filters=[since]).body["total"] == 0
        read = caller.post(
            "/crm/v3/objects/deals/batch/read", {"inputs": [{"id": str(i)} for i in (kept, archived)], "properties": []}
        )
        assert (read.status, read.ids) == (207, [kept])
        sandbox.advance(31)
        assert sorted(caller.search("deals", filters=[since]).ids) == [updated, created]
        assert archived not in caller.search("deals", limit=200).ids
    finally:
        sandbox.configure(index_lag=0)
        sandbox.advance(-31)


def test_short_pages_lose_nothing(caller: Caller, sandbox: RunningSandbox) -> None:
    sandbox.configure(short_pages=True)
    try:
        answers = pages(caller, "companies", limit=20, sorts=by("hs_object_id"))
    finally:
        sandbox.configure(short_pages=False)
    assert [len(answer.ids) for answer in answers] == [10] * 5
    assert len({i for answer in answers for i in answer.ids}) == 50


def test_pages_may_be_out_of_order_within(caller: Caller, sandbox: RunningSandbox) -> None:
    sandbox.configure(out_of_order=True)
    try:
        answers = pages(caller, "companies", limit=20, sorts=by("hs_object_id"))
    finally:
        sandbox.configure(out_of_order=False)
    ids = [answer.ids for answer in answers]
    assert any(page != sorted(page) for page in ids)
    assert all(max(one) < min(other) for one, other in pairwise(ids))


def test_search_has_no_rate_headers(caller: Caller) -> None:
    assert not [name for name in caller.search("deals").headers if "ratelimit" in name.lower()]
