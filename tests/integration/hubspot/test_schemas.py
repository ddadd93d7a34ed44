"""What a person chooses of HubSpot's tables and columns, and what comes of it in the destination."""

from __future__ import annotations

from typing import Any

import pytest
from support.mirror import LONG_AFTER, Mirror, MirrorMaker, made_account
from support.verifying import verified

from engine.connections.body import parse
from engine.connections.schema_body import ColumnBody, SchemasBody, TableBody
from engine.connections.schemas import Schemas
from engine.contract import Conflict, InvalidSetting, NotFound

HUBSPOT = "hubspot"


class Chooser:
    """A mirror with somebody who chooses."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.account = mirror.account
        self.schemas = Schemas(mirror.rig.database, mirror.rig.vault)

    def table(self, table: str, **wanted: Any) -> None:
        self.schemas.change_table(self.mirror.schema, HUBSPOT, table, parse(TableBody, wanted))

    def column(self, table: str, column: str, **wanted: Any) -> None:
        self.schemas.change_column(self.mirror.schema, HUBSPOT, table, column, parse(ColumnBody, wanted))

    def all(self, **wanted: Any) -> None:
        self.schemas.change(self.mirror.schema, parse(SchemasBody, wanted))

    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = self.schemas.config(self.mirror.schema)["schemas"][HUBSPOT]
        return found

    def columns(self, table: str) -> dict[str, Any]:
        found: dict[str, Any] = self.schemas.columns(self.mirror.schema, HUBSPOT, table)["columns"]
        return found


@pytest.fixture
def chooser(mirror: MirrorMaker) -> Chooser:
    """Of a small account that was synced once."""
    account = made_account(contacts=30, companies=12, deals=20, properties=6)
    it = mirror(account, reconciliation_hours=0)
    it.sync()
    it.assert_same()
    return Chooser(it)


def changed(chooser: Chooser, what: str = "contacts", **properties: str) -> int:
    """A record that changed long after the last sync."""
    chooser.account.advance(LONG_AFTER)
    record = chooser.account.ids(what)[0]
    chooser.account.update(what, record, properties)
    return record


# The config


def test_the_config_is_known_after_the_first_sync_and_without_asking(chooser: Chooser) -> None:
    asked = chooser.mirror.requests()
    config = chooser.schemas.config(chooser.mirror.schema)
    assert asked == []
    assert (config["schema_change_handling"], config["enable_new_by_default"]) == ("ALLOW_ALL", True)
    schema = config["schemas"][HUBSPOT]
    assert (schema["name_in_destination"], schema["enabled"]) == (chooser.mirror.schema, True)
    tables = chooser.mirror.rig.rows(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", chooser.mirror.schema
    )
    assert sorted(schema["tables"]) == [row["tablename"] for row in tables]
    assert schema["tables"]["deal_company"] == {
        "name_in_destination": "deal_company",
        "enabled": True,
        "sync_mode": "SOFT_DELETE",
        "supports_columns_config": True,
        "supports_history_mode": False,
        "enabled_patch_settings": {"allowed": True},
        "columns": {},
    }
    assert schema["tables"]["deal"]["supports_history_mode"] is True


def test_before_the_first_sync_there_is_none_until_it_is_asked_for(mirror: MirrorMaker) -> None:
    it = mirror(made_account(contacts=3, companies=3, deals=3))
    schemas = Schemas(it.rig.database, it.rig.vault)
    with pytest.raises(NotFound) as caught:
        schemas.config(it.schema)
    assert caught.value.kind == "schema config"
    wanted = {"schema_change_handling": "BLOCK_ALL", "schemas": {HUBSPOT: {"tables": {"contact": {"enabled": True}}}}}
    made = schemas.create(it.schema, parse(SchemasBody, wanted))
    tables = made["schemas"][HUBSPOT]["tables"]
    assert [name for name, table in tables.items() if table["enabled"]] == ["contact"]
    it.sync()
    there = it.rig.rows("SELECT tablename FROM pg_tables WHERE schemaname = %s", it.schema)
    assert [row["tablename"] for row in there] == ["contact"]
    assert len(it.rows("contact")) == 3
    included = schemas.reload(it.schema, "INCLUDE")["schemas"][HUBSPOT]["tables"]
    assert all(table["enabled"] for table in included.values())
    it.sync()
    it.assert_same()
    excluded = schemas.reload(it.schema, "EXCLUDE")["schemas"][HUBSPOT]["tables"]
    assert not any(table["enabled"] for table in excluded.values())
    assert it.sync().progress.read == 0


def test_the_columns_of_a_table_are_those_of_now(chooser: Chooser) -> None:
    chooser.account.add_property("contacts", "shoe_size", "number")
    columns = chooser.columns("contact")
    assert columns["property_shoe_size"] == {
        "name_in_destination": "property_shoe_size",
        "enabled": True,
        "hashed": False,
        "is_primary_key": False,
        "enabled_patch_settings": {"allowed": True},
    }
    assert columns["id"]["is_primary_key"] is True
    assert columns["id"]["enabled_patch_settings"]["reason_code"] == "SYSTEM_COLUMN"
    chooser.column("contact", "property_shoe_size", enabled=False)
    assert list(chooser.config()["tables"]["contact"]["columns"]) == ["property_shoe_size"]
    chooser.account.remove_property("contacts", "shoe_size")
    assert "property_shoe_size" not in chooser.columns("contact")
    kept = chooser.config()["tables"]["contact"]["columns"]["property_shoe_size"]
    assert (kept["enabled"], kept["enabled_patch_settings"]["reason_code"]) == (False, "DELETED")


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"crm": {"enabled": False}}, "schemas.crm"),
        ({HUBSPOT: {"tables": {"Contact": {"enabled": False}}}}, "schemas.hubspot.tables.Contact"),
        ({HUBSPOT: {"tables": {"deal_company": {"sync_mode": "HISTORY"}}}}, ".sync_mode"),
        ({HUBSPOT: {"tables": {"deal": {"columns": {"deal_id": {"enabled": False}}}}}}, "deal_id.enabled"),
        ({HUBSPOT: {"tables": {"deal": {"columns": {"deal_id": {"hashed": True}}}}}}, "deal_id.hashed"),
        (
            {HUBSPOT: {"tables": {"deal": {"columns": {"owner_id": {"is_primary_key": True}}}}}},
            "owner_id.is_primary_key",
        ),
        ({HUBSPOT: {"tables": {"deal": {"columns": {"_fivetran_synced": {"enabled": False}}}}}}, "_fivetran_synced"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(chooser: Chooser, wanted: Any, field: str) -> None:
    before = chooser.schemas.config(chooser.mirror.schema)
    with pytest.raises(InvalidSetting) as caught:
        chooser.all(schemas={HUBSPOT: {"tables": {"contact": {"enabled": False}}}, **wanted})
    assert caught.value.field.endswith(field)
    assert chooser.schemas.config(chooser.mirror.schema) == before


# Tables


def test_a_disabled_table_is_not_written_and_filled_again_when_it_is_enabled(chooser: Chooser) -> None:
    chooser.table("contact", enabled=False)
    chooser.table("deal_contact", enabled=False)
    before = chooser.mirror.rows("contact"), chooser.mirror.rows("deal_contact")
    changed(chooser, firstname="Changed")
    account, deal = chooser.account, chooser.account.ids("deals")[0]
    account.archive("deals", account.ids("deals")[1])
    account.purge("deals", account.ids("deals")[2])
    account.create("contacts", {"email": "new@example.com"})
    account.update("deals", deal, {"dealname": "changed too"})
    chooser.mirror.sync()
    assert (chooser.mirror.rows("contact"), chooser.mirror.rows("deal_contact")) == before
    assert chooser.mirror.row("deal", deal)["property_dealname"] == "changed too"
    chooser.table("contact", enabled=True)
    chooser.table("deal_contact", enabled=True)
    chooser.mirror.sync()
    chooser.mirror.assert_same()
    assert chooser.mirror.sync().progress.loaded.updated == 0


@pytest.mark.parametrize(("disabled", "singular"), [("deals", "deal"), ("companies", "company")])
def test_associations_go_also_where_their_records_are_not_written(
    chooser: Chooser, disabled: str, singular: str
) -> None:
    account, kept = chooser.account, "deal_company"
    chooser.table(singular, enabled=False)
    chooser.mirror.sync()
    tied = next(id_ for id_ in account.ids(disabled) if chooser.mirror.rows(kept, f"{singular}_id = %s", id_))
    account.purge(disabled, tied)
    chooser.mirror.reconcile()
    assert all(row["_fivetran_deleted"] for row in chooser.mirror.rows(kept, f"{singular}_id = %s", tied))
    assert not all(row["_fivetran_deleted"] for row in chooser.mirror.rows(kept))


def test_a_disabled_table_is_not_made(mirror: MirrorMaker) -> None:
    it = mirror(made_account(contacts=3, companies=3, deals=3))
    chooser = Chooser(it)
    chooser.schemas.reload(it.schema)
    chooser.table("company", enabled=False)
    chooser.table("contact_company", enabled=False)
    it.sync()
    there = {row["t"] for row in it.rig.rows("SELECT tablename t FROM pg_tables WHERE schemaname = %s", it.schema)}
    assert "contact" in there
    assert not {"company", "contact_company"} & there


def test_a_disabled_schema_reads_nothing(chooser: Chooser) -> None:
    chooser.all(schemas={HUBSPOT: {"enabled": False}})
    changed(chooser, firstname="Changed")
    assert chooser.mirror.sync().progress.read == 0
    chooser.all(schemas={chooser.mirror.schema: {"enabled": True}})
    chooser.mirror.sync()
    chooser.mirror.assert_same()


# Columns


def test_a_disabled_column_keeps_its_values_and_is_filled_again(chooser: Chooser) -> None:
    chooser.column("contact", "property_firstname", enabled=False)
    record = chooser.account.ids("contacts")[0]
    before = chooser.mirror.row("contact", record)["property_firstname"]
    assert changed(chooser, firstname="Changed", lastname="Changed") == record
    new = chooser.account.create("contacts", {"firstname": "New", "lastname": "New"})
    chooser.mirror.sync()
    row, added = chooser.mirror.row("contact", record), chooser.mirror.row("contact", new)
    assert (row["property_firstname"], row["property_lastname"]) == (before, "Changed")
    assert (added["property_firstname"], added["property_lastname"]) == (None, "New")
    chooser.column("contact", "property_firstname", enabled=True)
    chooser.mirror.sync()
    chooser.mirror.assert_same()


@pytest.mark.parametrize("choice", [{"enabled": False}, {"hashed": True}])
def test_reconciliation_does_without_the_modification_time(chooser: Chooser, choice: dict[str, bool]) -> None:
    chooser.column("deal", "property_hs_lastmodifieddate", **choice)
    chooser.mirror.sync()
    chooser.account.purge("deals", chooser.account.ids("deals")[2])
    assert chooser.mirror.reconcile().progress.loaded.deleted > 0
    quiet = chooser.mirror.reconcile().progress.loaded
    assert (quiet.inserted, quiet.updated, quiet.deleted) == (0, 0, 0)


@pytest.mark.parametrize(
    ("handling", "column", "table"),
    [("ALLOW_ALL", True, True), ("ALLOW_COLUMNS", True, False), ("BLOCK_ALL", False, False)],
)
def test_what_is_new_is_enabled_or_not(chooser: Chooser, handling: str, *, column: bool, table: bool) -> None:
    rig, schema = chooser.mirror.rig, chooser.mirror.schema
    chooser.all(schema_change_handling=handling)
    chooser.account.add_property("contacts", "shoe_size", "number")
    rig.execute(  # as if it had not been there
        "DELETE FROM penstock.source_tables WHERE name = 'team'"
        " AND connection_id = (SELECT id FROM penstock.connections WHERE schema = %s)",
        schema,
    )
    record = changed(chooser, shoe_size="42")
    chooser.mirror.sync()
    assert chooser.columns("contact")["property_shoe_size"]["enabled"] is column
    assert chooser.config()["tables"]["team"]["enabled"] is table
    row = chooser.mirror.row("contact", record)
    assert ("property_shoe_size" in row) is column
    if not column:
        chooser.column("contact", "property_shoe_size", enabled=True)
        chooser.table("team", enabled=True)
        chooser.mirror.sync()
        chooser.mirror.assert_same()


# Hashes


def test_hashed_values_leave_no_clear_ones_behind(chooser: Chooser) -> None:
    account, mirror = chooser.account, chooser.mirror
    first, second, gone = account.ids("contacts")[:3]
    account.advance(LONG_AFTER)
    account.update("contacts", first, {"email": "same@example.com"})
    account.update("contacts", second, {"email": "same@example.com"})
    account.update("contacts", gone, {"email": "gone@example.com"})
    mirror.sync()
    account.archive("contacts", gone)
    account.purge("contacts", gone)
    mirror.sync()
    assert mirror.row("contact", gone)["property_email"] == "gone@example.com"
    nulls = len(mirror.rows("contact", "property_email IS NULL"))
    chooser.column("contact", "property_email", hashed=True)
    mirror.sync()
    mails = {row["id"]: row["property_email"] for row in mirror.rows("contact")}
    assert mails[first] == mails[second]
    assert mails[gone] is None
    assert sum(mail is None for mail in mails.values()) == nulls + 1
    assert all(len(mail) == 64 and int(mail, 16) for mail in mails.values() if mail)
    assert mirror.sync().progress.loaded.updated == 0
    chooser.column("contact", "property_email", hashed=False)
    mirror.sync()
    mirror.assert_same(untold=[gone])


def test_a_hashed_column_is_text_and_its_salt_is_nobody_elses(chooser: Chooser, mirror: MirrorMaker) -> None:
    other = Chooser(mirror(chooser.account))
    other.schemas.reload(other.mirror.schema)
    record = changed(chooser, "deals", amount="42.50")
    for each in (chooser, other):
        each.column("deal", "property_amount", hashed=True)
        each.mirror.sync()
        assert each.mirror.types("deal")["property_amount"] == "text"
    one, two = (each.mirror.row("deal", record)["property_amount"] for each in (chooser, other))
    assert len(one) == len(two) == 64
    assert one != two
    salts = chooser.mirror.rig.rows("SELECT salt FROM penstock.schema_configs")
    opened = [chooser.mirror.rig.vault.open(row["salt"])["salt"] for row in salts]
    assert all(salt not in row["salt"] for salt, row in zip(opened, salts, strict=True))


def test_a_crash_before_anything_was_read_erases_and_reads_again(
    chooser: Chooser, monkeypatch: pytest.MonkeyPatch
) -> None:
    chooser.column("contact", "property_email", hashed=True)

    def crash(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("engine.sync.run.pump", crash)
        with pytest.raises(SystemExit):
            chooser.mirror.sync()
    assert chooser.mirror.rows("contact", "property_email IS NOT NULL") == []
    chooser.mirror.sync()
    assert chooser.mirror.rows("contact", "property_email IS NOT NULL")
    assert chooser.mirror.rows("contact", "property_email LIKE %s", "%@%") == []


def test_nothing_is_in_the_way_where_nothing_is_chosen(chooser: Chooser, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("engine.sync.selection.Selection.messages", never)
    changed(chooser, firstname="Changed")
    chooser.mirror.sync()
    chooser.mirror.assert_same()


# History


def as_if_without_history(mirror: Mirror, table: str) -> None:
    """Leave of a table what is true now, or was last, as it would be without history."""
    key = "deal_id" if table == "deal" else "id"
    mirror.rig.execute(
        f"DELETE FROM {mirror.schema}.{table} AS t USING {mirror.schema}.{table} AS s"
        f" WHERE t.{key} = s.{key} AND t._fivetran_start < s._fivetran_start"
    )


def history(mirror: Mirror, table: str, record: int) -> list[dict[str, Any]]:
    key = "deal_id" if table == "deal" else "id"
    return sorted(mirror.rows(table, f"{key} = %s", record), key=lambda row: row["_fivetran_start"])


@pytest.mark.parametrize("from_the_start", [True, False])
def test_history_keeps_every_version(mirror: MirrorMaker, *, from_the_start: bool) -> None:
    account = made_account(contacts=30, companies=12, deals=20, properties=6)
    it = mirror(account, reconciliation_hours=0)
    chooser = Chooser(it)
    if from_the_start:
        chooser.schemas.reload(it.schema)
    else:
        it.sync()
    for table in ("contact", "company", "deal"):
        chooser.table(table, sync_mode="HISTORY")
    it.sync()
    it.assert_same()
    record, merged, winner, purged = account.ids("contacts")[:4]
    for name in ("One", "Two", "Three"):
        account.advance(LONG_AFTER)
        account.update("contacts", record, {"firstname": name})
        it.sync()
    quiet = it.sync().progress.loaded
    assert (quiet.inserted, quiet.updated, quiet.deleted) == (0, 0, 0)
    account.archive("contacts", record)
    it.sync()
    versions = history(it, "contact", record)
    assert [row["property_firstname"] for row in versions[-4:-1]] == ["One", "Two", "Three"]
    assert not any(row["_fivetran_active"] for row in versions)
    assert versions[-1]["archived_at"] is not None
    account.advance(LONG_AFTER)
    account.restore("contacts", record)
    account.merge("contacts", winner, merged)
    account.gdpr_delete(purged)
    it.reconcile()
    restored = history(it, "contact", record)[-1]
    assert (restored["_fivetran_active"], restored["_fivetran_end"].year) == (True, 9999)
    assert not any(row["_fivetran_active"] for row in history(it, "contact", purged))
    again = it.reconcile().progress.loaded
    assert (again.inserted, again.updated, again.deleted) == (0, 0, 0)
    assert verified(it).differences == 0
    for table in ("contact", "company", "deal"):
        as_if_without_history(it, table)
    it.assert_same(untold=[purged])


def test_history_that_ends_stays_under_another_name(chooser: Chooser) -> None:
    mirror, record = chooser.mirror, chooser.account.ids("deals")[0]
    chooser.table("deal", sync_mode="HISTORY")
    mirror.sync()
    chooser.account.advance(LONG_AFTER)
    chooser.account.update("deals", record, {"dealname": "Two"})
    mirror.sync()
    chooser.table("deal", sync_mode="SOFT_DELETE")
    mirror.sync()
    mirror.assert_same()
    assert len(mirror.rows("deal_history", "deal_id = %s", record)) == 2


def test_a_hash_leaves_no_clear_value_in_older_versions(chooser: Chooser) -> None:
    mirror = chooser.mirror
    chooser.table("contact", sync_mode="HISTORY")
    mirror.sync()
    changed(chooser, email="new@example.com")
    mirror.sync()
    chooser.column("contact", "property_email", hashed=True)
    mirror.sync()
    assert mirror.rows("contact", "property_email LIKE %s", "%@%") == []
    assert mirror.rows("contact", "_fivetran_active AND property_email IS NOT NULL")


def test_a_verification_compares_what_is_chosen(chooser: Chooser) -> None:
    chooser.table("company", enabled=False)
    chooser.column("contact", "property_lastname", enabled=False)
    chooser.column("contact", "property_email", hashed=True)
    record = changed(chooser, email="new@example.com", lastname="Changed")
    chooser.mirror.sync()
    verdict = verified(chooser.mirror)
    assert verdict.differences == 0
    assert "company" not in {table.table for table in verdict.tables}
    chooser.mirror.rig.execute(
        f"UPDATE {chooser.mirror.schema}.contact SET property_email = 'tampered' WHERE id = %s", record
    )
    assert [(table.table, table.different) for table in verified(chooser.mirror).tables if table.total] == [
        ("contact", 1)
    ]


def test_a_verification_waits_for_a_sync_of_what_was_chosen(chooser: Chooser) -> None:
    chooser.column("contact", "property_email", hashed=True)
    with pytest.raises(Conflict, match="Sync it first"):
        verified(chooser.mirror)
