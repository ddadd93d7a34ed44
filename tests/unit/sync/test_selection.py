"""A source of which only a part is wanted says nothing of the rest, and does not notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.memory import ScriptedSource, Step

from engine.contract import (
    Catalog,
    Cell,
    Checkpoint,
    Column,
    ColumnType,
    Complete,
    Deletion,
    Expected,
    Message,
    Notice,
    Present,
    Row,
    Rows,
    SchemaChange,
    Stream,
    Table,
)
from engine.sync.hashing import Hash
from engine.sync.selection import Choice, SelectedHeld, SelectedSource, Selection

DEAL = Table(
    "deal",
    (Column("id", ColumnType.BIGINT), Column("name", ColumnType.TEXT), Column("amount", ColumnType.NUMERIC)),
    ("id",),
)
PAIR = Table("pair", (Column("deal_id", ColumnType.BIGINT), Column("label", ColumnType.TEXT)), ("deal_id",))
DEALS = Stream("deals", (DEAL, PAIR))
OWNERS = Stream("owners", (replace(DEAL, name="owner"),))
HASH = Hash(b"salt")


def hashed(type_: ColumnType, cell: Cell) -> str | None:
    return HASH.of(type_)(cell)


SAID: Sequence[Message] = (
    Expected(2),
    Rows("deal", DEAL.column_names, [("1", "One", "1.0"), ("2", "Two", None)]),
    Rows("deal", ("amount", "id"), [("7", "1")]),
    Rows("pair", PAIR.column_names, [("1", "x")]),
    Complete("pair", ("deal_id",), [("1",)]),
    Deletion("deal", ("id",), [("3",)]),
    Present("deal", "id", ["1"], dependents=(("pair", "deal_id"),)),
    SchemaChange(DEAL.widened({"amount": ColumnType.TEXT}), "because"),
    Notice("strange", "Strange."),
    Checkpoint({"step": 9}),
)


def said(choices: Mapping[str, Choice]) -> list[Message]:
    source = SelectedSource(ScriptedSource({DEALS: SAID, OWNERS: ()}), lambda _: Selection(choices, HASH))
    catalog = source.discover({})
    (stream,) = (stream for stream in catalog.streams if stream.name == "deals")
    return list(source.read(stream, None, Nothing()))


@dataclass
class Nothing:
    """A destination that holds nothing, and notes what it is asked for."""

    asked: list[tuple[str, tuple[str, ...], Sequence[Row]]] = field(default_factory=list)

    def lacking(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> Sequence[Row]:
        self.asked.append((table, columns, rows))
        return rows[:1]

    def holds_any(self, table: str) -> bool:
        return False


def test_where_nothing_is_chosen_the_same_objects_pass() -> None:
    steps: dict[Stream, Sequence[Step]] = {DEALS: SAID, OWNERS: ()}
    inner = ScriptedSource(steps)
    source = SelectedSource(inner, lambda _: Selection({"deal": Choice(), "elsewhere": Choice(enabled=False)}, HASH))
    catalog = source.discover({})
    assert [stream for stream in catalog.streams if stream in (DEALS, OWNERS)] == [DEALS, OWNERS]
    assert catalog.streams[0] is DEALS
    messages = source.read(DEALS, None, Nothing())
    assert all(one is other for one, other in zip(messages, SAID, strict=True))


def test_a_stream_without_tables_is_left_out() -> None:
    selection = Selection({"owner": Choice(enabled=False)}, HASH)
    source = SelectedSource(ScriptedSource({DEALS: SAID, OWNERS: ()}), lambda _: selection)
    assert [stream.name for stream in source.discover({}).streams] == ["deals"]


def test_of_a_table_that_is_not_wanted_nothing_is_said() -> None:
    gone_with_it = Present("pair", "deal_id", ["1"])  # nobody else can tell any more
    assert said({"deal": Choice(enabled=False)}) == [SAID[3], SAID[4], gone_with_it, *SAID[8:]]
    without = replace(SAID[6], dependents=())  # type: ignore[type-var] # a Present
    assert said({"pair": Choice(enabled=False)}) == [*SAID[:3], SAID[5], without, *SAID[7:]]


def test_columns_that_are_not_wanted_are_left_out() -> None:
    messages = said({"deal": Choice(disabled=frozenset({"amount"}))})
    assert messages[1:3] == [
        Rows("deal", ("id", "name"), [("1", "One"), ("2", "Two")]),
        Rows("deal", ("id",), [("1",)]),
    ]
    (change,) = (message for message in messages if isinstance(message, SchemaChange))
    assert change.table.column_names == ("id", "name")


def test_columns_are_hashed_as_what_they_mean() -> None:
    messages = said({"deal": Choice(hashed=frozenset({"amount"}))})
    one, seven = (hashed(ColumnType.NUMERIC, value) for value in ("1", 7))
    assert messages[1:3] == [
        Rows("deal", DEAL.column_names, [("1", "One", one), ("2", "Two", None)]),
        Rows("deal", ("amount", "id"), [(seven, "1")]),
    ]


def test_tables_are_as_they_are_wanted() -> None:
    choice = Choice(history=True, disabled=frozenset({"name"}), hashed=frozenset({"amount"}))
    table = Selection({"deal": choice}, HASH).table(DEAL)
    assert table == Table("deal", (DEAL.columns[0], Column("amount", ColumnType.TEXT)), ("id",), history=True)


def test_what_is_held_is_compared_as_it_is_wanted() -> None:
    held = Nothing()
    rows = [("1", "One", "1.0"), ("2", "Two", "2")]
    selection = Selection({"deal": Choice(disabled=frozenset({"name"}), hashed=frozenset({"amount"}))}, HASH)
    selection.catalog(Catalog((DEALS,)))
    assert SelectedHeld(held, selection).lacking("deal", DEAL.column_names, rows) == rows[:1]
    assert [(table, columns) for table, columns, _ in held.asked] == [("deal", ("id", "amount"))]
    unwanted = SelectedHeld(held, Selection({"deal": Choice(enabled=False)}, HASH))
    assert (unwanted.lacking("deal", DEAL.column_names, rows), unwanted.holds_any("deal")) == ((), True)
    assert len(held.asked) == 1


@pytest.mark.parametrize(
    ("type_", "spellings"),
    [
        (ColumnType.NUMERIC, ["1", "1.0", "1e0", 1, 1.0, Decimal("1.00")]),
        (ColumnType.BIGINT, ["0", "-0", 0]),
        (
            ColumnType.TIMESTAMPTZ,
            ["2024-02-29T12:00:00Z", "2024-02-29T13:00:00.000+01:00", datetime(2024, 2, 29, 12, tzinfo=UTC)],
        ),
        (ColumnType.DATE, ["2024-02-29", date(2024, 2, 29)]),
        (ColumnType.BOOLEAN, ["true", True]),
        (ColumnType.JSONB, ['{"a": 1, "b": [2]}', {"b": [2], "a": 1}]),
    ],
)
def test_all_spellings_of_a_value_have_one_hash(type_: ColumnType, spellings: list[Cell]) -> None:
    (one,) = {hashed(type_, spelling) for spelling in spellings}
    assert one is not None
    assert len(one) == 64
    assert one != Hash(b"other").of(type_)(spellings[0])


@given(st.text(), st.sampled_from(ColumnType))
def test_any_text_has_a_hash(text: str, type_: ColumnType) -> None:
    assert hashed(type_, text) is not None


@given(st.text(), st.text())
def test_different_texts_have_different_hashes(one: str, other: str) -> None:
    assert (hashed(ColumnType.TEXT, one) == hashed(ColumnType.TEXT, other)) is (one == other)


def test_long_numbers_are_told_apart() -> None:
    long = "1" * 40
    assert hashed(ColumnType.NUMERIC, long) != hashed(ColumnType.NUMERIC, long[:-1] + "2")
    assert hashed(ColumnType.NUMERIC, "1e999999999") is not None
