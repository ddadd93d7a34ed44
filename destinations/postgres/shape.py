"""Bringing a live table to the shape a source asks for: never narrower, never fewer columns."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg import sql

from destinations.postgres.connect import Connection
from destinations.postgres.describing import Described, describe
from destinations.postgres.history import OWN_COLUMNS, begin, set_aside
from destinations.postgres.queries import identifiers, query, type_name
from destinations.postgres.room import MAX_COLUMNS, OVERFLOW, note, overflow_notice, without_room
from destinations.postgres.widening import conversion, widened, written
from engine.contract import (
    DELETED,
    START,
    SYNCED,
    ColumnType,
    DestinationRefused,
    DestinationUnavailable,
    Notice,
    Prepared,
    Table,
)

SHAPES = 32
"""Tables whose statements are kept from sync to sync: those of two connections. One of 2,000 columns takes a megabyte."""


@lru_cache(maxsize=SHAPES)
def _statements(shape: Hashable) -> dict[Any, Any]:  # noqa: ARG001 - what the cache tells shapes apart by
    return {}


@dataclass(frozen=True, slots=True, eq=False)
class LiveTable:
    """A table as the database has it: `types` gives each of the source's columns its live type, as the server writes it.

    `overflow` names the source's columns that have no column here; None where there is no column of the overflow.
    `statements` keeps what was put together for this shape.
    """

    schema: str
    table: Table
    types: Mapping[str, str]
    overflow: frozenset[str] | None = None
    statements: dict[Any, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Share the statements with every table of this shape, so that a sync need not make those of the one before."""
        shape = (self.schema, self.table, tuple(self.types.items()), self.overflow)
        object.__setattr__(self, "statements", _statements(shape))

    @property
    def identifier(self) -> sql.Identifier:
        """The table's quoted name."""
        return sql.Identifier(self.schema, self.table.name)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key here: with history, a row's key has one row for each version."""
        return (*self.table.primary_key, START) if self.table.history else self.table.primary_key

    @property
    def markers(self) -> tuple[str, ...]:
        """The boolean columns that say whether a row is gone from the source."""
        return (DELETED, *self.table.deleted_aliases) if self.table.soft_delete else ()


def prepare(connection: Connection, schema: str, table: Table) -> tuple[LiveTable, Prepared]:
    """Make the table or change it until it holds everything asked for; gives its shape and what was changed.

    All in one transaction. Columns the source does not know stay as they are, and so do wider types.

    Raises:
        DestinationRefused: something else has its name, its primary key is another one, or something depends on the
            type of a column that has to be widened.
    """
    try:
        with connection.transaction():
            there = describe(connection, schema, table.name).get(table.name)
            if there and there.is_table and START in there.types and not table.history:
                set_aside(connection, schema, table.name)
                there = None
            live = _asked(schema, table, there)
            empty: tuple[str, ...] = ()
            if there is None:
                changes = _create(connection, live)
            else:
                empty = _empty(live, there)
                changes = _add_columns(connection, live, there)
                live, reasons = widen(connection, live, _wider(live))
                changes += reasons.values()
                if table.history and START not in there.types:
                    begin(connection, live.identifier, live.key)
                    there = describe(connection, schema, table.name)[table.name]
            if _is_to_note(live, there):
                _note(connection, live)
            _check_key_and_add_indexes(connection, live, there)
    except pg.TooManyColumns as error:
        raise DestinationRefused(
            f"{schema}.{table.name} has no room for the columns it needs: a table of PostgreSQL holds {MAX_COLUMNS}, and "
            "columns that were dropped count too. Rename the table, so that it is made anew."
        ) from error
    return live, Prepared(tuple(changes), made=there is None, empty=empty, notices=notices(live))


def unchanged(schema: str, table: Table, there: Described) -> LiveTable | None:
    """The shape of a table that is all that is asked for already; None where `prepare` has something to do or to say."""
    if not there.is_table or (START in there.types) != table.history:
        return None
    live = _asked(schema, table, there)
    has_columns = not _missing(live, there) and all(live.types[name] == type_ for name, type_ in _wider(live).items())
    has_indexes = _has_key(live, there.primary_key) and not _unindexed(live, there.indexes)
    return live if has_columns and has_indexes and not _is_to_note(live, there) else None


def notices(live: LiveTable) -> tuple[Notice, ...]:
    """What a person should know of a table of this shape."""
    return (overflow_notice(live.table, live.overflow),) if live.overflow else ()


