"""What the sandbox can do for a simulation: a clock that stands, sizes that are small, lags that differ, values that are odd."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.answering import answer
from connectors.hubspot.sandbox.faults import Fault, FaultKind

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def account() -> Account:
    return Account(contacts=40, companies=5, deals=5, properties=10, until=NOON, stands_at=NOON)


def asked(account: Account, target: str, body: object = None, method: str = "GET") -> tuple[int, dict]:
    headers = {"authorization": f"Bearer {account.token}"}
    response = answer(account, method, target, headers, json.dumps(body).encode() if body else b"").response
    assert response is not None
    return response.status, json.loads(response.body)


def searched(account: Account, **body: object) -> tuple[int, dict]:
    newest = {"sorts": [{"propertyName": "lastmodifieddate", "direction": "DESCENDING"}]}
    return asked(account, "/crm/objects/2026-03/contacts/search", {**newest, **body}, "POST")


def test_the_clock_stands_until_it_is_moved(account: Account) -> None:
    assert account.clock.now() == NOON.timestamp() * 1000
    account.advance(1.5)
    assert account.clock.now() == NOON.timestamp() * 1000 + 1500


def test_limits_go_by_the_accounts_clock(account: Account) -> None:
    account.configure(limit=2)
    path = "/crm/objects/2026-03/contacts"
    assert [asked(account, path)[0] for _ in range(3)] == [200, 200, 429]
    account.advance(10)
    assert asked(account, path)[0] == 200


def test_a_small_account_meets_the_rules_of_a_large_one(account: Account) -> None:
    account.configure(record_page=5, search_page=4, search_cap=8)
    assert asked(account, "/crm/objects/2026-03/contacts?limit=6")[0] == 400
    assert len(asked(account, "/crm/objects/2026-03/contacts?limit=5")[1]["results"]) == 5
    inputs = [{"id": str(record_id)} for record_id in account.ids("contacts")[:6]]
    assert asked(account, "/crm/objects/2026-03/contacts/batch/read", {"inputs": inputs}, "POST")[0] == 400
    assert searched(account, limit=5)[0] == 400
    assert [searched(account, limit=4, after=after)[0] for after in ("0", "4", "5")] == [200, 200, 400]


def test_each_change_has_a_lag_of_its_own_and_never_shows_an_earlier_state(account: Account) -> None:
    account.configure(index_lag=10, index_lag_spread=3600)
    first, *others = account.ids("contacts")
    for number in range(20):
        account.update("contacts", first, {"lastname": f"state {number}"})
        account.update("contacts", others[number], {"lastname": "once"})
    shown, seen = set(), []
    for _ in range(37):
        account.advance(100)
        shown.add(searched(account, limit=1)[1]["total"] and len(_known(account, others[:20])))
        seen.append(_known(account, [first]))
    assert len(shown) > 5, "all changes became visible at once"
    states = [int(state[0].split()[1]) for state in seen if state]
    assert states == sorted(states)
    assert states[-1] == 19


def _known(account: Account, ids: list[int]) -> list[str]:
    index = account.store("contacts").index
    index.settle(account.clock.now())
    return [record.values["lastname"] for i in ids if (record := index.record(i)) and "lastname" in record.values]


def test_half_of_a_surrogate_pair_goes_out_as_an_escape(account: Account) -> None:
    [first, *_] = account.ids("contacts")
    account.update("contacts", first, {"lastname": "\ud83d half"})
    headers = {"authorization": f"Bearer {account.token}"}
    response = answer(account, "GET", f"/crm/objects/2026-03/contacts/{first}", headers).response
    assert response is not None
    assert b"\\ud83d half" in response.body


def test_a_fault_that_breaks_the_connection_leaves_no_response(account: Account) -> None:
    account.fault(Fault(FaultKind.RESET))
    assert answer(account, "GET", "/crm/owners/2026-03", {}).response is None
    assert answer(account, "GET", "/crm/owners/2026-03", {}).response.status == 401
