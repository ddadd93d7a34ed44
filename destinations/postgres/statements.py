"""The statements that load one table, put together once for each of its shapes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from psycopg import sql

from destinations.postgres.history import NEXT_START, ended
from destinations.postgres.queries import identifiers, query, type_name
from destinations.postgres.room import OVERFLOW
from destinations.postgres.shape import LiveTable
from destinations.postgres.widening import distinct, known_type, written
from engine.contract import ACTIVE, DELETED, END, START, SYNCED, ColumnType

P = ParamSpec("P")
T = TypeVar("T")


FITTING_COLUMNS = 400
"""A row of so many columns fits into a page of 8 kB, as a value leaves at most 18 bytes in its row."""


def _cached(make: Callable[Concatenate[LiveTable, P], T]) -> Callable[Concatenate[LiveTable, P], T]:
    """Keep a statement for as long as the shape it is for, which is as long as a session."""

    @wraps(make)
    def kept(live: LiveTable, /, *args: P.args, **options: P.kwargs) -> T:
        key = (make, args, *options.items())
        if key not in live.statements:
            live.statements[key] = make(live, *args, **options)
        statement: T = live.statements[key]
        return statement

    return kept


@_cached
def create_staging(live: LiveTable) -> bytes:
    """Make the staging table of this shape unless the session has it."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), type_name(type_)) for name, type_ in live.types.items()
    )
    return query("create_staging").format(staging=_staging(live), columns=columns).as_bytes()


@_cached
def clear_staging(live: LiveTable) -> bytes:
    """Empty the staging table within a transaction."""
    return sql.SQL("DELETE FROM {}").format(_staging(live)).as_bytes()


@_cached
def copy_to_staging(live: LiveTable, columns: tuple[str, ...]) -> bytes:
    """COPY these columns into the staging table."""
    return sql.SQL("COPY {} ({}) FROM STDIN").format(_staging(live), identifiers(columns)).as_bytes()


@_cached
def copy_to_table(live: LiveTable, columns: tuple[str, ...]) -> bytes:
    """COPY these columns into the table itself; defaults fill the columns that this destination keeps."""
    return sql.SQL("COPY {} ({}) FROM STDIN").format(live.identifier, identifiers(columns)).as_bytes()


@_cached
def any_key_there(live: LiveTable) -> bytes:
    """Whether any of the primary keys given has a row."""
    key = live.table.primary_key
    statement = query("any_key_there")
    return statement.format(keys=_keys(live, key), target=live.identifier, same_key=_same(key, "k")).as_bytes()


@_cached
def any_row(live: LiveTable) -> bytes:
    """A row if there is one."""
    return sql.SQL("SELECT 1 FROM {} LIMIT 1").format(live.identifier).as_bytes()


@_cached
def same_keys(live: LiveTable) -> bytes:
    """A number for each primary key given, the same for equal ones."""
    key = live.table.primary_key
    return query("same_keys").format(columns=identifiers(key), keys=_arrays(live, key)).as_bytes()


@_cached
def update_rows(
    live: LiveTable, columns: tuple[str, ...], *, deleted: bool, told: tuple[str, ...] = (), given: bool = False
) -> bytes | None:
    """Bring the rows that are there and differ to what is staged; None where there is nothing that could differ.

    Where one of the columns is the overflow, it tells of the columns `told`, and of no other. What is `given` is not
    staged: the statement takes a parameter for each column, its values as texts.
    """
    values = [name for name in columns if name not in live.table.primary_key]
    is_marked = sql.SQL("t.{} IS DISTINCT FROM {}")
    changes = [
        *_changes(live, values, told),
        *(is_marked.format(sql.Identifier(name), sql.Literal(deleted)) for name in live.markers),
    ]
    if not changes:
        return None
    statement = query("update_rows").format(
        target=live.identifier,
        rows=_rows(live, columns, given=given),
        assignments=_assignments(live, values, deleted=deleted, told=told),
        same_key=_same(live.table.primary_key, "s"),
        changes=sql.SQL(" OR ").join(changes),
    )
    return statement.as_bytes()


@_cached
def close_versions(
    live: LiveTable, columns: tuple[str, ...], *, deleted: bool, told: tuple[str, ...] = (), given: bool = False
) -> bytes:
    """End the versions that what is staged says are not true any more; `told` and `given` as in `update_rows`."""
    values = [name for name in columns if name not in live.table.primary_key]
    differs = [sql.SQL("true")] if deleted else [*_changes(live, values, told), sql.SQL("false")]
    statement = query("update_rows").format(
        target=live.identifier,
        rows=_rows(live, columns, given=given),
        assignments=_assignments(live, deleted=deleted),
        same_key=_same(live.table.primary_key, "s"),
        changes=sql.SQL("t.{} AND ({})").format(sql.Identifier(ACTIVE), sql.SQL(" OR ").join(differs)),
    )
    return statement.as_bytes()