def hold(connection: Connection, tables: Mapping[str, LiveTable]) -> None:
    """Keep tables of one schema, by their names, as they are until the transaction is over.

    Raises:
        DestinationUnavailable: one is not any more what it was found to be.
    """
    if not tables:
        return
    locked = sql.SQL(", ").join(live.identifier for live in tables.values())
    connection.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(locked))
    parameters = {"schema": next(iter(tables.values())).schema, "tables": [*tables]}
    there = {(table, column): type_ for table, column, type_ in connection.execute(query("column_types"), parameters)}
    for name, live in tables.items():
        if any(there.get((name, column)) != type_ for column, type_ in live.types.items()):
            raise DestinationUnavailable(f"The table {live.schema}.{name} was changed while it was loaded.")


def with_overflow(connection: Connection, live: LiveTable) -> LiveTable:
    """The table with a column of the overflow, made if need be. Within the caller's transaction."""
    if live.overflow is not None:
        return live
    add = sql.SQL("ALTER TABLE {} ADD COLUMN {} jsonb").format(live.identifier, sql.Identifier(OVERFLOW))
    added = replace(live, types={**live.types, OVERFLOW: ColumnType.JSONB.value}, overflow=frozenset())
    with connection.transaction():
        connection.execute(add)
        _note(connection, added)
    return added


def widen(connection: Connection, live: LiveTable, types: Mapping[str, str]) -> tuple[LiveTable, dict[str, str]]:
    """Give columns these types where they have others; says what was changed, by column. Within the caller's transaction.

    Raises:
        DestinationRefused: something that depends on a column does not let its type change.
    """
    changed = {name: type_ for name, type_ in types.items() if live.types[name] != type_}
    if not changed:
        return live, {}
    actions = sql.SQL(", ").join(
        sql.SQL("ALTER COLUMN {} TYPE {} USING {}").format(
            sql.Identifier(name), type_name(type_), conversion(name, live.types[name], type_)
        )
        for name, type_ in changed.items()
    )
    try:
        with connection.transaction():
            connection.execute(sql.SQL("ALTER TABLE {} {}").format(live.identifier, actions))
    except (pg.FeatureNotSupported, pg.DatatypeMismatch, pg.DependentObjectsStillExist) as error:
        raise _cannot_widen(connection, live, changed, error) from error
    reasons = {
        name: f"{live.table.name}.{name} widened from {live.types[name]} to {type_}" for name, type_ in changed.items()
    }
    return replace(live, types={**live.types, **changed}), reasons


def _cannot_widen(
    connection: Connection, live: LiveTable, changed: Mapping[str, str], error: psycopg.Error
) -> DestinationRefused:
    parameters = {"schema": live.schema, "table": live.table.name, "columns": list(changed)}
    views = [view for (view,) in connection.execute(query("dependent_views"), parameters)]
    what = ", ".join(f"{name} to {type_}" for name, type_ in changed.items())
    if views:
        remedy = f"Drop the view {', '.join(views)}, run the sync, then make it again."
    else:
        remedy = f"PostgreSQL says: {error.diag.message_primary}. Remove what depends on it and run the sync again."
    return DestinationRefused(f"Cannot widen {live.schema}.{live.table.name} ({what}). {remedy}")


def _asked(schema: str, table: Table, there: Described | None) -> LiveTable:
    """The table as it has to be, but for types that have to be wider."""
    if there is not None and not there.is_table:
        raise DestinationRefused(f"{schema}.{table.name} is not a table. Rename it, or load into another schema.")
    stored = there.types if there else {}
    overflow = without_room(table, stored, taken=there.attributes if there else 0)
    asked = {column.name: written(column.type) for column in table.columns if column.name not in overflow}
    types = {name: stored.get(name, type_) for name, type_ in asked.items()}
    if not overflow and OVERFLOW not in stored:
        return LiveTable(schema, table, types)
    return LiveTable(schema, table, {**types, OVERFLOW: ColumnType.JSONB.value}, overflow)


def _wider(live: LiveTable) -> dict[str, str]:
    """The type that each column has to have, so that it holds what it held and what is asked for."""
    return {c.name: widened(live.types[c.name], c.type) for c in live.table.columns if c.name in live.types}


def _own_columns(live: LiveTable) -> dict[str, tuple[sql.SQL, sql.SQL]]:
    """The type and the default of each column that this destination keeps itself."""
    markers = dict.fromkeys(live.markers, (sql.SQL("boolean NOT NULL"), sql.SQL("false")))
    versions = OWN_COLUMNS if live.table.history else {}
    return {SYNCED: (sql.SQL("timestamptz"), sql.SQL("now()")), **markers, **versions}


