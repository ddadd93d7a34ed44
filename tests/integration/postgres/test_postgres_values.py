"""What is stored of every kind of odd value: by the type its column had, what the column becomes, and what it then holds."""

from __future__ import annotations

from contextlib import closing

import pytest
from postgres_harness import Harness
from psycopg.errors import FeatureNotSupported

from engine.contract import Column, ColumnType, Loaded, LoadSession, Rows, Table
from engine.contract.naming import unique_names

BOOLEAN, BIGINT, NUMERIC, DOUBLE = ColumnType.BOOLEAN, ColumnType.BIGINT, ColumnType.NUMERIC, ColumnType.DOUBLE
DATE, TIME, JSON, TEXT = ColumnType.DATE, ColumnType.TIMESTAMPTZ, ColumnType.JSONB, ColumnType.TEXT
LONG = "0123456789abcdef" * 4096

VALUES = {
    # text
    "a NUL character": (TEXT, "nul\0 in it", TEXT, "nul in it"),
    "nothing but NUL": (TEXT, "\0", TEXT, ""),
    "a lone high surrogate": (TEXT, "half \ud83d", TEXT, "half \ufffd"),
    "a lone low surrogate": (TEXT, "\ude00 half", TEXT, "\ufffd half"),
    "surrogates in the wrong order": (TEXT, "\ude00\ud83d", TEXT, "\ufffd\ufffd"),
    "a surrogate pair": (TEXT, "\ud83d\ude00", TEXT, "\U0001f600"),
    "65,536 characters": (TEXT, LONG, TEXT, LONG),
    "65,536 characters of four bytes": (TEXT, "\U0001f600" * 65_536, TEXT, "\U0001f600" * 65_536),
    "empty text": (TEXT, "", TEXT, ""),
    # numbers
    "two numbers in one": (NUMERIC, "1;2", TEXT, "1;2"),
    "an empty number": (NUMERIC, "", TEXT, ""),
    "a number with a unit": (NUMERIC, "12 €", TEXT, "12 €"),
    "a number with commas": (NUMERIC, "1,000.50", TEXT, "1,000.50"),
    "a number with NUL": (NUMERIC, "1\0", NUMERIC, "1"),
    "scientific notation": (NUMERIC, "1.5E-7", NUMERIC, "0.00000015"),
    "a large power of ten": (NUMERIC, "1e30", NUMERIC, "1" + "0" * 30),
    "a hundred digits": (NUMERIC, "9" * 100, NUMERIC, "9" * 100),
    "more digits than numeric has": (NUMERIC, "1e131072", TEXT, "1e131072"),
    "trailing zeros": (NUMERIC, "1.10", NUMERIC, "1.10"),
    "not a number": (NUMERIC, "NaN", NUMERIC, "NaN"),
    "a whole number in scientific notation": (BIGINT, "1e3", NUMERIC, "1000"),
    "a whole number with a fraction": (BIGINT, "1.5", NUMERIC, "1.5"),
    "more than 64 bits": (BIGINT, str(2**63), NUMERIC, str(2**63)),
    "an empty whole number": (BIGINT, "", TEXT, ""),
    "no number at all": (BIGINT, "n/a", TEXT, "n/a"),
    "more than a double holds": (DOUBLE, "1e309", NUMERIC, "1" + "0" * 309),
    "a double that is no number": (DOUBLE, "NaN", DOUBLE, "NaN"),
    "infinity as a double": (DOUBLE, "-Infinity", DOUBLE, "-Infinity"),
    # dates and times
    "milliseconds for a date": (DATE, "1708992000000", TEXT, "1708992000000"),
    "a time for a date": (DATE, "2024-02-29T12:00:00Z", TIME, "2024-02-29 12:00:00+00"),
    "a date that there is not": (DATE, "2024-02-30", TEXT, "2024-02-30"),
    "a date in a year of five digits": (DATE, "99999-01-01", TIME, "99999-01-01 00:00:00+00"),
    "a date after the last year": (DATE, "300000-01-01", TEXT, "300000-01-01"),
    "a date in the year 0": (DATE, "0000-01-01", TEXT, "0000-01-01"),
    "a date in a negative year": (DATE, "-0044-03-15", TEXT, "-0044-03-15"),
    "the first date": (DATE, "0001-01-01", DATE, "0001-01-01"),
    "today": (DATE, "today", TEXT, "today"),
    "an infinite date": (DATE, "infinity", TEXT, "infinity"),
    "an empty date": (DATE, "", TEXT, ""),
    "milliseconds for a time": (TIME, "1708992000000", TEXT, "1708992000000"),
    "a time after the last year": (TIME, "300000-01-01T00:00:00Z", TEXT, "300000-01-01T00:00:00Z"),
    "the last time that JavaScript knows": (TIME, "+275760-09-13T00:00:00.000Z", TEXT, "+275760-09-13T00:00:00.000Z"),
    "a time in the year 0": (TIME, "0000-01-01T00:00:00Z", TEXT, "0000-01-01T00:00:00Z"),
    "a time in a negative year": (TIME, "-0001-01-01T00:00:00Z", TEXT, "-0001-01-01T00:00:00Z"),
    "a leap second": (TIME, "2016-12-31T23:59:60Z", TIME, "2017-01-01 00:00:00+00"),
    "an hour that there is not": (TIME, "2024-02-29T25:00:00Z", TEXT, "2024-02-29T25:00:00Z"),
    "a word for a time": (TIME, "now", TEXT, "now"),
    "words for a time": (TIME, "tomorrow 12:00", TEXT, "tomorrow 12:00"),
    "an infinite time": (TIME, "infinity", TEXT, "infinity"),
    "an empty time": (TIME, "", TEXT, ""),
    # truth
    "neither true nor false": (BOOLEAN, "maybe", TEXT, "maybe"),
    "an empty boolean": (BOOLEAN, "", TEXT, ""),
    "a number for a boolean": (BOOLEAN, "2", TEXT, "2"),
    "another word for true": (BOOLEAN, "Yes", BOOLEAN, "true"),
    # JSON
    "broken JSON": (JSON, "{", TEXT, "{"),
    "NUL in JSON": (JSON, '"\\u0000"', TEXT, '"\\u0000"'),
    "half a surrogate pair in JSON": (JSON, '"\\ud83d"', TEXT, '"\\ud83d"'),
}
ORDINARY = {
    BOOLEAN: "false",
    BIGINT: "7",
    NUMERIC: "1.5",
    DOUBLE: "0.5",
    DATE: "2024-02-29",
    TIME: "2024-02-29T12:00:00.000Z",
    JSON: "[]",
    TEXT: "text",
}
WRITTEN = {TIME: "timestamp with time zone"}


