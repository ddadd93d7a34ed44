"""Columns follow the property definitions, values are never lost to them, and a date limit leaves out what is old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from support.mirror import LONG_AFTER, Mirror, MirrorMaker, made_account
from support.truth import Truth

from connectors.hubspot.sandbox.account import Account


def contact_ids(mirror: Mirror) -> list[int]:
    return mirror.account.ids("contacts")


@dataclass(frozen=True)
class Odd:
    """A value that HubSpot has for a property of some type, and what becomes of it and of its column."""

    type: str
    value: str | None
    cell: Any
    column: str


NUMERIC, BOOLEAN, DATE, TIME, TEXT = "numeric", "boolean", "date", "timestamp with time zone", "text"
ODD = (
    Odd("number", "17", Decimal(17), NUMERIC),
    Odd("number", "67340.0", Decimal("67340.0"), NUMERIC),
    Odd("number", "1.5E7", Decimal(15_000_000), NUMERIC),
    Odd(
        "number",
        "123456789012345678901234567890.123456789",
        Decimal("123456789012345678901234567890.123456789"),
        NUMERIC,
    ),
    Odd("number", "", None, NUMERIC),
    Odd("number", None, None, NUMERIC),
    Odd("number", "1;2", "1;2", TEXT),
    Odd("number", "1,5", "1,5", TEXT),
    Odd("number", "0x10", "0x10", TEXT),
    Odd("number", "1_000", "1_000", TEXT),
    Odd("number", "Infinity", "Infinity", TEXT),
    Odd("number", "١٢", "١٢", TEXT),
    Odd("bool", "true", True, BOOLEAN),
    Odd("bool", "FALSE", False, BOOLEAN),
    Odd("bool", "", None, BOOLEAN),
    Odd("bool", "Yes", "Yes", TEXT),
    Odd("bool", "1", "1", TEXT),
    Odd("date", "2020-02-29", date(2020, 2, 29), DATE),
    Odd("date", "1572480000000", date(2019, 10, 31), DATE),
    Odd("date", "-86400000", date(1969, 12, 31), DATE),
    Odd("date", "", None, DATE),
    Odd("date", "1572480000001", datetime(2019, 10, 31, 0, 0, 0, 1000, tzinfo=UTC), TIME),
    Odd("date", "2020-02-29T10:00:00.000Z", datetime(2020, 2, 29, 10, tzinfo=UTC), TIME),
    Odd("date", "2020-02-30", "2020-02-30", TEXT),
    Odd("date", "today", "today", TEXT),
    Odd("date", "infinity", "infinity", TEXT),
    Odd("datetime", "2024-09-11T13:27:39.356Z", datetime(2024, 9, 11, 13, 27, 39, 356000, tzinfo=UTC), TIME),
    Odd("datetime", "2024-09-11T13:27:39Z", datetime(2024, 9, 11, 13, 27, 39, tzinfo=UTC), TIME),
    Odd("datetime", "2024-09-11T13:27:39+02:00", datetime(2024, 9, 11, 11, 27, 39, tzinfo=UTC), TIME),
    Odd("datetime", "1726061259356", datetime(2024, 9, 11, 13, 27, 39, 356000, tzinfo=UTC), TIME),
    Odd("datetime", "", None, TIME),
    Odd("datetime", "now", "now", TEXT),
    Odd("datetime", "999999999999999999", "999999999999999999", TEXT),
    Odd("datetime", "2024-13-11T13:27:39Z", "2024-13-11T13:27:39Z", TEXT),
    Odd("enumeration", "a;b;c", "a;b;c", TEXT),
    Odd("string", "", "", TEXT),
    Odd("string", "\\N\t\\.\r\n\"'; DROP TABLE contact; --", "\\N\t\\.\r\n\"'; DROP TABLE contact; --", TEXT),
    Odd("string", "nul \0 nul", "nul  nul", TEXT),
    Odd("string", "🦀 é ﷽", "🦀 é ﷽", TEXT),
    Odd("string", "x" * 65_536, "x" * 65_536, TEXT),
    Odd("phone_number", "+49 30 1234", "+49 30 1234", TEXT),
    Odd("object_coordinates", "1,2", "1,2", TEXT),
    Odd("json", '{"a": 1}', '{"a": 1}', TEXT),
)
USUAL = {
    "number": ("1.50", {NUMERIC: Decimal("1.50"), TEXT: "1.50"}),
    "bool": ("true", {BOOLEAN: True, TEXT: "true"}),
    "date": ("2021-03-04", {DATE: date(2021, 3, 4), TIME: datetime(2021, 3, 4, tzinfo=UTC), TEXT: "2021-03-04"}),
    "datetime": (
        "2021-03-04T05:06:07.089Z",
        {TIME: datetime(2021, 3, 4, 5, 6, 7, 89000, tzinfo=UTC), TEXT: "2021-03-04T05:06:07.089Z"},
    ),
}


@pytest.mark.parametrize("when", ["historical", "incremental"])
def test_every_value_is_kept_and_its_column_wide_enough(mirror: MirrorMaker, when: str) -> None:
    account = made_account(contacts=4, companies=0, deals=0, properties=10)
    usual, odd, *_ = account.ids("contacts")
    names = [f"odd_{chr(ord('a') + n // 26)}{chr(ord('a') + n % 26)}" for n in range(len(ODD))]
    for name, case in zip(names, ODD, strict=True):
        account.add_property("contacts", name, case.type)
    account.update("contacts", usual, {n: USUAL[c.type][0] for n, c in zip(names, ODD, strict=True) if c.type in USUAL})
    made = mirror(account)
    if when == "incremental":
        made.sync()
        account.advance(LONG_AFTER)
    account.update("contacts", odd, {name: case.value for name, case in zip(names, ODD, strict=True)})
    made.sync()
    made.assert_same()
    types, usual_row, odd_row = made.types("contact"), made.row("contact", usual), made.row("contact", odd)
    for name, case in zip(names, ODD, strict=True):
        column = f"property_{name}"
        assert (case, types[column], odd_row[column]) == (case, case.column, case.cell)
        if case.type in USUAL:
            assert (case, usual_row[column]) == (case, USUAL[case.type][1][case.column])


def test_a_widened_column_is_told_and_survives_the_next_sync(mirror: MirrorMaker) -> None:
    account = made_account(contacts=3, companies=0, deals=0, properties=10)
    account.add_property("contacts", "ticket_ids", "number")
    first, second, third = account.ids("contacts")
    account.update("contacts", first, {"ticket_ids": "12"})
    made = mirror(account)
    made.sync()
    assert made.types("contact")["property_ticket_ids"] == NUMERIC
    account.advance(LONG_AFTER)
    account.update("contacts", second, {"ticket_ids": "1;2"})
    made.sync()
    (told,) = made.rig.rows(
        "SELECT message FROM penstock.events WHERE connection = %s AND kind = 'schema_changed' ORDER BY id DESC LIMIT 1",
        made.schema,
    )
    assert "ticket_ids widened from numeric to text" in told["message"]
    account.advance(LONG_AFTER)
    account.update("contacts", third, {"ticket_ids": "7.0"})
    made.sync()
    assert [row["property_ticket_ids"] for row in made.rows("contact")] == ["12", "1;2", "7.0"]
    made.assert_same()


def test_a_cleared_number_is_null_whatever_else_its_column_holds(mirror: MirrorMaker) -> None:
    """What a value becomes does not depend on which others the same sync has met before."""
    account = made_account(contacts=450, companies=0, deals=0, properties=10)
    account.add_property("contacts", "ticket_ids", "number")
    account.add_property("contacts", "day", "date")
    ids = account.ids("contacts")
    account.update("contacts", ids[0], {"ticket_ids": "1;2", "day": "sometime"})
    for contact in (ids[1], ids[-1]):
        account.update("contacts", contact, {"ticket_ids": "", "day": "1572480000000"})
    made = mirror(account)
    made.sync()
    for contact in (ids[1], ids[-1]):
        row = made.row("contact", contact)
        assert (row["property_ticket_ids"], row["property_day"]) == (None, "2019-10-31")
    loaded = made.sync().progress.loaded
    assert (loaded.inserted, loaded.updated, loaded.deleted) == (0, 0, 0)


@pytest.mark.parametrize("properties", [150, 900], ids=["in the URL", "by batch reads"])
def test_many_properties_are_read_whole(mirror: MirrorMaker, properties: int) -> None:
    account = made_account(contacts=230, companies=5, deals=5, properties=properties)
    account.archive("contacts", account.ids("contacts")[7])
    made = mirror(account)
    made.sync()
    made.assert_same()
    assert len(made.types("contact")) > properties
    account.advance(LONG_AFTER)
    account.archive("contacts", account.ids("contacts")[8])
    account.touch("contacts", 120)
    made.sync()
    made.assert_same()


@pytest.mark.parametrize(
    "name", ['a "quote"', "back\\slash", "tab\t", "50%", "{braces}", "a,comma", "x" * 200, "Ümlaut; DROP"]
)
def test_a_property_may_be_called_anything(mirror: MirrorMaker, name: str) -> None:
    account = made_account(contacts=120, companies=5, deals=5, properties=10)
    account.add_property("contacts", name, values=("here", None))
    made = mirror(account)
    made.sync()
    account.advance(LONG_AFTER)
    account.update("contacts", account.ids("contacts")[3], {name: "changed"})
    account.merge("contacts", *account.ids("contacts")[5:7])
    made.sync()
    made.assert_same()
    made.reconcile()
    made.assert_same()


def test_a_new_property_becomes_a_column(mirror: MirrorMaker) -> None:
    made = mirror(made_account(contacts=20, companies=5, deals=5, properties=12))
    account = made.account
    made.sync()
    account.advance(LONG_AFTER)
    account.add_property("contacts", "shoeSize", "number")
    account.add_property("deals", "region", "enumeration", options=("north", "south"))
    account.update("contacts", contact_ids(made)[0], {"shoeSize": "42"})
    account.update("deals", account.ids("deals")[0], {"region": "north"})
    made.sync()
    assert made.types("contact")["property_shoe_size"] == NUMERIC
    made.assert_same()


@pytest.mark.parametrize(("config", "is_read"), [({}, False), ({"sync_sensitive_data": True}, True)])
def test_sensitive_properties_are_read_where_that_is_asked_for(
    mirror: MirrorMaker, config: dict[str, bool], *, is_read: bool
) -> None:
    account = made_account(contacts=20, companies=5, deals=5, properties=10)
    account.add_property("contacts", "blood_group", values=("A", "B"), sensitivity="sensitive")
    made = mirror(account, **config)
    made.sync()
    assert ("property_blood_group" in made.types("contact")) == is_read
    if is_read:
        assert {row["property_blood_group"] for row in made.rows("contact")} == {"A", "B"}


def test_a_property_of_another_type_never_narrows_its_column(mirror: MirrorMaker) -> None:
    account = made_account(contacts=20, companies=5, deals=5, properties=12)
    account.add_property("contacts", "was_text")
    account.add_property("contacts", "was_number", "number")
    first, second, *_ = account.ids("contacts")
    account.update("contacts", first, {"was_text": "many", "was_number": "3.10"})
    made = mirror(account)
    made.sync()
    account.advance(LONG_AFTER)
    account.change_property("contacts", "was_text", type="number")
    account.change_property("contacts", "was_number", type="string")
    account.update("contacts", second, {"was_text": "5", "was_number": "three"})
    made.sync()
    types = made.types("contact")
    assert (types["property_was_text"], types["property_was_number"]) == (TEXT, TEXT)
    kept, new = made.row("contact", first), made.row("contact", second)
    assert (kept["property_was_text"], kept["property_was_number"]) == ("many", "3.10")
    assert (new["property_was_text"], new["property_was_number"]) == ("5", "three")
    made.assert_same()


def test_a_property_that_is_gone_keeps_its_column(mirror: MirrorMaker) -> None:
    account = made_account(contacts=20, companies=5, deals=5, properties=12)
    account.add_property("contacts", "fleeting", options=("a", "b"))
    first, second, *_ = account.ids("contacts")
    account.update("contacts", first, {"fleeting": "kept"})
    made = mirror(account)
    made.sync()
    account.advance(LONG_AFTER)
    account.remove_property("contacts", "fleeting")
    account.touch("contacts", [first, second])
    made.sync()
    assert made.row("contact", first)["property_fleeting"] == "kept"
    (gone,) = made.rows("property", "name = 'fleeting'")
    assert gone["_fivetran_deleted"]
    made.assert_same()
    account.add_property("contacts", "fleeting", options=("a",))
    account.update("contacts", second, {"fleeting": "back"})
    made.sync()
    assert made.row("contact", second)["property_fleeting"] == "back"
    made.assert_same()


def test_reference_tables_follow_the_account(mirror: MirrorMaker) -> None:
    made = mirror(made_account(contacts=5, companies=5, deals=5, properties=12))
    account = made.account
    made.sync()
    made.assert_same()
    owner = account.owners[1]
    owner["archived"], owner["userId"] = True, None
    account.owners[2]["teams"] = []
    account.owners[3]["firstName"] = "Zoë"
    del account.owners[4]
    account.pipelines[0]["label"] = "Renamed"
    del account.pipelines[0]["stages"][2]
    del account.pipelines[1]
    account.change_property("deals", "dealtype", label="Kind", options=("newbusiness", "other"))
    made.sync()
    made.assert_same()


@pytest.mark.parametrize("way", ["list", "search"])
def test_a_date_limit_leaves_out_what_was_modified_before(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    account = made_account(contacts=700, companies=60, deals=90, properties=15)
    monkeypatch.setattr("connectors.hubspot.crm.SEARCHES_PER_SECOND", {"list": 1e-6, "search": 1e6}[way])
    modified = {
        int(record["id"]): datetime.fromisoformat(record["updatedAt"]) for record in Truth(account).records("contacts")
    }
    middle = sorted(modified.values())[400].date()
    since = datetime(middle.year, middle.month, middle.day, tzinfo=UTC)
    old = [contact for contact, moment in modified.items() if moment < since]
    new = [contact for contact, moment in modified.items() if moment >= since]
    for archived in (old[0], new[0]):
        account.archive("contacts", archived)
    made = mirror(account, historical_sync_time_frame="DATE_LIMIT", backward_sync_limit_date=middle.isoformat())
    asked = made.requests()
    made.sync()
    listed = [line for line in asked if line == "GET /crm/objects/2026-03/contacts"]
    assert (len(listed) > 2) == (way == "list")  # the archived ones are always listed
    made.assert_same(since=since)
    assert [row["id"] for row in made.rows("contact")] == sorted(new)
    account.advance(LONG_AFTER)
    account.archive("contacts", new[1])
    account.archive("contacts", old[1])
    account.update("contacts", old[2], {"lastname": "modified"})
    made.sync()
    made.assert_same(since=since)
    assert [row["id"] for row in made.rows("contact")] == sorted([*new, old[2]])


def test_a_date_limit_to_come_hides_nothing_that_is_modified_from_now_on(mirror: MirrorMaker) -> None:
    account = Account(contacts=40, companies=5, deals=5, properties=12)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    made = mirror(account, historical_sync_time_frame="DATE_LIMIT", backward_sync_limit_date=tomorrow.isoformat())
    made.sync()
    assert made.rows("contact") == []
    contact = contact_ids(made)[3]
    account.update("contacts", contact, {"lastname": "today"})
    made.sync()
    assert [row["id"] for row in made.rows("contact")] == [contact]
