"""How tables differ from their source that other people have had their hands on."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from postgres_harness import Harness

from engine.contract import Column, ColumnType, LoadSession, Row, Rows, Table
from engine.contract.testing import VerificationContract

THING = Table(
    "thing",
    (
        Column("kind", ColumnType.TEXT),
        Column("id", ColumnType.BIGINT),
        Column("count", ColumnType.BIGINT),
        Column("when", ColumnType.TIMESTAMPTZ),
        Column("note", ColumnType.TEXT),
        Column("data", ColumnType.JSONB),
    ),
    primary_key=("kind", "id"),
)
ROWS: list[Row] = [
    ("a", "1", "5", "2024-02-29T00:00:00.000Z", "one", '{"x": 1, "y": 2}'),
    ("a", "2", None, None, None, None),
    ("b", "1", "7", "2024-02-29T10:00:00.000Z", "three", "[]"),
]


class TestPostgresVerification(VerificationContract):
    """With the fixture `harness` of this folder."""


@pytest.fixture
def thing(harness: Harness) -> Harness:
    """The table `thing`, with its rows in it."""
    with closing(harness.destination.open("hubspot")) as session:
        session.prepare(THING)
        session.write(Rows("thing", THING.column_names, ROWS))
        session.commit("things", {})
    return harness


def different(harness: Harness, rows: list[Row]) -> tuple[Any, ...]:
    """Rows that are missing, extra and different, and the columns, when these are the source's rows."""
    with closing(harness.destination.verify("hubspot")) as verification:
        verification.prepare(THING)
        verification.write(Rows("thing", THING.column_names, rows))
        verification.commit("things", {})
        verification.narrow(["thing"])
        (found,) = verification.differences()
        return found.missing, found.extra, found.different, dict(found.columns)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER COLUMN count TYPE numeric",
        "ALTER COLUMN count TYPE text",
        "ALTER COLUMN count TYPE integer",
        "ALTER COLUMN note TYPE varchar(20)",
        'ALTER COLUMN "when" TYPE timestamp',
        "ALTER COLUMN data TYPE json USING data::json",
        "ADD COLUMN owner text NOT NULL DEFAULT 'me'",
        "ADD COLUMN twice bigint GENERATED ALWAYS AS (count * 2) STORED",
        "ADD CHECK (count < 100)",
        "DROP COLUMN _fivetran_synced",
    ],
)
def test_a_table_that_somebody_has_changed_is_compared_as_it_is(thing: Harness, change: str) -> None:
    thing.person.execute(f"ALTER TABLE hubspot.thing {change}")
    assert different(thing, ROWS) == (0, 0, 0, {})
    others = [("a", "1", "6", None, "ONE", "{}"), ROWS[1], ("b", "2", None, None, None, None)]
    assert different(thing, others) == (1, 1, 1, {"count": 1, "data": 1, "note": 1, "when": 1})


WRITTEN_OTHERWISE = [
    # the source's value, what it became when its column became text, and the types of such columns
    ("1.5E3", "1500", ColumnType.NUMERIC, True),
    ("00012", "12", ColumnType.BIGINT, True),
    ("2020-02-29", "2020-02-29T00:00:00.000Z", ColumnType.DATE, True),
    ("2024-09-11T13:27:39.356+05:30", "2024-09-11T07:57:39.356Z", ColumnType.TIMESTAMPTZ, True),
    ("1;2", "1;3", ColumnType.NUMERIC, False),
    ("2024-02-30", "2024-02-31", ColumnType.DATE, False),
    ("1.5E3", "1500", ColumnType.TEXT, False),
    ("1.5E3", None, ColumnType.NUMERIC, False),
]


@pytest.mark.parametrize(("told", "stored", "type_", "same"), WRITTEN_OTHERWISE)
def test_a_value_that_became_text_with_its_column_is_no_difference(
    harness: Harness, told: str, stored: str | None, type_: ColumnType, same: bool
) -> None:
    table = Table("odd", (Column("id", ColumnType.BIGINT), Column("value", type_)), primary_key=("id",))
    text = Table("odd", (Column("id", ColumnType.BIGINT), Column("value", ColumnType.TEXT)), primary_key=("id",))
    with closing(harness.destination.open("hubspot")) as session:
        session.prepare(text)
        session.write(Rows("odd", text.column_names, [("1", stored)]))
        session.commit("odds", {})
    with closing(harness.destination.verify("hubspot")) as verification:
        verification.prepare(table)
        verification.prepare(text)  # as a source does that has met values that do not fit
        verification.write(Rows("odd", table.column_names, [("1", told)]))
        verification.commit("odds", {})
        verification.narrow(["odd"])
        (found,) = verification.differences()
    assert found.columns == ({} if same else {"value": 1})