def _create(connection: Connection, live: LiveTable) -> list[str]:
    columns = [
        *(sql.SQL("{} {}").format(sql.Identifier(name), type_name(type_)) for name, type_ in live.types.items()),
        *(
            sql.SQL("{} {} DEFAULT {}").format(sql.Identifier(name), type_, default)
            for name, (type_, default) in _own_columns(live).items()
        ),
        sql.SQL("PRIMARY KEY ({})").format(identifiers(live.key)),
    ]
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(live.identifier, sql.SQL(", ").join(columns)))
    return [f"made table {live.table.name}"]


def _missing(live: LiveTable, there: Described) -> dict[str, sql.Composable]:
    """What has to be done to the table for each column that it lacks, or whose default it lacks."""
    add = sql.SQL("ADD COLUMN {} {}")
    actions: dict[str, sql.Composable] = {
        name: add.format(sql.Identifier(name), type_name(type_))
        for name, type_ in live.types.items()
        if name not in there.types
    }
    for name, (type_, default) in _own_columns(live).items():
        if name not in there.types:
            actions[name] = sql.SQL("{} DEFAULT {}").format(add.format(sql.Identifier(name), type_), default)
        elif name not in there.defaults:
            actions[name] = sql.SQL("ALTER COLUMN {} SET DEFAULT {}").format(sql.Identifier(name), default)
    return actions


def _empty(live: LiveTable, there: Described) -> tuple[str, ...]:
    """What the table lacks though its rows had it: columns that are not filled later, and the mark of what is gone."""
    had = [column.name for column in live.table.columns if not column.backfilled]
    columns = [name for name in had if name in live.types and name not in there.types]
    outside = [name for name in had if name not in live.types]
    if OVERFLOW in there.types:
        columns += [name for name in outside if there.noted is not None and name not in there.noted]
    elif outside:
        columns.append(OVERFLOW)
    if not any(name in there.types for name in live.markers):
        columns += live.markers[:1]
    return tuple(columns)


def _is_to_note(live: LiveTable, there: Described | None) -> bool:
    return live.overflow is not None and (there is None or there.noted != live.overflow)


def _note(connection: Connection, live: LiveTable) -> None:
    """Write down which columns the overflow stands for, so that one that is dropped later is told from them."""
    comment = sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
        live.identifier, sql.Identifier(OVERFLOW), sql.Literal(note(live.overflow or ()))
    )
    connection.execute(comment)


def _add_columns(connection: Connection, live: LiveTable, there: Described) -> list[str]:
    actions = _missing(live, there)
    if actions:
        connection.execute(sql.SQL("ALTER TABLE {} {}").format(live.identifier, sql.SQL(", ").join(actions.values())))
    known = [sql.Identifier(name) for name in live.markers if name in there.types]
    anew = [sql.Identifier(name) for name in live.markers if name not in there.types]
    if known and anew:
        marked = sql.SQL(", ").join(sql.SQL("{} = true").format(name) for name in anew)
        connection.execute(sql.SQL("UPDATE {} SET {} WHERE {}").format(live.identifier, marked, known[0]))
    return [f"added column {live.table.name}.{name}" for name in actions if name not in there.types]


def _has_key(live: LiveTable, primary_key: tuple[str, ...] | None) -> bool:
    return primary_key is not None and set(primary_key) == set(live.key)


def _unindexed(live: LiveTable, indexes: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The lookups that no index leads to, each once."""
    leading = [*indexes]
    without = []
    for group in live.table.lookups:
        if not any(set(columns[: len(group)]) == set(group) for columns in leading):
            without.append(group)
            leading.append(group)
    return without


def _check_key_and_add_indexes(connection: Connection, live: LiveTable, there: Described | None) -> None:
    primary_key, indexes = (there.primary_key, there.indexes) if there else (live.key, [live.key])
    if not _has_key(live, primary_key):
        has = f"the primary key ({', '.join(primary_key)})" if primary_key else "no primary key"
        raise DestinationRefused(
            f"{live.schema}.{live.table.name} has {has}, but ({', '.join(live.key)}) is needed. "
            "Rename the table, so that it is made anew, or give it that key."
        )
    for group in _unindexed(live, indexes):
        connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(live.identifier, identifiers(group)))