@_cached
def open_versions(
    live: LiveTable, columns: tuple[str, ...], *, deleted: bool, told: tuple[str, ...] = (), given: bool = False
) -> bytes:
    """Add a version where the last one is not true any more, or, of deleted rows, has other values than their last ones.

    What is not staged is as it was; `told` and `given` as in `update_rows`.
    """
    values = [name for name in columns if name not in live.table.primary_key]
    changed = [*_changes(live, values, told), sql.SQL("false")]
    merged = {OVERFLOW: _merged_overflow(_likeliest_first(live, told))} if OVERFLOW in columns else {}
    own = {START: NEXT_START, **({ACTIVE: sql.SQL("false"), END: NEXT_START} if deleted else {})}
    cells = {
        **{name: merged.get(name, sql.Identifier("s" if name in columns else "t", name)) for name in live.types},
        **{name: sql.Literal(deleted) for name in live.markers},
        **own,
    }
    statement = query("open_versions").format(
        target=live.identifier,
        rows=_rows(live, columns, given=given),
        columns=identifiers(cells),
        values=sql.SQL(", ").join(cells.values()),
        same_key=_same(live.table.primary_key, "s"),
        start=sql.Identifier(START),
        wanted=sql.SQL(" OR ").join(changed) if deleted else sql.SQL("NOT t.{}").format(sql.Identifier(ACTIVE)),
    )
    return statement.as_bytes()


@_cached
def insert_rows(live: LiveTable, columns: tuple[str, ...], *, deleted: bool, given: bool = False) -> bytes:
    """Insert the staged rows that are not there; `given` as in `update_rows`."""
    own: dict[str, sql.Composable] = {name: sql.Literal(deleted) for name in live.markers}
    if live.table.history and deleted:
        own |= {ACTIVE: sql.SQL("false"), END: sql.SQL("now()")}
    values = [identifiers(columns, "s"), *own.values()]
    statement = query("insert_rows").format(
        target=live.identifier,
        rows=_rows(live, columns, given=given),
        columns=identifiers((*columns, *own)),
        values=sql.SQL(", ").join(values),
        same_key=_same(live.table.primary_key, "s"),
    )
    return statement.as_bytes()


@_cached
def remove_rows(live: LiveTable, columns: tuple[str, ...]) -> bytes:
    """Mark the rows of the keys given (without columns: all rows) as gone, but for the primary keys given after them."""
    statement = query("remove_rows").format(
        target=live.identifier,
        assignments=_assignments(live, deleted=True),
        keys=_keys(live, columns) if columns else sql.SQL("(SELECT) AS k"),
        same_key=_same(columns, "k") if columns else sql.SQL("true"),
        is_there=_is_there(live),
        primary_key=identifiers(live.table.primary_key, "t"),
        given=_arrays(live, live.table.primary_key),
    )
    return statement.as_bytes()


@_cached
def remove_absent(live: LiveTable, column: str, *, above: bool, to: bool) -> bytes:
    """Mark the rows within a range as gone, whose bounds are parameters, but for the keys that follow; gives their keys."""
    key, type_ = _in_order(live, column)
    bounds = [
        sql.SQL("{} > %s::text::{}").format(key, type_) if above else None,
        sql.SQL("{} <= %s::text::{}").format(key, type_) if to else None,
    ]
    statement = query("remove_absent").format(
        target=live.identifier,
        assignments=_assignments(live, deleted=True),
        is_there=_is_there(live),
        range=sql.SQL(" AND ").join([*filter(None, bounds), sql.SQL("true")]),
        key=key,
        keys=sql.SQL("%s::text[]::{}[]").format(type_),
        column=sql.Identifier(column),
    )
    return statement.as_bytes()


@_cached
def lacking(live: LiveTable, columns: tuple[str, ...]) -> bytes:
    """The positions, from 1 on, of the rows given that are not there with just these values."""
    key = live.table.primary_key
    same = [sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in key]
    others = (name for name in columns if name not in key)
    same += [sql.SQL("NOT ({})").format(_differs(live, name, _value(live, name))) for name in others]
    statement = query("lacking").format(
        values=_arrays(live, columns),
        columns=identifiers(columns),
        target=live.identifier,
        same=sql.SQL(" AND ").join(same),
        is_there=_is_there(live) if live.markers else sql.SQL("true"),
    )
    return statement.as_bytes()


@_cached
def may_be_given(live: LiveTable) -> bool:
    """Whether rows can be parameters of a statement and become what they would by way of the staging table.

    Not where a column is of a type of other people: the cast to varchar(20) cuts what COPY refuses. Nor where rows may
    be too wide for a page: that is found out while they are staged, before one is touched. And a percent sign in a name
    would be taken for a parameter.
    """
    names = (live.schema, live.table.name, *live.table.column_names, *live.types)
    are_ours = {*live.types.values()} <= {written(type_) for type_ in ColumnType}
    return are_ours and len(live.types) <= FITTING_COLUMNS and not any("%" in name for name in names)