def test_an_index_of_somebody_else_keeps_nothing_out_of_the_image(thing: Harness) -> None:
    thing.person.execute("CREATE UNIQUE INDEX ON hubspot.thing (count)")
    twice = [*ROWS, ("c", "1", "7", None, None, None)]
    assert different(thing, twice) == (1, 0, 0, {})


ID = Column("id", ColumnType.BIGINT)
TEXTS = tuple(Column(f"text_{n:04}", ColumnType.TEXT) for n in range(1400))
TIMES = tuple(Column(f"time_{n:04}", ColumnType.TIMESTAMPTZ) for n in range(150))
NUMBERS = tuple(Column(f"number_{n:04}", ColumnType.NUMERIC) for n in range(150))
WIDE = Table("wide", (ID, *TEXTS, *TIMES, *NUMBERS), ("id",))
CELLS = {ColumnType.TEXT: "x", ColumnType.TIMESTAMPTZ: "2024-09-11T13:27:39.356Z", ColumnType.NUMERIC: "1.50"}


def wide(id_: int, **cells: str | None) -> Row:
    return (str(id_), *(cells.get(c.name, CELLS[c.type]) for c in WIDE.columns[1:]))


def load_wide(session: LoadSession, *rows: Row, columns: tuple[str, ...] = WIDE.column_names) -> None:
    session.prepare(WIDE)
    session.write(Rows("wide", columns, rows))
    session.commit("wide", {})


@pytest.mark.parametrize("room", ["as much as the schema's table had", "more"])
def test_values_beyond_the_limit_of_columns_are_compared_as_all_others(harness: Harness, room: str) -> None:
    """Also those that have a column on one side only: columns that were dropped take room in the schema's table."""
    with closing(harness.destination.open("hubspot")) as session:
        load_wide(session)
    if room == "more":
        drop = ", ".join(f"DROP COLUMN {c.name}" for c in (*TEXTS[:100], *TIMES[100:]))
        harness.person.execute(f"ALTER TABLE hubspot.wide {drop}")
    gone = dict.fromkeys((c.name for c in WIDE.columns[1:]), None)
    with closing(harness.destination.open("hubspot")) as session:
        load_wide(session, wide(1), wide(2), wide(3), wide(4), wide(5, **gone))
    with closing(harness.destination.verify("hubspot")) as verification:
        outside = {"time_0140": "2024-09-11T13:27:40.000Z", "number_0149": None, "text_0001": "y"}
        load_wide(verification, wide(1), wide(2, **outside), wide(3, number_0149="2"), wide(5, **gone), wide(6))
        assert verification.narrow(["wide"]) == 4
        load_wide(verification, ("3", "1.50"), ("2", "7"), columns=("id", "number_0149"))
        assert verification.narrow(["wide"]) == 3
        (found,) = verification.differences()
        assert (found.missing, found.extra, found.different, found.pending) == (1, 1, 1, 1)
        assert found.columns == {"text_0001": 1, "time_0140": 1}
        (example,) = [row for row in found.examples if row.kind == "different"]
        assert (example.stored["text_0001"], example.source["text_0001"]) == ("x", "y")


def test_a_row_wider_than_a_page_is_compared_wherever_its_values_are(harness: Harness) -> None:
    long = wide(1, **{c.name: f"{n:04}" + "x" * 300 for n, c in enumerate(TEXTS)})
    with closing(harness.destination.open("hubspot")) as session:
        load_wide(session, wide(1), wide(2))
        load_wide(session, long)
    with closing(harness.destination.verify("hubspot")) as verification:
        load_wide(verification, long, wide(2))
        assert verification.narrow(["wide"]) == 0
    with closing(harness.destination.verify("hubspot")) as verification:
        load_wide(verification, wide(1), wide(2))
        assert verification.narrow(["wide"]) == 1
        (found,) = verification.differences()
        assert found.columns == dict.fromkeys((c.name for c in TEXTS), 1)
        load_wide(verification, long)
        assert verification.narrow(["wide"]) == 0
