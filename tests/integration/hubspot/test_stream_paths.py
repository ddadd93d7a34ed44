"""The ways through an account: API versions, pages of any kind, many associations, reads that break off, reads again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.mirror import LONG_AFTER, Mirror, MirrorMaker, Waits, made_account

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault

TYPES = ("contacts", "companies", "deals")


def small(**options: Any) -> Account:
    return made_account(**{"contacts": 250, "companies": 20, "deals": 30, "properties": 15, **options})


def change_everything(account: Account, seed: int = 1) -> None:
    for object_type in TYPES:
        account.shuffle(object_type, seed=seed, updates=10, creates=2, archives=2, merges=2)


@pytest.mark.parametrize("version", ["2026-03", "2026-09", "v3"])
def test_every_api_version_gives_the_same(mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setenv("PENSTOCK_HUBSPOT_API_VERSION", version)
    made = mirror(small())
    asked = made.requests()
    made.sync()
    made.account.advance(LONG_AFTER)
    change_everything(made.account)
    made.sync()
    made.assert_same()
    assert all(version in path or (version == "v3" and "/crm/v4/associations/" in path) for path in asked)


@pytest.mark.parametrize(
    "settings",
    [
        {"short_pages": True},
        {"association_page": 1},
        {"sparse_ids": False},
        {"short_pages": True, "association_page": 2},
    ],
    ids=str,
)
def test_pages_may_be_of_any_size(mirror: MirrorMaker, settings: dict[str, Any]) -> None:
    account = small(contacts=900, **{name: settings[name] for name in settings if name != "short_pages"})
    account.configure(short_pages=settings.get("short_pages", False))
    made = mirror(account)
    made.sync()
    made.assert_same()
    account.advance(LONG_AFTER)
    change_everything(account)
    made.sync()
    made.assert_same()


@pytest.mark.parametrize("touched", ["contacts", "companies"])
def test_a_record_may_have_more_associations_than_any_page_holds(mirror: MirrorMaker, touched: str) -> None:
    account = small(contacts=1300, association_page=100)
    hub = account.ids("companies")[0]
    crowd = account.ids("contacts")[:1150]
    for contact in crowd:
        account.associate("contacts", contact, "companies", hub)
    made = mirror(account)
    made.sync()
    assert len(made.rows("contact_company", "company_id = %s AND NOT _fivetran_deleted", hub)) > 1150
    made.assert_same()
    account.advance(LONG_AFTER)
    for contact in crowd[::3]:
        account.dissociate("contacts", contact, "companies", hub)
    account.touch(touched, [hub] if touched == "companies" else crowd)
    made.sync()
    made.assert_same()


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/crm/objects/2026-03/contacts", "GET"),
        ("/contacts/batch/read", "POST"),
        ("/contacts/search", "POST"),
        ("/crm/associations/2026-03/contacts/companies", "POST"),
        ("/crm/associations/2026-03/deals/contacts", "POST"),
    ],
)
def test_a_read_that_breaks_off_anywhere_goes_on(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch, waits: Waits, path: str, method: str
) -> None:
    """Each sync gets a little further before HubSpot refuses; in between the account changes."""
    monkeypatch.setattr("engine.sync.reader.AT_LEAST_EVERY", 0.0)
    monkeypatch.setattr("connectors.hubspot.listing.WORTH_CUTTING", 200)
    made = mirror(small(contacts=3000))
    account = made.account
    account.touch("contacts", 400)
    for turn in range(5):
        account.fault(Fault(status=400, path=path, method=method, skip=3 * turn, times=99))
        made.rig.sync(made.schema)
        account.clear_faults()
        account.advance(61)
        change_everything(account, seed=turn)
    made.sync()
    made.assert_same()


def test_a_broken_historical_read_goes_on_although_records_came_back_in_between(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch, waits: Waits
) -> None:
    """The list is not what it was when its parts were first entered."""
    monkeypatch.setattr("engine.sync.reader.AT_LEAST_EVERY", 0.0)
    monkeypatch.setattr("connectors.hubspot.listing.WORTH_CUTTING", 200)
    monkeypatch.setattr("connectors.hubspot.crm.GROUP", 100)
    account = small(contacts=4000)
    ids = account.ids("contacts")
    away = ids[::2]
    for contact in away:
        account.archive("contacts", contact)
    made = mirror(account)
    for turn in range(6):
        account.fault(Fault(status=400, path="/crm/objects/2026-03/contacts", method="GET", skip=6, times=99))
        made.sync("failed")
        assert "historical" in made.cursor("contacts")
        account.clear_faults()
        for contact in away[turn::7]:
            account.restore("contacts", contact)
            account.touch("contacts", [contact])
        for contact in ids[1 + 2 * turn :: 300]:
            account.archive("contacts", contact)
    made.sync()
    made.assert_same()


def test_an_empty_page_with_a_next_one_is_not_the_end_of_the_list(mirror: MirrorMaker) -> None:
    made = mirror(small())
    empty = {"results": [], "paging": {"next": {"after": "0", "link": "?"}}}
    for object_type in TYPES:
        path = f"/crm/objects/2026-03/{object_type}"
        made.account.fault(Fault(status=200, path=path, method="GET", body=empty))
    made.sync()
    made.assert_same()


def test_long_stretches_before_a_date_limit_are_not_read_twice(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch, waits: Waits
) -> None:
    monkeypatch.setattr("connectors.hubspot.crm.SEARCHES_PER_SECOND", 1e-6)
    monkeypatch.setattr("connectors.hubspot.crm.GROUP_PAGES", 2)
    monkeypatch.setattr("connectors.hubspot.listing.PARTS", 1)
    monkeypatch.setattr("engine.sync.reader.AT_LEAST_EVERY", 0.0)
    account = small(contacts=1500)
    limit = datetime.fromtimestamp(account.until / 1000, UTC).date() - timedelta(days=20)
    made = mirror(account, historical_sync_time_frame="DATE_LIMIT", backward_sync_limit_date=limit.isoformat())
    made.account.fault(Fault(status=400, path="/crm/objects/2026-03/contacts", method="GET", skip=8, times=99))
    made.sync("failed")
    after = int(made.cursor("contacts")["historical"]["ranges"][0]["after"])
    assert after > made.account.ids("contacts")[250]
    assert made.rows("contact") == []


def test_an_empty_account_is_synced_and_so_is_what_comes_later(mirror: MirrorMaker) -> None:
    made = mirror(small(contacts=0, companies=0, deals=0))
    for _ in range(2):
        made.sync()
        made.assert_same()
    account = made.account
    account.advance(LONG_AFTER)
    deal = account.create("deals", {"dealname": "the first"})
    account.associate("deals", deal, "companies", account.create("companies", {"name": "the first"}))
    account.associate("deals", deal, "contacts", account.create("contacts", {"lastname": "the first"}))
    made.sync()
    made.assert_same()
    assert len(made.rows("deal_company")) == len(made.rows("deal_contact")) == 1


def test_records_that_are_alive_in_the_list_of_archived_ones_are_not_taken_for_gone(mirror: MirrorMaker) -> None:
    """Whatever stands before HubSpot may not know the parameter, and a restored record may still be listed."""
    made = mirror(small())
    made.sync()
    everything = [json.loads(line) for line in made.account.truth("contacts")]
    body = {"results": everything[:100]}
    made.account.fault(Fault(status=200, path="/crm/objects/2026-03/contacts", method="GET", body=body))
    made.sync()
    made.assert_same()


def resync(mirror: Mirror) -> None:
    mirror.rig.connections.request_historical(mirror.schema)
    mirror.sync()
    assert mirror.last_sync()["historical"]


def test_a_resync_brings_what_hubspot_announces_in_no_way(mirror: MirrorMaker) -> None:
    made = mirror(small())
    account = made.account
    contacts, deals = account.ids("contacts"), account.ids("deals")
    account.archive("contacts", contacts[9])
    made.sync()
    account.advance(LONG_AFTER)
    account.recalculate("contacts", contacts[3], {"annualrevenue": "123456.78"})
    account.restore("contacts", contacts[9])
    company = next(iter(account.neighbours("deals", deals[4], "companies")))
    account.dissociate("deals", deals[4], "companies", company)
    account.associate("deals", deals[5], "contacts", contacts[20])
    made.sync()
    before = made.rows("contact", "id <> ALL (%s)", [contacts[3], contacts[9]])
    resync(made)
    made.assert_same()
    assert made.rows("contact", "id <> ALL (%s)", [contacts[3], contacts[9]]) == before
