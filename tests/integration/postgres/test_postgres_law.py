"""Whatever is committed, the table is what a dictionary would be."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TypeAlias
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgres_harness import Harness

from destinations.postgres import merge as merging
from destinations.postgres import room
from engine.contract import DELETED, Batch, Column, ColumnType, Complete, Deletion, Loaded, Present, Row, Rows, Table

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
OWNER = Table("owner", (Column("a", ColumnType.BIGINT), Column("name", ColumnType.TEXT)), primary_key=("a",))
TABLES = {table.name: table for table in (THING, OWNER)}
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
State: TypeAlias = dict[tuple[str, Row], dict[str, str | None]]
"""The rows by table and primary key."""


def rows_of(columns: tuple[str, ...]) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.tuples(*(CELLS[name] for name in columns)), max_size=6)


def groups(*columns: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sampled_from(columns)


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    table = draw(st.sampled_from([THING, THING, OWNER]))
    others = draw(st.permutations([name for name in table.column_names if name not in table.primary_key]))
    some = others[: draw(st.integers(0, len(others)))]
    columns = tuple(draw(st.permutations([*table.primary_key, *some])))
    return Rows(table.name, columns, draw(rows_of(columns)), draw(st.booleans()))


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    kind = draw(st.sampled_from([Rows, Rows, Rows, Deletion, Complete, Present]))
    if kind is Rows:
        return draw(rows())
    if kind is Present:
        above, to = draw(st.lists(st.sampled_from([None, "0", "1", "2", "3"]), min_size=2, max_size=2))
        keys = draw(st.lists(CELLS["a"], max_size=3))
        return Present("owner", "a", keys, above, to, draw(st.sampled_from([(), (("thing", "a"),)])))
    columns = draw(groups(("a",), ("at",), ("name",), ("at", "a"), ("a", "at")))
    if kind is Deletion:
        return Deletion("thing", columns, draw(rows_of(columns)))
    return draw(st.sampled_from([Complete("thing"), Complete("thing", columns, draw(rows_of(columns)))]))


some_commits = st.lists(st.lists(batches(), max_size=6), min_size=1, max_size=4)
law = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@law
@given(commits=some_commits, staged=st.booleans())
def test_any_commits_leave_what_a_dictionary_would_hold(
    harness: Harness, commits: list[list[Batch]], *, staged: bool
) -> None:
    obey_the_law(harness, commits, staged=staged)


@law
@given(commits=some_commits, staged=st.booleans())
def test_the_same_holds_for_columns_that_a_table_has_no_room_for(
    harness: Harness, commits: list[list[Batch]], *, staged: bool
) -> None:
    with patch.object(room, "MAX_COLUMNS", room.RESERVE):
        obey_the_law(harness, commits, staged=staged)


@law
@given(commits=some_commits, overflow=st.booleans(), staged=st.booleans())
def test_the_latest_versions_of_a_history_obey_it_too(
    harness: Harness, commits: list[list[Batch]], *, overflow: bool, staged: bool
) -> None:
    with patch.object(room, "MAX_COLUMNS", room.RESERVE if overflow else room.MAX_COLUMNS):
        obey_the_law(harness, commits, staged=staged, history=True)


def obey_the_law(harness: Harness, commits: list[list[Batch]], *, staged: bool, history: bool = False) -> None:
    with patch.object(merging, "FEW", 0 if staged else merging.FEW):
        obey(harness, commits, history=history)


def obey(harness: Harness, commits: list[list[Batch]], *, history: bool) -> None:
    harness.person.execute("DROP TABLE IF EXISTS hubspot.thing, hubspot.owner")
    model: State = {}
    with closing(harness.destination.open("hubspot")) as session:
        session.prepare(replace(THING, history=history))
        session.prepare(replace(OWNER, history=history))
        for commit in commits:
            for batch in commit:
                session.write(batch)
            before = len(model)
            apply(model, commit)
            loaded = session.commit("things", {})
            assert loaded.rejected == 0
            assert loaded.inserted == len(model) - before
            assert stored(harness, history=history) == model
        untouched = [harness.read("hubspot", name) for name in TABLES]
        for batch in present(model):
            session.write(batch)
        assert session.commit("things", {}) == Loaded()
        assert [harness.read("hubspot", name) for name in TABLES] == untouched


def apply(model: State, commit: Sequence[Batch]) -> None:
    """The contract in a few lines."""
    given_now = {key for batch in commit if isinstance(batch, Rows) for key in merge(model, batch)}
    for kind, spared in ((Deletion, set()), (Complete, given_now)):
        for batch in commit:
            if isinstance(batch, kind):
                keys = {tuple(map(meant, batch.columns, key)) for key in batch.keys}
                delete(model, batch.table, batch.columns, keys, spared)
    for batch in commit:
        if isinstance(batch, Present):
            for table, column in ((batch.table, "a"), *batch.dependents):
                gone = {
                    (cells[column],)
                    for (name, _), cells in model.items()
                    if name == table and (batch.table, (cells[column],)) not in given_now
                    if cells[column] not in batch.keys
                    and (batch.above or "0") < str(cells[column]) <= (batch.to or "9")
                }
                delete(model, table, (column,), gone, set())


def merge(model: State, batch: Rows) -> Iterator[tuple[str, Row]]:
    table = TABLES[batch.table]
    for row in batch.rows:
        cells = {name: meant(name, cell) for name, cell in zip(batch.columns, row, strict=True)}
        key = (table.name, tuple(cells[name] for name in table.primary_key))
        if key in model or len(cells) == len(table.columns):
            model[key] = {**model.get(key, {}), **cells, DELETED: str(batch.deleted).lower()}
        yield key


def delete(model: State, table: str, columns: tuple[str, ...], keys: set[Row], spared: set[tuple[str, Row]]) -> None:
    for (name, key), cells in model.items():
        if name == table and (name, key) not in spared:
            values = tuple(cells[column] for column in columns)
            if values in keys and None not in values:  # nothing equals NULL
                cells[DELETED] = "true"


def meant(name: str, cell: str | None) -> str | None:
    """What a spelling stands for."""
    if cell is None or name != "at":
        return cell and cell.replace("\0", "")
    return next(instant for instant, spellings in INSTANTS.items() if cell in spellings)


def stored(harness: Harness, *, history: bool) -> State:
    result: State = {}
    for table in TABLES.values():
        for row in latest(harness, table) if history else harness.read("hubspot", table.name):
            row.update(literal_eval(row.pop("_penstock_overflow", None) or "{}"))
            if row.get("born"):
                row["born"] = str(row["born"])[:10]
            key = tuple(row[name] for name in table.primary_key)
            result[table.name, key] = {name: row.get(name) for name in (*table.column_names, DELETED)}
    return result


def latest(harness: Harness, table: Table) -> list[dict[str, str | None]]:
    """The last version of each row; all versions are held to follow one another without a gap of more than a deletion."""
    key = ", ".join(table.primary_key)
    harness.person.execute("DROP TABLE IF EXISTS pg_temp.versions")
    harness.person.execute(
        "CREATE TEMPORARY TABLE versions AS SELECT *,"
        f" lead(_fivetran_start) OVER (PARTITION BY {key} ORDER BY _fivetran_start) AS following FROM hubspot.{table.name}"
    )
    odd = (
        "SELECT * FROM versions WHERE _fivetran_end < _fivetran_start OR _fivetran_end >= following"
        " OR _fivetran_active AND (following IS NOT NULL OR _fivetran_deleted)"
        " OR _fivetran_active <> (_fivetran_end = '9999-12-31 23:59:59.999+00')"
        " OR NOT _fivetran_active AND following IS NULL AND NOT _fivetran_deleted"
    )
    assert harness.person.execute(odd, prepare=False).fetchall() == []
    harness.person.execute("DELETE FROM versions WHERE following IS NOT NULL")
    return harness.read("pg_temp", "versions")


def present(model: State) -> Iterator[Rows]:
    """The state itself as batches."""
    for table in TABLES.values():
        for deleted in (False, True):
            rows = [
                tuple(cells[name] for name in table.column_names)
                for (name, _), cells in model.items()
                if name == table.name and (cells[DELETED] == "true") is deleted
            ]
            yield Rows(table.name, table.column_names, rows, deleted)