@pytest.mark.parametrize("name", VALUES)
def test_what_is_stored_of(harness: Harness, session: LoadSession, name: str) -> None:
    type_, value, becomes, holds = VALUES[name]
    table = Table("thing", (Column("id", BIGINT), Column("value", type_)), ("id",))
    session.prepare(table)
    session.write(Rows("thing", ("id", "value"), [(n, ORDINARY[type_]) for n in (1, 2)]))
    session.commit("things", {})
    batch = Rows("thing", ("id", "value"), [("1", ORDINARY[type_]), ("2", value), ("3", value), ("4", None)])
    session.write(batch)
    loaded = session.commit("things", {})
    assert (loaded.inserted, loaded.updated, loaded.rejected) == (2, 1, 0)
    assert bool(loaded.notices) is (becomes != type_ or "\0" in value or "\ufffd" in holds or value == "\ud83d\ude00")
    assert harness.type_of("hubspot", "thing", "value") == WRITTEN.get(becomes, becomes)
    with harness.person.transaction():
        harness.person.execute("SET LOCAL TimeZone = 'UTC'")
        stored = harness.person.execute("SELECT value::text FROM hubspot.thing WHERE id > 1 ORDER BY id").fetchall()
    assert stored == [(holds,), (holds,), (None,)]
    assert session.lacking("thing", ("id", "value"), batch.rows) == []
    session.write(batch)
    assert session.commit("things", {}) == Loaded()


