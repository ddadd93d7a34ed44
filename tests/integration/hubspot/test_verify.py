"""A verification finds exactly what is not as it should be."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support.mirror import LONG_AFTER, Mirror, MirrorMaker, made_account
from support.rig import eventually
from support.verifying import RARE, Found, everything, found, left_behind, of_table, pending, verified

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault
from engine.sync import verify as module


@pytest.fixture(autouse=True)
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What happens while a verification waits to look again; waiting takes no time."""
    steps: list[Callable[[], None]] = []
    monkeypatch.setattr(module.time, "sleep", lambda _seconds: [step() for step in steps])
    return steps


@pytest.fixture
def synced(mirror: MirrorMaker) -> Mirror:
    """Both sides equal, with something archived and something merged, and a while later."""
    account = made_account(contacts=60, companies=12, deals=20, properties=20, association_page=3)
    account.archive("deals", account.ids("deals")[4])
    account.merge("deals", *account.ids("deals")[:2])
    for object_type in ("contacts", "companies", "deals"):
        account.create(object_type)  # alone, and the newest: what was modified last is read again each time
    made = mirror(account, **RARE)
    made.sync()
    account.advance(LONG_AFTER)
    return made


def test_equal_sides_are_equal_and_nothing_is_written(synced: Mirror) -> None:
    before = everything(synced)
    verdict = verified(synced)
    assert (found(verdict), pending(verdict), verdict.unread, verdict.notices) == ({}, {}, (), ())
    assert everything(synced) == before
    eventually(lambda: not left_behind(synced))
    for table in verdict.tables:
        there = "NOT _fivetran_deleted" if "_fivetran_deleted" in synced.types(table.table) else "true"
        assert table.rows == len(synced.rows(table.table, there))


# What somebody does to the tables


@dataclass(frozen=True)
class Planted:
    """A statement, the table it is about, the kind of its rows' difference, and which rows those are before."""

    statement: str
    table: str
    kind: str
    rows: str = "true"