def _rows(live: LiveTable, columns: tuple[str, ...], *, given: bool) -> sql.Composable:
    """The rows that are to be merged, as `s`."""
    if not given:
        return sql.SQL("{} AS s").format(_staging(live))
    return sql.SQL("unnest({}) AS s ({})").format(_arrays(live, columns), identifiers(columns))


def _staging(live: LiveTable) -> sql.Identifier:
    """Named after its shape, so that a table that changes gets a new one."""
    shape = repr((live.schema, live.table.name, list(live.types.items())))
    return sql.Identifier("pg_temp", f"penstock_{hashlib.sha256(shape.encode()).hexdigest()[:16]}")


def _is_there(live: LiveTable) -> sql.Composable:
    if live.table.history:
        return sql.Identifier("t", ACTIVE)
    return sql.SQL("t.{} IS NOT TRUE").format(sql.Identifier(DELETED))


def _changes(live: LiveTable, values: Iterable[str], told: Iterable[str]) -> list[sql.Composable]:
    """The conditions on which a stored row differs from a staged one."""
    told = _likeliest_first(live, told)
    return [_overflow_differs(told) if name == OVERFLOW else _differs(live, name) for name in values]


def _likeliest_first(live: LiveTable, told: Iterable[str]) -> tuple[str, ...]:
    """The columns told, those first that are likeliest to be found in the overflow."""
    return tuple(sorted(told, key=lambda name: name not in (live.overflow or ())))


def _in_order(live: LiveTable, column: str) -> tuple[sql.Composable, sql.SQL]:
    """A column as it is ordered at its source, and the type of that: text by code points, and numbers as numbers."""
    name = sql.SQL("t.{}").format(sql.Identifier(column))
    asked = next(each.type for each in live.table.columns if each.name == column)
    if known_type(live.types[column]) is not ColumnType.TEXT:
        return name, type_name(live.types[column])
    if asked is ColumnType.TEXT:
        return sql.SQL('{} COLLATE "C"').format(name), type_name(live.types[column])
    return sql.SQL("{}::{}").format(name, type_name(asked)), type_name(asked)


def _arrays(live: LiveTable, columns: Iterable[str]) -> sql.Composable:
    """A parameter for each column: its values as texts, turned into the column's type by the server."""
    types = (type_name(live.types.get(name, ColumnType.TEXT)) for name in columns)
    return sql.SQL(", ").join(sql.SQL("%s::text[]::{}[]").format(type_) for type_ in types)


def _keys(live: LiveTable, columns: Iterable[str]) -> sql.Composable:
    columns = tuple(columns)
    return sql.SQL("unnest({}) AS k ({})").format(_arrays(live, columns), identifiers(columns))


def _same(columns: Iterable[str], other: str) -> sql.Composable:
    same = sql.SQL("t.{0} = {1}.{0}")
    return sql.SQL(" AND ").join(same.format(sql.Identifier(name), sql.SQL(other)) for name in columns)


def _differs(live: LiveTable, name: str, stored: sql.Composable | None = None) -> sql.Composable:
    differs = distinct(known_type(live.types.get(name, ColumnType.TEXT)))
    return differs.format(stored or sql.Identifier("t", name), sql.Identifier("s", name))


def _value(live: LiveTable, name: str) -> sql.Composable:
    """What the table has for a column, wherever it has it."""
    if live.overflow is None:
        return sql.Identifier("t", name)
    overflow = sql.SQL("(t.{} ->> {})").format(sql.Identifier(OVERFLOW), name)
    if name in live.overflow:
        return overflow
    type_ = type_name(live.types[name])
    return sql.SQL("coalesce({}, {}::{})").format(sql.Identifier("t", name), overflow, type_)


def _merged_overflow(told: Iterable[str]) -> sql.Composable:
    merged = "nullif(coalesce(t.{0} - {1}::text[], '{{}}') || coalesce(s.{0}, '{{}}'), '{{}}')"
    return sql.SQL(merged).format(sql.Identifier(OVERFLOW), sql.Literal(list(told)))


def _overflow_differs(told: Iterable[str]) -> sql.Composable:
    # Equal ones need not be merged first.
    differs = sql.SQL("(t.{0} IS DISTINCT FROM s.{0} AND t.{0} IS DISTINCT FROM {1})")
    return differs.format(sql.Identifier(OVERFLOW), _merged_overflow(told))


def _assignments(
    live: LiveTable, values: Iterable[str] = (), *, deleted: bool, told: Iterable[str] = ()
) -> sql.Composable:
    staged, merged = sql.SQL("{0} = s.{0}"), sql.SQL("{} = {}")
    told = _likeliest_first(live, told)
    return sql.SQL(", ").join(
        [
            *(
                merged.format(sql.Identifier(name), _merged_overflow(told))
                if name == OVERFLOW
                else staged.format(sql.Identifier(name))
                for name in values
            ),
            *(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(deleted)) for name in live.markers),
            *(ended(deleted=deleted) if live.table.history else ()),
            sql.SQL("{} = now()").format(sql.Identifier(SYNCED)),
        ]
    )