@pytest.mark.parametrize("setting", ["array_nulls = off", "quote_all_identifiers = on", "extra_float_digits = -9"])
def test_settings_of_the_database_change_no_value(harness: Harness, setting: str) -> None:
    database = harness.person.info.dbname
    harness.person.execute(f'ALTER DATABASE "{database}" SET {setting}')
    types = (BIGINT, ColumnType.TEXT, ColumnType.NUMERIC, ColumnType.DOUBLE, ColumnType.DATE)
    table = Table("thing", tuple(Column(f"c{n}", type_) for n, type_ in enumerate(types)), ("c0",))
    rows = [("1", None, None, None, None), ("2", "NULL", "1.50", "0.1234567890123456", "2024-02-29")]
    with closing(harness.destination.open("hubspot")) as session:
        session.prepare(table)
        for _ in range(2):  # once into the empty table, once as a few cells
            session.write(Rows("thing", table.column_names, rows))
            assert session.commit("things", {}).notices == ()
    assert [tuple(row.values())[:5] for row in harness.read("hubspot", "thing")] == rows


def test_what_only_a_collation_takes_for_the_same_is_written(harness: Harness, session: LoadSession) -> None:
    try:
        harness.person.execute(
            "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
    except FeatureNotSupported:
        pytest.skip("this PostgreSQL was built without ICU")
    table = Table("thing", (Column("id", BIGINT), Column("value", ColumnType.TEXT)), ("id",))
    session.prepare(table)
    harness.person.execute("ALTER TABLE hubspot.thing ALTER value TYPE text COLLATE any_case")
    for value in ("alice", "Alice"):
        session.write(Rows("thing", ("id", "value"), [("1", value)]))
        session.commit("things", {})
    assert harness.read("hubspot", "thing")[0]["value"] == "Alice"


def test_properties_whose_names_nearly_meet_keep_their_own_values(harness: Harness, session: LoadSession) -> None:
    longest = "property_" + "x" * 54
    properties = [
        *(f"{'x' * 70}{end}" for end in "abc"),
        *("Email", "email", "EMAIL", "e_mail", "eMail", "é_mail"),
        *("größe", "grosse", "gr e", "gr_e", "1st", "a__b", "a_b"),
    ]
    names = unique_names(properties, prefix="property_", taken=[longest])
    columns = {**{name: name for name in (longest, f"{longest[:-1]}y", "Case", "case", "CASE")}, **names}
    assert len(set(columns.values())) == len(columns) == 5 + len(properties)
    table = Table("deal", (Column("id", BIGINT), *(Column(name, TEXT) for name in columns.values())), ("id",))
    for _ in range(2):
        session.prepare(table)
        values = [f"value of {each}" for each in columns]
        for batch in ([("1", *values), ("2", *values[::-1])], [("1", *values[::-1]), ("2", *values)]):
            session.write(Rows("deal", table.column_names, batch))
            session.commit("deals", {})
        rows = {row["id"]: row for row in harness.read("hubspot", "deal")}
        assert [rows["2"][name] for name in columns.values()] == values
        assert [rows["1"][name] for name in columns.values()] == values[::-1]
        session.write(Rows("deal", ("id", columns["email"]), [("1", "only this")]))
        assert session.commit("deals", {}) == Loaded(updated=1)
        changed = harness.read("hubspot", "deal")
        (row,) = (row for row in changed if row["id"] == "1")
        assert [name for name in row if row[name] != rows["1"][name]] == [columns["email"], "_fivetran_synced"]