PLANTED = {
    "a row deleted": Planted(
        "DELETE FROM {s}.contact WHERE {rows}", "contact", "missing", "id = (SELECT min(id) FROM {s}.contact)"
    ),
    "rows marked as gone": Planted("UPDATE {s}.company SET _fivetran_deleted = true", "company", "missing"),
    "rows not marked as gone": Planted(
        "UPDATE {s}.deal SET _fivetran_deleted = false", "deal", "extra", "_fivetran_deleted"
    ),
    "a row that never was": Planted(
        "INSERT INTO {s}.contact (id) VALUES (7)", "contact", "extra", "id = (SELECT min(id) FROM {s}.contact)"
    ),
    "another value": Planted(
        "UPDATE {s}.deal SET property_amount = 0.5 WHERE {rows}",
        "deal",
        "different",
        "property_amount <> 0.5 AND NOT _fivetran_deleted",
    ),
    "associations deleted": Planted(
        "DELETE FROM {s}.deal_contact WHERE {rows}", "deal_contact", "missing", "type_id = 3"
    ),
    "an association that never was": Planted(
        "INSERT INTO {s}.deal_company (deal_id, company_id, type_id, category) VALUES (1, 2, 3, '')",
        "deal_company",
        "extra",
        "ctid = (SELECT min(ctid) FROM {s}.deal_company)",
    ),
    "another label": Planted(
        "UPDATE {s}.deal_company SET label = 'odd' WHERE {rows}", "deal_company", "different", "label IS NULL"
    ),
    "merges deleted": Planted("DELETE FROM {s}.merged_deal", "merged_deal", "missing"),
    "a table dropped": Planted("DROP TABLE {s}.contact", "contact", "missing"),
    "a table emptied": Planted("TRUNCATE {s}.contact_company", "contact_company", "missing"),
    "a column dropped": Planted(
        "ALTER TABLE {s}.contact DROP property_lastname", "contact", "different", "property_lastname IS NOT NULL"
    ),
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_what_was_done_to_the_tables_is_found_and_left_as_it_is(synced: Mirror, planted: Planted) -> None:
    rows = planted.rows.format(s=synced.schema)
    count = len(synced.rows(planted.table, rows))
    assert count
    synced.rig.execute(planted.statement.format(s=synced.schema, rows=rows))
    before = everything(synced)
    assert found(verified(synced)) == {planted.table: {planted.kind: count}}
    assert everything(synced) == before


def test_rows_that_never_go_are_not_extra(synced: Mirror) -> None:
    synced.rig.execute(f"INSERT INTO {synced.schema}.merged_deal VALUES (1, 2)")
    assert found(verified(synced)) == {}


def test_columns_that_differ_are_told_with_what_either_side_has(synced: Mirror) -> None:
    first, second, third = synced.account.ids("contacts")[:3]
    there = synced.row("contact", first)
    synced.rig.execute(
        f"UPDATE {synced.schema}.contact SET property_city = repeat('long ', 100), property_email = NULL WHERE id = %s",
        first,
    )
    synced.rig.execute(f"UPDATE {synced.schema}.contact SET property_email = 'x' WHERE id IN (%s, %s)", second, third)
    contacts = of_table(verified(synced), "contact")
    assert contacts.columns == {"property_email": 3, "property_city": 1}
    assert [row.key for row in contacts.examples] == [{"id": str(contact)} for contact in (first, second, third)]
    one, other, _ = contacts.examples
    assert one.stored == {"property_city": f"{'long ' * 12}…", "property_email": None}
    assert one.source == {name: there[name] for name in ("property_city", "property_email")}
    assert other.stored == {"property_email": "x"}


def test_of_many_rows_the_first_few_are_shown(synced: Mirror) -> None:
    synced.rig.execute(f"UPDATE {synced.schema}.contact SET property_city = 'x', property_email = 'y'")
    synced.rig.execute(f"INSERT INTO {synced.schema}.contact (id) SELECT generate_series(1, 30)")
    contacts = of_table(verified(synced), "contact")
    assert (contacts.extra, contacts.different) == (30, 61)
    assert [row.key["id"] for row in contacts.examples if row.kind == "extra"] == ["1", "2", "3", "4", "5"]
    assert len(contacts.examples) == 10


# What HubSpot changes without a word


def associations(account: Account, near: str, record_id: int, *far: str) -> list[int]:
    """How many rows a record's associations with each of these types are."""
    return [sum(map(len, account.neighbours(near, record_id, each).values())) for each in far]


def gdpr_deleted(account: Account) -> Found:
    contact = account.ids("contacts")[3]
    gone = associations(account, "contacts", contact, "companies", "deals")
    account.gdpr_delete(contact)
    tables = zip(("contact_company", "deal_contact"), gone, strict=True)
    return {"contact": {"extra": 1}, **{table: {"extra": rows} for table, rows in tables if rows}}


def archived(account: Account) -> Found:
    deal = account.ids("deals")[3]
    gone = associations(account, "deals", deal, "companies", "contacts")
    account.archive("deals", deal)
    tables = zip(("deal_company", "deal_contact"), gone, strict=True)
    return {"deal": {"extra": 1}, **{table: {"extra": rows} for table, rows in tables if rows}}


def restored(account: Account) -> Found:
    (deal,) = account.ids("deals", archived=True)
    account.restore("deals", deal)
    back = associations(account, "deals", deal, "companies", "contacts")
    tables = zip(("deal_company", "deal_contact"), back, strict=True)
    return {"deal": {"missing": 1}, **{table: {"missing": rows} for table, rows in tables if rows}}


def purged(account: Account) -> Found:
    (deal,) = account.ids("deals", archived=True)
    account.purge("deals", deal)
    return {}


def recalculated(account: Account) -> Found:
    for company in account.ids("companies")[2:5]:
        account.recalculate("companies", company, {"hs_num_open_deals": "77"})
    return {"company": {"different": 3}}


def associated(account: Account) -> Found:
    deal, company = account.ids("deals")[5], account.ids("companies")[-1]
    before = associations(account, "deals", deal, "companies")
    account.associate("deals", deal, "companies", company)
    (more,) = (after - b for after, b in zip(associations(account, "deals", deal, "companies"), before, strict=True))
    return {"deal_company": {"missing": more}}


def dissociated(account: Account) -> Found:
    deal = account.ids("deals")[5]
    company, types = next(iter(account.neighbours("deals", deal, "companies").items()))
    account.dissociate("deals", deal, "companies", company)
    return {"deal_company": {"extra": len(types)}}


@pytest.mark.parametrize(
    "change",
    [gdpr_deleted, archived, restored, purged, recalculated, associated, dissociated],
    ids=lambda change: change.__name__,
)
def test_what_was_changed_without_a_word_is_found_until_it_is_reconciled(
    synced: Mirror, change: Callable[[Account], Found]
) -> None:
    expected = change(synced.account)
    assert found(verified(synced)) == expected
    synced.rig.connections.request_reconciliation(synced.schema)
    synced.sync()
    verdict = verified(synced)
    assert (found(verdict), pending(verdict)) == ({}, {})


# What has only changed since the last sync


def test_what_the_next_sync_brings_is_no_difference(synced: Mirror) -> None:
    account = synced.account
    for contact in account.ids("contacts")[:2]:
        account.update("contacts", contact, {"lastname": "new"})
    account.create("companies")
    account.owners[1]["firstName"] = "Zoë"
    synced.rig.execute(f"DELETE FROM {synced.schema}.contact WHERE id = %s", account.ids("contacts")[0])
    verdict = verified(synced)
    assert (found(verdict), pending(verdict)) == ({}, {"contact": 2, "company": 1, "owner": 1})


def test_a_change_that_hubspot_shows_before_it_announces_it_is_no_difference(
    synced: Mirror, meanwhile: list[Callable[[], None]]
) -> None:
    account, doubted = synced.account, list[int]()
    account.configure(index_lag=30)
    account.update("contacts", account.ids("contacts")[0], {"lastname": "new"})
    meanwhile.append(lambda: account.advance(60))
    verdict = verified(synced, on_doubt=doubted.append)
    assert (found(verdict), pending(verdict), doubted) == ({}, {"contact": 1}, [1])


@pytest.mark.parametrize("seed", range(3))
def test_changes_while_it_runs_are_no_differences_and_hide_none(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Between any two requests records are modified, created and merged."""
    made = mirror(made_account(contacts=900, companies=60, deals=90, properties=15, association_page=7), **RARE)
    account = made.account
    made.sync()
    account.advance(LONG_AFTER)
    wrong = account.ids("deals")[5]
    made.rig.execute(f"UPDATE {made.schema}.deal SET property_dealname = 'wrong' WHERE deal_id = %s", wrong)
    rng, real = random.Random(seed), account.faults.next

    def disturb(method: str, path: str) -> Fault | None:
        if rng.random() < 0.5:
            object_type = rng.choice(("contacts", "companies"))
            account.shuffle(
                object_type, seed=rng.randrange(10**9), **dict.fromkeys(("updates", "creates", "merges"), 1)
            )
            account.advance(rng.random())
        return real(method, path)

    with monkeypatch.context() as patch:
        patch.setattr(account.faults, "next", disturb)
        verdict = verified(made)
    assert found(verdict) == {"deal": {"different": 1}}
    assert pending(verdict)["contact"] > 10
    assert [row.key for row in of_table(verdict, "deal").examples] == [{"deal_id": str(wrong)}]


# Values


def test_values_that_were_stored_as_near_as_possible_are_no_differences(mirror: MirrorMaker) -> None:
    account = made_account(contacts=6, companies=0, deals=0, properties=10)
    odd = {
        "tickets": ("number", "1;2", "7.10"),
        "day": ("date", "1572480000001", "2024-02-29"),
        "moment": ("datetime", "now", "2024-09-11T13:27:39.356Z"),
        "flag": ("bool", "Yes", "true"),
        "note": ("string", "nul \0 nul, half \ud83d a pair", "plain"),
        "long": ("string", "x" * 65_536, ""),
    }
    for name, (type_, _, _) in odd.items():
        account.add_property("contacts", name, type_)
    first, second, third, *_ = account.ids("contacts")
    account.update("contacts", first, {name: usual for name, (_, _, usual) in odd.items()})
    made = mirror(account, **RARE)
    made.sync()
    account.advance(LONG_AFTER)
    account.update("contacts", second, {name: strange for name, (_, strange, _) in odd.items()})
    made.sync()
    assert made.types("contact")["property_tickets"] == "text"
    account.advance(LONG_AFTER)
    assert found(verified(made)) == {}
    account.recalculate("contacts", third, {name: strange for name, (_, strange, _) in odd.items()})
    contacts = of_table(verified(made), "contact")
    assert (contacts.different, len(contacts.columns)) == (1, len(odd))


def test_rows_that_cannot_be_stored_are_rejected_and_not_missing(mirror: MirrorMaker) -> None:
    rng = random.Random(1)
    too_long = "".join(rng.choice("0123456789abcdef") for _ in range(20_000))  # for a key, also when it is packed
    account = made_account(contacts=3, companies=0, deals=0, properties=10)
    account.add_property("contacts", "choice", "enumeration", options=("a", too_long))
    made = mirror(account, **RARE)
    made.sync()
    assert made.last_sync()["rows_rejected"] == 1
    account.advance(LONG_AFTER)
    before = everything(made)
    verdict = verified(made)
    assert found(verdict) == {"property_option": {"rejected": 1}}
    assert verdict.differences == 0
    assert everything(made) == before


@pytest.mark.parametrize(
    "way",
    [
        "list",
        "search",
    ],
)
def test_what_a_date_limit_leaves_out_is_on_neither_side(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr("connectors.hubspot.crm.SEARCHES_PER_SECOND", {"list": 1e-6, "search": 1e6}[way])
    account = made_account(contacts=300, companies=40, deals=60, properties=15)
    contacts = account.ids("contacts")
    account.touch("contacts", contacts[100:])
    limit = account.get("contacts", contacts[100])["updatedAt"][:10]
    made = mirror(account, historical_sync_time_frame="DATE_LIMIT", backward_sync_limit_date=limit, **RARE)
    made.sync()
    account.advance(LONG_AFTER)
    account.update("contacts", contacts[0], {"lastname": "modified"})
    made.sync()
    verdict = verified(made)
    assert found(verdict) == {}
    assert 200 <= of_table(verdict, "contact").rows < 300
