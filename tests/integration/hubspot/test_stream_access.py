"""Access that is taken away: a grant, a scope, all of them; and what goes on, what stops, and how it comes back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.comparison import SINGULAR
from support.going import by_itself, due
from support.mirror import LONG_AFTER, Mirror, MirrorMaker, Waits, made_account
from support.rig import eventually

from connectors.hubspot.sandbox.account import CLIENT_ID, CLIENT_SECRET, Account
from connectors.hubspot.sandbox.faults import Fault
from connectors.hubspot.sandbox.oauth import ALL_SCOPES
from engine.connections import status
from engine.connections.body import ConnectionChange
from engine.connections.host import StoredCredentials
from engine.contract import SourceRefused

TITLES = {"contacts": "lastname", "companies": "name", "deals": "dealname"}


def small(**options: Any) -> Account:
    return made_account(**{"contacts": 250, "companies": 20, "deals": 30, "properties": 15, **options})


def oauth(account: Account) -> dict[str, Any]:
    return {
        "refresh_token": account.grant()["refresh_token"],
        "client_access": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
    }


def connection(mirror: Mirror) -> dict[str, Any]:
    return mirror.rig.one("SELECT * FROM penstock.connections WHERE schema = %s", mirror.schema)


@pytest.mark.parametrize("rotate", [False, True], ids=["same refresh token", "rotating refresh tokens"])
def test_tokens_that_run_out_on_the_way_are_renewed(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch, rotate: bool
) -> None:
    account = small(contacts=1500, rotate_refresh_tokens=rotate)
    made = mirror(account, auth=oauth(account))
    real = account.faults.next
    seen = 0

    def expire_now_and_then(method: str, path: str) -> Fault | None:
        nonlocal seen
        seen += 1
        if seen % 40 == 0:  # seldom enough that no call meets it twice
            account.expire_access_tokens()
        return real(method, path)

    with monkeypatch.context() as patch:
        patch.setattr(account.faults, "next", expire_now_and_then)
        made.sync()
    made.assert_same()
    account.configure(expires_in=2)
    account.advance(LONG_AFTER)
    account.configure(latency=0.05)
    account.touch("contacts", 1500)
    made.sync()
    made.assert_same()


def test_a_refresh_token_that_another_worker_has_replaced_is_taken_from_where_it_stored_it(
    mirror: MirrorMaker, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = small(contacts=1500, rotate_refresh_tokens=True)
    auth = oauth(account)
    made = mirror(account, auth=auth)
    credentials = StoredCredentials(made.rig.database, made.rig.vault, connection(made)["id"])
    real = account.faults.next
    seen = 0

    def another_worker_renews(method: str, path: str) -> Fault | None:
        nonlocal seen
        seen += 1
        if seen in {20, 45}:
            stored = credentials.load()
            renewed = account.oauth.refresh(CLIENT_ID, CLIENT_SECRET, stored["refresh_token"])
            credentials.keep({**stored, "refresh_token": renewed["refresh_token"]})
            account.expire_access_tokens()
        return real(method, path)

    with monkeypatch.context() as patch:
        patch.setattr(account.faults, "next", another_worker_renews)
        made.sync()
    assert seen > 45
    made.assert_same()


def test_a_revoked_grant_stops_all_calls_until_a_person_reconnects(mirror: MirrorMaker, waits: Waits) -> None:
    account = small()
    auth = oauth(account)
    made = mirror(account, auth=auth)
    made.sync()
    with by_itself(made) as scheduler:
        account.revoke(auth["refresh_token"])
        due(made)
        scheduler.ask()
        eventually(lambda: made.last_sync()["outcome"] == "failed")
        last = made.last_sync()
        assert (last["error_code"], last["retry_at"]) == ("credentials_rejected", None)
        assert connection(made)["setup_state"] == "broken"
        for told in (
            last["error"],
            made.rig.one(
                "SELECT message FROM penstock.events WHERE connection = %s AND kind = 'reconnect'", made.schema
            )["message"],
            *(task["message"] for task in tasks(made)),
        ):
            assert "Reconnect the HubSpot account" in told
        assert [task["code"] for task in tasks(made)] == ["reconnect"]

        asked = made.requests()
        for _ in range(3):
            due(made)
            scheduler.ask()
        assert (
            made.rig.rows("SELECT FROM penstock.procrastinate_jobs WHERE queueing_lock = %s", connection(made)["id"])
            == []
        )
        assert asked == []
        with pytest.raises(SourceRefused, match="Nothing was stored"):
            made.rig.connections.update(
                made.schema, ConnectionChange.model_validate({"auth": {**auth, "refresh_token": "no"}})
            )
        assert connection(made)["setup_state"] == "broken"

        made.rig.connections.update(made.schema, ConnectionChange.model_validate({"auth": oauth(account)}))
        assert tasks(made) == []
        scheduler.ask()
        eventually(lambda: made.last_sync()["outcome"] == "succeeded")
    made.assert_same()


def tasks(mirror: Mirror) -> list[dict[str, Any]]:
    found = mirror.rig.connections.get(mirror.schema)
    return status.tasks(found, mirror.rig.connections.last_sync(found))


def test_a_token_of_bad_form_breaks_the_connection_at_the_first_call(mirror: MirrorMaker, waits: Waits) -> None:
    made = mirror(small())
    made.account.fault(Fault(status=530, times=99))
    ended = made.sync("failed")
    assert ended.error_code == "credentials_rejected"
    assert "HTTP 530" in (ended.error or "")
    assert ended.progress.api_calls == 1
    assert connection(made)["setup_state"] == "broken"


STREAMS = {"contacts", "companies", "deals", "owners", "deal_pipelines", "properties"}
SCOPES = {
    "contacts": ("crm.objects.contacts.read", "crm.schemas.contacts.read"),
    "companies": ("crm.objects.companies.read", "crm.schemas.companies.read"),
    "deals": ("crm.objects.deals.read", "crm.schemas.deals.read"),
    "owners": ("crm.objects.owners.read",),
}


def outcomes(mirror: Mirror) -> dict[str, str]:
    streams = mirror.rig.rows(
        "SELECT stream, outcome FROM penstock.sync_streams WHERE sync_id = %s", mirror.last_sync()["id"]
    )
    return {row["stream"]: row["outcome"] for row in streams}


@pytest.mark.parametrize("lost", SCOPES)
@pytest.mark.parametrize("when", ["from the beginning", "later"])
def test_a_scope_that_is_missing_stops_its_stream_alone(
    mirror: MirrorMaker, waits: Waits, lost: str, when: str
) -> None:
    account = small()
    made = mirror(account)
    if when == "later":
        made.sync()
        account.advance(LONG_AFTER)
    for scope in SCOPES[lost]:
        account.remove_scope(scope)
    touched = {object_type: account.ids(object_type)[2] for object_type in ("contacts", "companies", "deals")}
    for object_type, record_id in touched.items():
        account.update(object_type, record_id, {TITLES[object_type]: "touched"})
    made.sync()
    stopped = {lost, "deal_pipelines"} if lost == "deals" else {lost}
    assert {name for name, outcome in outcomes(made).items() if outcome != "succeeded"} == stopped
    notices = {notice["stream"]: notice for notice in made.last_sync()["notices"] if notice["code"] == "access_denied"}
    assert set(notices) == stopped
    assert SCOPES[lost][0] in notices[lost]["message"]
    for object_type, record_id in touched.items():
        if object_type != lost:
            row = made.row(SINGULAR[object_type], record_id)
            assert row[f"property_{TITLES[object_type]}"] == "touched"
    for scope in SCOPES[lost]:
        account.add_scope(scope)
    account.advance(LONG_AFTER)
    for object_type in touched:
        account.touch(object_type, 10**6)
    made.sync()
    made.assert_same()


def test_a_stream_whose_scope_is_back_goes_on_where_it_was(mirror: MirrorMaker, waits: Waits) -> None:
    account = small()
    made = mirror(account, reconciliation_hours=24, calculated_hours=24)
    made.sync()
    assert "tables_without_access_updated_at" not in connection(made)["config"]
    account.advance(LONG_AFTER)
    for scope in SCOPES["contacts"]:
        account.remove_scope(scope)
    made.sync()
    without = connection(made)["config"]["tables_without_access_updated_at"]
    told = [notice["message"] for notice in made.last_sync()["notices"] if notice["code"] == "access_denied"]
    assert len(told) == 1
    assert told[0].startswith(
        "The table contact is not updated. The HubSpot app lacks the scope crm.schemas.contacts.read or crm.objects"
    )
    event = "SELECT message FROM penstock.events WHERE connection = %s AND kind = 'access_denied'"
    assert made.rig.one(event, made.schema)["message"] == told[0]
    account.update("contacts", account.ids("contacts")[2], {"lastname": "touched"})
    for scope in SCOPES["contacts"]:
        account.add_scope(scope)
    made.sync()
    last = made.last_sync()
    assert (last["outcome"], [notice["code"] for notice in last["notices"]]) == ("succeeded", [])
    streams = "SELECT records_read FROM penstock.sync_streams WHERE sync_id = %s AND stream = 'contacts'"
    assert made.rig.one(streams, last["id"])["records_read"] < 20, "it was read again from the beginning"
    assert connection(made)["config"]["tables_without_access_updated_at"] > without
    made.assert_same()


@pytest.mark.parametrize("lost", SCOPES)
def test_a_scope_taken_away_in_the_middle_of_a_sync_stops_its_stream_alone(
    mirror: MirrorMaker, waits: Waits, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    account = small(contacts=1500, companies=1500, deals=1500)
    made = mirror(account)
    real = account.faults.next
    pages = 0

    def take_away(method: str, path: str) -> Fault | None:
        nonlocal pages
        pages += method == "GET" and path.endswith(f"/{lost}" if lost != "owners" else "owners/2026-03")
        if pages == (3 if lost != "owners" else 1):
            for scope in SCOPES[lost]:
                account.remove_scope(scope)
        return real(method, path)

    with monkeypatch.context() as patch:
        patch.setattr(account.faults, "next", take_away)
        made.sync()
    stopped = {name for name, outcome in outcomes(made).items() if outcome != "succeeded"}
    assert lost in stopped
    assert stopped <= {lost, "deal_pipelines"}
    for scope in SCOPES[lost]:
        account.add_scope(scope)
    made.reconcile()
    assert made.last_sync()["notices"] == []
    made.assert_same()


def test_without_any_scope_the_sync_fails_and_says_which_are_needed(mirror: MirrorMaker, waits: Waits) -> None:
    account = small()
    made = mirror(account)
    made.sync()
    for scope in ALL_SCOPES - {"oauth"}:
        account.remove_scope(scope)
    ended = made.sync("failed")
    assert ended.error_code == "access_denied"
    assert "lacks the scope crm." in (ended.error or "")
    assert set(outcomes(made).values()) == {"failed"}
    assert [task["code"] for task in tasks(made)] == ["grant_access"]
    assert connection(made)["setup_state"] != "broken"
    for scope in ALL_SCOPES:
        account.add_scope(scope)
    account.touch("contacts", 5)
    made.sync()
    assert tasks(made) == []
    made.assert_same()


def test_without_access_to_one_end_of_a_relation_the_other_end_is_read(mirror: MirrorMaker, waits: Waits) -> None:
    account = small()
    for scope in SCOPES["companies"]:
        account.remove_scope(scope)
    made = mirror(account)
    made.sync()
    assert len(made.rows("contact")) == 250
    skipped = {notice["stream"] for notice in made.last_sync()["notices"] if notice["code"] == "associations_skipped"}
    assert skipped == {"contacts", "deals"}
    for scope in SCOPES["companies"]:
        account.add_scope(scope)
    made.reconcile()
    made.assert_same()


def test_credentials_of_another_account_change_nothing(mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    made = mirror(small())
    made.sync()
    before = made.rows("contact")
    monkeypatch.setattr("connectors.hubspot.sandbox.handlers.settings.PORTAL_ID", 777)
    ended = made.sync("failed")
    assert re.search(r"has read the HubSpot account 4812377, but the credentials are for 777\. Give", ended.error or "")
    assert made.rig.connections.get(made.schema).setup_state == "broken"
    assert made.rows("contact") == before
    made.rig.connections.request_historical(made.schema)
    made.sync()
    assert {row["portal_id"] for row in made.rows("deal")} == {777}
