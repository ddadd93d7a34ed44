"""What HubSpot changes without a word is found by the sweeps, at a cost that can be counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from support.mirror import LONG_AFTER, Mirror, MirrorMaker, made_account

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault

SELDOM = {"reconciliation_hours": 744, "archived_hours": 744, "calculated_hours": 744}
"""No sweep comes due by itself."""

LIST = "GET /crm/objects/2026-03/{}"
SEARCH = "POST /crm/objects/2026-03/{}/search"
BATCH = "POST /crm/objects/2026-03/{}/batch/read"


def small(**options: Any) -> Account:
    return made_account(**{"contacts": 260, "companies": 40, "deals": 60, "properties": 20, **options})


@pytest.fixture
def synced(mirror: MirrorMaker) -> Mirror:
    """Both sides equal, a while later, and no sweep will be due."""
    made = mirror(small(), **SELDOM)
    made.sync()
    made.account.advance(LONG_AFTER)
    return made


def kinds(requests: list[str]) -> Counter[str]:
    return Counter(requests)


# Deletions and restores


def test_a_record_removed_for_privacy_is_gone_after_a_reconciliation(synced: Mirror) -> None:
    contact = synced.account.ids("contacts")[7]
    synced.account.gdpr_delete(contact)
    synced.sync()
    assert not synced.row("contact", contact)["_fivetran_deleted"]
    synced.reconcile()
    assert synced.row("contact", contact)["_fivetran_deleted"]
    synced.assert_same()


@pytest.mark.parametrize("position", [0, 99, 100, -1], ids=["first", "end of page", "start of page", "last"])
def test_whatever_its_place_in_the_list_a_purged_record_is_found_gone(synced: Mirror, position: int) -> None:
    contact = synced.account.ids("contacts")[position]
    synced.account.purge("contacts", contact)
    synced.reconcile()
    assert [row["id"] for row in synced.rows("contact", "_fivetran_deleted")] == [contact]
    synced.assert_same()


def test_an_account_that_was_emptied_is_found_empty(synced: Mirror) -> None:
    for deal in synced.account.ids("deals"):
        synced.account.purge("deals", deal)
    synced.reconcile()
    assert synced.rows("deal", "NOT _fivetran_deleted") == []
    synced.assert_same()


@pytest.mark.parametrize("object_type", ["contacts", "companies", "deals"])
def test_a_restored_record_is_alive_after_a_reconciliation(synced: Mirror, object_type: str) -> None:
    account = synced.account
    record = account.ids(object_type)[3]
    account.archive(object_type, record)
    synced.reconcile()
    table = {"contacts": "contact", "companies": "company", "deals": "deal"}[object_type]
    gone = synced.row(table, record)
    assert gone["_fivetran_deleted"]
    assert gone["archived_at"] is not None
    account.restore(object_type, record)
    synced.sync()
    assert synced.row(table, record)["_fivetran_deleted"]
    synced.reconcile()
    back = synced.row(table, record)
    assert not back["_fivetran_deleted"]
    assert back["archived_at"] is None
    synced.assert_same()


def test_a_record_that_search_never_showed_is_found_by_a_reconciliation(synced: Mirror) -> None:
    synced.account.configure(index_lag=10**9)
    contact = synced.account.create("contacts", {"lastname": "hidden"})
    other = synced.account.ids("contacts")[5]
    synced.account.update("contacts", other, {"lastname": "hidden too"})
    synced.sync()
    assert synced.rows("contact", "id = %s", contact) == []
    synced.reconcile()
    assert synced.row("contact", contact)["property_lastname"] == "hidden"
    assert synced.row("contact", other)["property_lastname"] == "hidden too"


def test_when_and_into_what_contacts_were_merged_is_told(synced: Mirror) -> None:
    account = synced.account
    one, other, third = account.ids("contacts")[3:6]
    first = account.merge("contacts", one, other)
    account.advance(5)
    last = account.merge("contacts", first, third)
    synced.sync()
    merges = {(row["canonical_vid"], row["vid_to_merge"]) for row in synced.rows("contact_merge_audit")}
    assert merges >= {(last, one), (last, other), (last, first), (last, third)}
    assert all(row["contact_id"] == row["canonical_vid"] for row in synced.rows("contact_merge_audit"))
    assert all(row["timestamp"] is not None for row in synced.rows("contact_merge_audit"))
    gone = [row["id"] for row in synced.rows("contact", "_fivetran_deleted")]
    assert set(gone) >= {one, other, third}
    synced.reconcile()
    synced.assert_same()


# Associations and calculated properties


def test_associations_changed_without_a_touch_are_right_after_a_reconciliation(synced: Mirror) -> None:
    account = synced.account
    deal, contact = account.ids("deals")[0], account.ids("contacts")[0]
    strangers = [c for c in account.ids("companies") if c not in account.neighbours("deals", deal, "companies")]
    account.associate("deals", deal, "companies", strangers[0])
    for company in list(account.neighbours("contacts", contact, "companies")):
        account.dissociate("contacts", contact, "companies", company)
    synced.sync()
    assert synced.rows("deal_company", "deal_id = %s AND company_id = %s", deal, strangers[0]) == []
    synced.reconcile()
    assert synced.rows("deal_company", "deal_id = %s AND company_id = %s", deal, strangers[0])
    assert all(row["_fivetran_deleted"] for row in synced.rows("contact_company", "contact_id = %s", contact))
    synced.assert_same()


def test_calculated_properties_are_refreshed_and_only_they(mirror: MirrorMaker) -> None:
    account = small()
    account.add_property("deals", "score", "number", values=["1", "2"], calculated=True)
    made = mirror(account, **(SELDOM | {"calculated_hours": 0}))
    made.sync()
    account.advance(LONG_AFTER)
    deal, other = account.ids("deals")[3:5]
    account.recalculate("deals", deal, {"score": "77"})
    before = {row["deal_id"]: row["_fivetran_synced"] for row in made.rows("deal")}
    asked = made.requests()
    made.sync()
    assert made.row("deal", deal)["property_score"] == 77
    changed = {row["deal_id"] for row in made.rows("deal") if row["_fivetran_synced"] != before[row["deal_id"]]}
    assert changed == {deal}
    assert kinds(asked)[LIST.format("deals")] == 1
    assert kinds(asked)[BATCH.format("deals")] == 0
    made.assert_same()
    made.rig.execute(f'UPDATE "{made.schema}".deal SET property_dealname = %s WHERE deal_id = %s', "by hand", other)
    made.sync()
    assert made.row("deal", other)["property_dealname"] == "by hand"


def test_a_property_that_comes_with_values_is_read_of_all_records(synced: Mirror) -> None:
    synced.account.add_property("companies", "tier", "string", values=["gold", "silver"])
    synced.sync()
    assert {row["property_tier"] for row in synced.rows("company")} == {"gold", "silver"}
    synced.assert_same()
    asked = synced.requests()
    synced.sync()
    assert kinds(asked)[LIST.format("companies")] == 0


@pytest.mark.parametrize("column", ["property_name", "archived_at"])
def test_what_somebody_dropped_is_read_again_and_no_other_stream(synced: Mirror, column: str) -> None:
    account = synced.account
    account.archive("companies", account.ids("companies")[3])
    account.purge("companies", account.ids("companies")[5])
    synced.reconcile()
    account.add_property("companies", "tier", "string", values=["gold", "silver"])  # comes with the same sync
    synced.rig.execute(f'ALTER TABLE "{synced.schema}".company DROP "{column}"')
    asked = synced.requests()
    synced.sync()
    requests = kinds(asked)
    synced.assert_same()
    assert requests[LIST.format("contacts")] == requests[LIST.format("deals")] == 0
    (notice,) = [each for each in synced.rig.syncs(synced.schema)[-1]["notices"] if each["code"] == "refilled"]
    assert f"The table company was without its {column}: companies is read anew" in notice["message"]


def test_a_property_that_comes_back_with_other_values_is_read_of_all_records(synced: Mirror) -> None:
    account = synced.account
    account.add_property("companies", "tier", "string", values=["gold"])
    synced.sync()
    account.remove_property("companies", "tier")
    synced.sync()
    account.add_property("companies", "tier", "string", values=["tin"])
    synced.sync()
    assert {row["property_tier"] for row in synced.rows("company")} == {"tin"}
    synced.assert_same()


def test_a_name_that_needs_no_renaming_does_not_take_the_column_of_one_that_did(synced: Mirror) -> None:
    account = synced.account
    account.add_property("companies", "a__b", "string", values=["first"])
    synced.sync()
    account.add_property("companies", "a_b", "string", values=["second"])
    synced.sync()
    assert {row["property_a_b"] for row in synced.rows("company")} == {"first"}
    (column,) = [name for name in synced.types("company") if name.startswith("property_a_b_")]
    assert {row[column] for row in synced.rows("company")} == {"second"}
    account.remove_property("companies", "a__b")
    account.remove_property("companies", "a_b")
    account.add_property("companies", "A_b", "string", values=["third"])
    synced.sync()
    assert {row["property_a_b"] for row in synced.rows("company")} == {"first"}
    assert {row[column] for row in synced.rows("company")} == {"second"}


# Index lag


def test_a_change_that_search_shows_an_hour_late_still_arrives(synced: Mirror) -> None:
    account = synced.account
    contact, other = account.ids("contacts")[3:5]
    account.configure(index_lag=59 * 60)
    account.update("contacts", contact, {"lastname": "late"})
    account.configure(index_lag=0)
    for _ in range(12):
        account.advance(5 * 60)
        account.update("contacts", other, {"lastname": "in time"})
        synced.sync()
    assert synced.row("contact", contact)["property_lastname"] == "late"


def test_what_search_shows_again_is_not_read_again(synced: Mirror) -> None:
    account = synced.account
    account.touch("contacts", 250)
    account.update("contacts", account.ids("contacts")[255], {"lastname": "one more"})
    synced.sync()
    for _ in range(3):
        account.advance(5 * 60)
        asked = synced.requests()
        ended = synced.sync()
        assert kinds(asked)[BATCH.format("contacts")] == 0
        assert {stream.name: stream.read for stream in ended.progress.streams}["contacts"] == 0
    account.update("contacts", account.ids("contacts")[0], {"lastname": "another"})
    asked = synced.requests()
    synced.sync()
    assert kinds(asked)[BATCH.format("contacts")] == 1


@pytest.fixture
def touched(mirror: MirrorMaker) -> Mirror:
    """Of 2,500 contacts 2,400 were just modified in one millisecond."""
    made = mirror(small(contacts=2500), **SELDOM)
    made.sync()
    made.account.advance(LONG_AFTER)
    made.account.touch("contacts", 2400)
    made.account.advance(1)
    return made


def test_a_millisecond_that_thousands_share_is_drained_once(touched: Mirror) -> None:
    made, account = touched, touched.account
    asked = made.requests()
    made.sync()
    assert kinds(asked)[SEARCH.format("contacts")] >= 2400 / 200
    late, other = account.ids("contacts")[2401:2403]
    asked = made.requests()
    made.sync()
    assert kinds(asked)[SEARCH.format("contacts")] <= 6
    account.update("contacts", account.ids("contacts")[3], {"lastname": "modified again"})
    account.update("contacts", late, {"lastname": "in a quiet time"})
    account.update("contacts", other, {"lastname": "as well"})
    asked = made.requests()
    made.sync()
    assert kinds(asked)[BATCH.format("contacts")] == 1
    asked = made.requests()
    made.sync()
    assert kinds(asked)[SEARCH.format("contacts")] <= 6
    assert kinds(asked)[BATCH.format("contacts")] == 0
    made.assert_same()


def test_a_millisecond_of_more_records_than_are_remembered_is_drained_once(
    touched: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.hubspot.recent.CAP", 500)
    made, account = touched, touched.account
    made.sync()
    made.sync()
    asked = made.requests()
    made.sync()
    assert kinds(asked)[SEARCH.format("contacts")] <= 6
    assert kinds(asked)[BATCH.format("contacts")] == 0
    account.update("contacts", account.ids("contacts")[3], {"lastname": "modified again"})
    made.sync()
    made.assert_same()


@pytest.mark.parametrize(("few_pages", "soon"), [(5, True), (1, False)])
def test_one_that_comes_late_into_a_millisecond_is_not_taken_for_one_that_has_left_it(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch, few_pages: int, *, soon: bool
) -> None:
    monkeypatch.setattr("connectors.hubspot.searching.FEW_PAGES", few_pages)
    made = mirror(small(), **SELDOM)
    made.sync()
    account = made.account
    account.advance(LONG_AFTER)
    leaving, *others, late, newer = account.ids("contacts")
    came = None
    while came != account.touch("contacts", [leaving, *others]):  # not in the same millisecond
        account.configure(index_lag=30 * 60)
        came = account.touch("contacts", [late])
        account.configure(index_lag=0)
    account.advance(1)
    made.sync()
    account.archive("contacts", leaving)
    account.advance(40 * 60)
    made.sync()
    touched = made.row("contact", others[0])["property_lastmodifieddate"]
    assert (made.row("contact", late)["property_lastmodifieddate"] == touched) == soon
    for _ in range(3):
        account.update("contacts", newer, {"lastname": "on"})
        account.advance(61 * 60)
        made.sync()
    assert made.row("contact", late)["property_lastmodifieddate"] == touched


def test_more_changes_than_are_remembered_are_read_once_more_when_they_are_settled(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.hubspot.recent.CAP", 100)
    made = mirror(small(), **SELDOM)
    made.sync()
    account = made.account
    account.advance(LONG_AFTER)
    contact = account.ids("contacts")[255]
    account.configure(index_lag=30 * 60)
    account.update("contacts", contact, {"lastname": "late"})
    account.configure(index_lag=0)
    account.advance(120)
    account.touch("contacts", 250)
    made.sync()
    account.advance(45 * 60)
    account.update("contacts", account.ids("contacts")[0], {"lastname": "on"})
    made.sync()
    assert made.row("contact", contact)["property_lastname"] != "late"
    account.advance(45 * 60)
    account.update("contacts", account.ids("contacts")[0], {"lastname": "and on"})
    made.sync()
    assert made.row("contact", contact)["property_lastname"] == "late"
    account.advance(60)
    asked = made.requests()
    made.sync()
    assert kinds(asked)[BATCH.format("contacts")] == 0


# Intervals, cost and interruptions


def test_a_small_account_is_reconciled_with_every_sync(mirror: MirrorMaker) -> None:
    made = mirror(small())
    made.sync()
    contact = made.account.ids("contacts")[7]
    made.account.gdpr_delete(contact)
    made.sync()
    made.assert_same()


def test_a_large_account_is_not(mirror: MirrorMaker) -> None:
    made = mirror(small(contacts=900))
    made.sync()
    contact = made.account.ids("contacts")[7]
    made.account.gdpr_delete(contact)
    asked = made.requests()
    made.sync()
    assert not made.row("contact", contact)["_fivetran_deleted"]
    assert kinds(asked)[LIST.format("contacts")] == 1  # the recycling bin
    made.reconcile()
    made.assert_same()


def test_a_reconciliation_of_an_unchanged_account_writes_nothing(synced: Mirror) -> None:
    def written() -> list[Any]:
        return synced.rig.rows(
            "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE schemaname = %s ORDER BY 1",
            synced.schema,
        )

    synced.rig.execute("SELECT pg_stat_force_next_flush()")
    before = written()
    asked = synced.requests()
    ended = synced.reconcile()
    assert (ended.progress.loaded.inserted, ended.progress.loaded.updated, ended.progress.loaded.deleted) == (0, 0, 0)
    assert written() == before
    assert kinds(asked)[LIST.format("contacts")] == 3 + 1  # 260 contacts, and the recycling bin
    assert kinds(asked)[BATCH.format("contacts")] == 0


def test_an_interrupted_reconciliation_goes_on_where_it_stopped(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.sync.reader.AT_LEAST_EVERY", 0.0)
    monkeypatch.setattr("connectors.hubspot.crm.GROUP_PAGES", 1)
    made = mirror(small(contacts=1200), **(SELDOM | {"reconciliation_hours": 1}))
    made.sync()
    account = made.account
    account.advance(LONG_AFTER)
    for contact in account.ids("contacts")[::100]:
        account.gdpr_delete(contact)
    made.rig.connections.request_reconciliation(made.schema)
    account.fault(Fault(status=400, path="/crm/objects/2026-03/contacts", method="GET", skip=8, times=99))
    made.sync("failed")
    assert made.cursor("contacts")["sweep"]["listed"] > 0
    account.clear_faults()
    asked = made.requests()
    made.sync()
    assert kinds(asked)[LIST.format("contacts")] < 12
    made.assert_same()


def test_a_resync_finds_what_vanished(synced: Mirror) -> None:
    contact = synced.account.ids("contacts")[7]
    synced.account.gdpr_delete(contact)
    synced.rig.connections.request_historical(synced.schema)
    asked = synced.requests()
    synced.sync()
    assert kinds(asked)[LIST.format("contacts")] == 3 + 1
    synced.assert_same()


def test_the_first_sync_reads_the_list_once(mirror: MirrorMaker) -> None:
    made = mirror(small())
    asked = made.requests()
    made.sync()
    assert {path: kinds(asked)[LIST.format(path)] for path in ("contacts", "companies", "deals")} == {
        "contacts": 3 + 1,  # 260 contacts, and the recycling bin
        "companies": 1 + 1,
        "deals": 1 + 1,
    }
    asked = made.requests()
    made.sync()
    assert kinds(asked)[LIST.format("companies")] == 1 + 1
