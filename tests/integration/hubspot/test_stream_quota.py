"""What HubSpot allows in a day: what is left of it for others, and a sync that waits for the next day by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from support.going import by_itself, due
from support.mirror import LONG_AFTER, Mirror, MirrorMaker, Waits, made_account
from support.rig import eventually
from support.sandbox_http import Caller

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault
from engine.queue import jobs

RESERVE = 0.05
UNDER_WAY = 15
"""Calls that were under way when the reserve was reached: one for each thread at the most."""


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there is much to commit before the quota is spent."""
    monkeypatch.setattr("connectors.hubspot.crm.GROUP", 200)


def account() -> Account:
    return Account(contacts=6000, companies=20, deals=30, properties=15)


def small() -> Account:
    return made_account(contacts=250, companies=20, deals=30, properties=15)


def spend_to_the_reserve(account: Account) -> None:
    account.configure(daily_limit=90)


def spend_all(account: Account) -> None:
    account.fault(
        Fault(status=429, policy="DAILY", path="/crm/objects/2026-03/contacts", method="GET", skip=45, times=99)
    )


def ask_for_patience(account: Account) -> None:
    account.fault(
        Fault(status=477, retry_after=36_000, path="/crm/objects/2026-03/contacts", method="GET", skip=45, times=99)
    )


def a_new_day(mirror: Mirror) -> None:
    """HubSpot allows calls again, and the time has come at which the sync was to go on."""
    mirror.account.configure(daily_limit=None)
    mirror.account.clear_faults()
    due(mirror)


@pytest.mark.parametrize("spend", [spend_to_the_reserve, spend_all, ask_for_patience])
@pytest.mark.parametrize("daemon_was_down", [False, True], ids=["the daemon is there", "the daemon was down"])
def test_a_sync_that_the_day_has_no_calls_for_goes_on_by_itself(
    mirror: MirrorMaker, waits: Waits, spend: object, daemon_was_down: bool
) -> None:
    made = mirror(account())
    assert callable(spend)
    spend(made.account)
    ended = made.sync("rescheduled")
    first = made.last_sync()
    state = made.rig.one("SELECT * FROM penstock.connections WHERE schema = %s", made.schema)
    assert state["rescheduled_for"] == first["retry_at"] == ended.retry_at
    assert first["error_code"] == "quota_spent"
    kept = len(made.rows("contact"))
    assert 0 < kept < 6000
    if daemon_was_down:
        a_new_day(made)
    asked = made.requests()
    with by_itself(made) as scheduler:
        if not daemon_was_down:
            made.rig.execute("UPDATE penstock.syncs SET started_at = started_at - interval '1 day'")
            scheduler.ask()
            assert jobs.waiting(made.rig.database) == set()
            assert asked == []
            a_new_day(made)
        scheduler.ask()
        eventually(lambda: made.last_sync()["outcome"] == "succeeded")
    made.assert_same()
    second = made.last_sync()
    contacts = "SELECT records_read FROM penstock.sync_streams WHERE sync_id = %s AND stream = 'contacts'"
    read = made.rig.one(contacts, second["id"])["records_read"]
    assert read <= 6000 - kept + 10, "what was committed was read again"
    state = made.rig.one("SELECT * FROM penstock.connections WHERE schema = %s", made.schema)
    assert state["rescheduled_for"] is None


def test_the_sync_goes_on_when_hubspot_begins_a_new_day(mirror: MirrorMaker, waits: Waits) -> None:
    made = mirror(account())
    spend_to_the_reserve(made.account)
    ended = made.sync("rescheduled")
    assert ended.retry_at is not None
    assert abs(ended.retry_at.timestamp() * 1000 - made.account.limits.resets_at) < 2
    assert f"goes on by itself at {ended.retry_at:%Y-%m-%d %H:%M} UTC" not in (ended.error or "")  # it is a manual one
    assert f"{ended.retry_at:%Y-%m-%d %H:%M} UTC" in (ended.error or "")


def test_a_reserve_of_the_day_is_left_for_others(mirror: MirrorMaker, waits: Waits) -> None:
    """Each connection of an account sees by HubSpot's answers what all others and anybody else have used."""
    shared = account()
    first, second = mirror(shared), mirror(shared)
    first.sync()
    shared.configure(daily_limit=500)
    others = Caller(first.url, shared.token)
    while shared.limits.calls_today < 400:
        others.get("/account-info/2026-03/details")
    second.sync("rescheduled")
    left_at = 500 * (1 - RESERVE)
    assert left_at - 1 <= shared.limits.calls_today <= left_at + UNDER_WAY
    used = shared.limits.calls_today
    first.sync("rescheduled")
    assert shared.limits.calls_today <= used + 2, "the first answer tells"
    assert shared.limits.refused == 0
    others.close()


def test_a_wait_that_hubspot_asks_for_is_the_time_of_the_next_sync(mirror: MirrorMaker, waits: Waits) -> None:
    made = mirror(account())
    ask_for_patience(made.account)
    ended = made.sync("rescheduled")
    assert ended.retry_at is not None
    assert abs(ended.retry_at - datetime.now(UTC) - timedelta(hours=10)) < timedelta(minutes=1)


@pytest.mark.parametrize("path", ["/properties/", "/contacts/search", "/companies/search"])
def test_a_reconciliation_that_the_day_has_no_calls_for_is_not_forgotten(
    mirror: MirrorMaker, waits: Waits, path: str
) -> None:
    made = mirror(small(), reconciliation_hours=744, archived_hours=744, calculated_hours=744)
    made.sync()
    made.account.advance(LONG_AFTER)
    made.account.gdpr_delete(made.account.ids("contacts")[7])
    made.account.fault(Fault(status=429, policy="DAILY", path=path, times=99))
    made.rig.connections.request_reconciliation(made.schema)
    made.sync("rescheduled")
    a_new_day(made)
    made.sync()
    made.assert_same()
