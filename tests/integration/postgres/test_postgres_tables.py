"""Tables as others made or changed them, and what is made of them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from postgres_harness import Harness

from engine.contract import (
    DELETED,
    SYNCED,
    Column,
    ColumnType,
    DestinationRefused,
    Loaded,
    LoadSession,
    Prepared,
    Rows,
    Table,
)

DEAL = Table(
    "deal",
    (
        Column("id", ColumnType.BIGINT),
        Column("name", ColumnType.TEXT),
        Column("amount", ColumnType.NUMERIC),
        Column("closes", ColumnType.TIMESTAMPTZ),
    ),
    primary_key=("id",),
    deleted_aliases=("is_deleted",),
)


def deals(*rows: tuple[str | None, ...]) -> Rows:
    return Rows("deal", DEAL.column_names, rows)


def indexes(harness: Harness, table: str) -> set[str]:
    statement = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'hubspot' AND tablename = %s"
    return {str(row[0]).partition(" USING btree ")[2] for row in harness.person.execute(statement, [table])}


def test_lookups_that_the_key_does_not_lead_get_an_index(harness: Harness, session: LoadSession) -> None:
    columns = tuple(Column(name, ColumnType.BIGINT) for name in "abcd")
    pair = Table("pair", columns, ("a", "b"), lookups=(("a",), ("b",), ("b", "c"), ("c", "b"), ("b", "a")))
    session.prepare(pair)
    assert indexes(harness, "pair") == {"(a, b)", "(b)", "(b, c)"}
    session.prepare(replace(pair, lookups=(*pair.lookups, ("d",))))
    assert indexes(harness, "pair") == {"(a, b)", "(b)", "(b, c)", "(d)"}


@pytest.mark.parametrize(
    ("made_as", "value", "asked", "becomes", "reads"),
    [
        ("integer", "17", ColumnType.BIGINT, "bigint", "17"),
        ("smallint", "17", ColumnType.NUMERIC, "numeric", "17"),
        ("numeric(10,2)", "17.5", ColumnType.NUMERIC, "numeric", "17.50"),
        ("real", "0.5", ColumnType.DOUBLE, "double precision", "0.5"),
        ("double precision", "0.12345678901234568", ColumnType.NUMERIC, "numeric", "0.12345678901234568"),
        ("varchar(8)", "short", ColumnType.TEXT, "text", "short"),
        ("json", '{"a": 1}', ColumnType.JSONB, "jsonb", "{'a': 1}"),
        ("timestamp", "2024-02-29 12:00:00.123456", ColumnType.TEXT, "text", "2024-02-29T12:00:00.123456Z"),
        ("timestamp(3)", "2024-02-29 12:00", ColumnType.TIMESTAMPTZ, "timestamp with time zone", "2024-02-29T12:00:00.000Z"),
        ("timestamptz", "infinity", ColumnType.TEXT, "text", "infinity"),
        ("boolean", "true", ColumnType.NUMERIC, "text", "true"),
        # Wider than asked for, or nothing we know: both stay.
        ("text", "17", ColumnType.BIGINT, "text", "17"),
        ("timestamptz", "2024-02-29", ColumnType.DATE, "timestamp with time zone", "2024-02-29T00:00:00.000Z"),
        ("inet", "10.0.0.1", ColumnType.TEXT, "inet", "10.0.0.1"),
    ],
)  # fmt: skip
def test_a_column_somebody_made_is_widened_or_left(
    harness: Harness, session: LoadSession, made_as: str, value: str, asked: ColumnType, *, becomes: str, reads: str
) -> None:
    harness.person.execute(f"CREATE TABLE hubspot.thing (id bigint PRIMARY KEY, value {made_as})")
    harness.person.execute("INSERT INTO hubspot.thing VALUES (1, %s)", [value])
    table = Table("thing", (Column("id", ColumnType.BIGINT), Column("value", asked)), ("id",))
    session.prepare(table)
    assert harness.type_of("hubspot", "thing", "value") == becomes
    (row,) = harness.read("hubspot", "thing")
    assert (row["value"], row[SYNCED] is None, row[DELETED]) == (reads, False, "false")
    session.write(Rows("thing", table.column_names, [("2", value)]))
    assert session.commit("things", {}) == Loaded(inserted=1)
    session.write(Rows("thing", table.column_names, [("2", value)]))
    assert session.commit("things", {}) == Loaded()


def test_an_older_table_is_taken_over_as_it_is(harness: Harness, session: LoadSession) -> None:
    harness.person.execute(
        "CREATE TABLE hubspot.deal (amount double precision, name varchar(256), id bigint, _fivetran_synced timestamptz,"
        " _fivetran_deleted boolean, PRIMARY KEY (id))"
    )
    harness.person.execute(
        "INSERT INTO hubspot.deal VALUES (1.5, 'One', 1, '2020-01-01Z', NULL), (2.5, 'Two', 2, '2020-01-01Z', true)"
    )
    changes = session.prepare(DEAL).changes
    assert sorted(changes) == [
        "added column deal.closes",
        "added column deal.is_deleted",
        "deal.amount widened from double precision to numeric",
        "deal.name widened from character varying(256) to text",
    ]
    session.write(deals(("1", "One", "1.5", None), ("2", "Two", "2.5", None), ("3", "Three", None, None)))
    assert session.commit("deals", {}) == Loaded(inserted=1, updated=2)
    session.write(deals(("4", "Four", None, None)))
    assert session.commit("deals", {}) == Loaded(inserted=1)
    assert all(str(row[SYNCED]) > "2024" for row in harness.read("hubspot", "deal"))
    assert [row[DELETED] for row in harness.read("hubspot", "deal")] == ["false"] * 4


def test_a_column_somebody_added_keeps_its_values(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    session.write(deals(("1", "One", None, None)))
    session.commit("deals", {})
    harness.person.execute("ALTER TABLE hubspot.deal ADD COLUMN \"My Note\" text DEFAULT 'none'")
    harness.person.execute("UPDATE hubspot.deal SET \"My Note\" = 'mine'")
    session.close()
    with closing(harness.destination.open("hubspot")) as later:
        assert later.prepare(DEAL) == Prepared()
        later.write(deals(("1", "changed", None, None), ("2", "Two", None, None)))
        assert later.commit("deals", {}) == Loaded(inserted=1, updated=1)
    notes = {row["id"]: (row["name"], row["My Note"]) for row in harness.read("hubspot", "deal")}
    assert notes == {"1": ("changed", "mine"), "2": ("Two", "none")}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("CREATE VIEW hubspot.deal AS SELECT 1 AS id", "not a table"),
        ("CREATE TABLE hubspot.deal (id bigint)", "no primary key"),
        ("CREATE TABLE hubspot.deal (id bigint, name text PRIMARY KEY)", r"primary key \(name\)"),
    ],
)
def test_what_stands_in_the_way_is_named(harness: Harness, session: LoadSession, change: str, named: str) -> None:
    harness.person.execute(change)
    with pytest.raises(DestinationRefused, match=named):
        session.prepare(DEAL)
    harness.person.execute(f"ALTER {'VIEW' if 'VIEW' in change else 'TABLE'} hubspot.deal RENAME TO old_deal")
    assert session.prepare(DEAL).made


def test_a_view_that_holds_a_columns_type_is_named(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    session.write(deals(("1", "One", "1.5", None)))
    session.commit("deals", {"after": "1"})
    harness.person.execute("CREATE SCHEMA report")
    harness.person.execute("CREATE VIEW report.pipeline AS SELECT sum(amount) FROM hubspot.deal")
    harness.person.execute("CREATE VIEW report.names AS SELECT name FROM hubspot.deal")
    wider = DEAL.widened({"amount": ColumnType.TEXT})
    with pytest.raises(DestinationRefused, match=r"Drop the view report\.pipeline, run the sync"):
        session.prepare(wider)
    session.write(deals(("2", "Two", "1;2", None)))
    with pytest.raises(DestinationRefused, match=r"report\.pipeline"):
        session.commit("deals", {"after": "2"})
    assert session.cursors() == {"deals": {"after": "1"}}
    harness.person.execute("DROP VIEW report.pipeline")
    session.prepare(wider)
    session.write(deals(("2", "Two", "1;2", None)))
    assert session.commit("deals", {"after": "2"}) == Loaded(inserted=1)


def test_a_default_that_cannot_widen_is_told(harness: Harness, session: LoadSession) -> None:
    harness.person.execute("CREATE TABLE hubspot.deal (id bigint PRIMARY KEY, amount boolean)")
    harness.person.execute("CREATE INDEX ON hubspot.deal ((NOT amount))")
    with pytest.raises(DestinationRefused, match="amount to text"):
        session.prepare(DEAL)


def test_a_table_that_has_no_room_for_a_key_is_told(harness: Harness, session: LoadSession) -> None:
    columns = ", ".join(f"c{n} int" for n in range(1597))
    harness.person.execute(f"CREATE TABLE hubspot.deal (id bigint PRIMARY KEY, {columns})")
    with pytest.raises(DestinationRefused, match="holds 1600, and columns that were dropped count too"):
        session.prepare(DEAL)
