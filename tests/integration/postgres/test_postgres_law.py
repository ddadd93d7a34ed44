"""Whatever is committed, the table is what a dictionary would be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgres_harness import Harness

from engine.contract import DELETED, Batch, Column, ColumnType, Complete, Deletion, Loaded, Row, Rows, Table

THING = Table(
    "thing",
    (
        Column("a", ColumnType.BIGINT),
        Column("at", ColumnType.TIMESTAMPTZ),
        Column("name", ColumnType.TEXT),
        Column("amount", ColumnType.NUMERIC),
        Column("born", ColumnType.DATE),
    ),
    primary_key=("a", "at"),
    lookups=(("at",), ("name",)),
)
INSTANTS = {
    "2024-02-29T12:00:00.000Z": ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000Z", "2024-02-29T13:00:00+01:00"],
    "2024-03-01T00:00:00.000Z": ["2024-03-01T00:00:00.000Z"],
}
CELLS: dict[str, st.SearchStrategy[str | None]] = {
    "a": st.sampled_from(["1", "2", "3"]),
    "at": st.sampled_from([spelling for spellings in INSTANTS.values() for spelling in spellings]),
    "name": st.sampled_from([None, "x", "y", "x", "y", "nul\0"]),
    "amount": st.sampled_from([None, "1", "2", "3", "1;2"]),
    "born": st.sampled_from([None, "2024-02-29", "2024-03-01", "2024-02-29", "no date"]),
}
State: TypeAlias = dict[Row, dict[str, str | None]]


def rows_of(columns: tuple[str, ...]) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.tuples(*(CELLS[name] for name in columns)), max_size=6)


def groups(*columns: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sampled_from(columns)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    kind = draw(st.sampled_from([Rows, Rows, Rows, Deletion, Complete]))
    if kind is Rows:
        others = draw(st.permutations(["name", "amount", "born"]))
        columns = tuple(draw(st.permutations(["a", "at", *others[: draw(st.integers(0, 3))]])))
        return Rows("thing", columns, draw(rows_of(columns)), draw(st.booleans()))
    columns = draw(groups(("a",), ("at",), ("name",), ("at", "a"), ("a", "at")))
    if kind is Deletion:
        return Deletion("thing", columns, draw(rows_of(columns)))
    return draw(st.sampled_from([Complete("thing"), Complete("thing", columns, draw(rows_of(columns)))]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commits=st.lists(st.lists(batches(), max_size=6), min_size=1, max_size=4))
def test_any_commits_leave_what_a_dictionary_would_hold(harness: Harness, commits: list[list[Batch]]) -> None:
    harness.person.execute("DROP TABLE IF EXISTS hubspot.thing")
    model: State = {}
    with closing(harness.destination.open("hubspot")) as session:
        session.prepare(THING)
        for commit in commits:
            for batch in commit:
                session.write(batch)
            apply(model, commit)
            before = len(harness.read("hubspot", "thing"))
            loaded = session.commit("things", {})
            assert loaded.rejected == 0
            assert loaded.inserted == len(model) - before
            assert stored(harness) == model
        untouched = harness.read("hubspot", "thing")
        for batch in present(model):
            session.write(batch)
        assert session.commit("things", {}) == Loaded()
        assert harness.read("hubspot", "thing") == untouched


def apply(model: State, commit: Sequence[Batch]) -> None:
    """The contract in a dozen lines."""
    given_now = set()
    for batch in commit:
        if isinstance(batch, Rows):
            for row in batch.rows:
                cells = {name: meant(name, cell) for name, cell in zip(batch.columns, row, strict=True)}
                key = (cells["a"], cells["at"])
                empty: dict[str, str | None] = dict.fromkeys(THING.column_names)
                model[key] = {**model.get(key, empty), **cells, DELETED: str(batch.deleted).lower()}
                given_now.add(key)
    for kind, spared in ((Deletion, set()), (Complete, given_now)):
        for batch in commit:
            if isinstance(batch, kind):
                keys = {tuple(map(meant, batch.columns, key)) for key in batch.keys}
                for key, cells in model.items():
                    values = tuple(cells[name] for name in batch.columns)
                    if key not in spared and values in keys and None not in values:  # nothing equals NULL
                        cells[DELETED] = "true"


def meant(name: str, cell: str | None) -> str | None:
    """What a spelling stands for."""
    if cell is None or name != "at":
        return cell and cell.replace("\0", "")
    return next(instant for instant, spellings in INSTANTS.items() if cell in spellings)


def stored(harness: Harness) -> State:
    result: State = {}
    for row in harness.read("hubspot", "thing"):
        row["born"] = row["born"] and row["born"][:10]
        result[row["a"], row["at"]] = {name: row[name] for name in (*THING.column_names, DELETED)}
    return result


def present(model: State) -> Iterator[Rows]:
    """The state itself as batches."""
    for deleted in (False, True):
        rows = [
            tuple(cells[name] for name in THING.column_names)
            for cells in model.values()
            if (cells[DELETED] == "true") is deleted
        ]
        yield Rows("thing", THING.column_names, rows, deleted)
