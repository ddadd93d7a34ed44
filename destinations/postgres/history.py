"""Tables that keep every version of a row: how they begin, how they end, and when a version does."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from psycopg import errors as pg
from psycopg import sql

from destinations.postgres.connect import Connection
from destinations.postgres.describing import Described
from destinations.postgres.queries import identifiers, query
from engine.contract import ACTIVE, DELETED, END, START, SYNCED, DestinationRefused

NEVER = sql.SQL("'9999-12-31 23:59:59.999+00'::timestamptz")
"""The end of a version that is true."""

OWN_COLUMNS = {
    START: (sql.SQL("timestamptz NOT NULL"), sql.SQL("now()")),
    END: (sql.SQL("timestamptz NOT NULL"), NEVER),
    ACTIVE: (sql.SQL("boolean NOT NULL"), sql.SQL("true")),
}
"""The type and the default of each column that a table with history has besides."""

_TICK = sql.SQL("interval '1 microsecond'")

NEXT_START = sql.SQL("greatest(now(), t.{} + {})").format(sql.Identifier(END), _TICK)
"""When the version after a closed one `t` begins: later, also for a clock that went back, or within one transaction."""


def ended(*, deleted: bool) -> tuple[sql.Composable, ...]:
    """The assignments that close a version `t`: now, or just before the next one begins."""
    now = sql.SQL("now()") if deleted else sql.SQL("now() - {}").format(_TICK)
    end = sql.SQL("{} = greatest({}, t.{})").format(sql.Identifier(END), now, sql.Identifier(START))
    return end, sql.SQL("{} = false").format(sql.Identifier(ACTIVE))


def begin(connection: Connection, table: sql.Identifier, key: Iterable[str]) -> None:
    """Make a table that has the columns for it keep history, under its new key. Within a transaction.

    Raises:
        DestinationRefused: something depends on its primary key.
    """
    fill = query("begin_history").format(
        target=table,
        start=sql.Identifier(START),
        end=sql.Identifier(END),
        active=sql.Identifier(ACTIVE),
        deleted=sql.Identifier(DELETED),
        synced=sql.Identifier(SYNCED),
        never=NEVER,
    )
    connection.execute(fill)
    found = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'"
    constraints = connection.execute(found, [table.as_string()]).fetchall()
    actions = [sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(name)) for (name,) in constraints]
    actions.append(sql.SQL("ADD PRIMARY KEY ({})").format(identifiers(key)))
    try:
        connection.execute(sql.SQL("ALTER TABLE {} {}").format(table, sql.SQL(", ").join(actions)))
    except pg.DependentObjectsStillExist as error:
        raise _in_the_way(table, error) from error


def set_aside(connection: Connection, schema: str, table: str) -> None:
    """Give a table with history another name, so that one without can be made: none of its versions is lost."""
    names = (f"{table}_history{n}" for n in ("", *(f"_{n}" for n in range(2, 1000))))
    is_taken = "SELECT to_regclass(format('%%I.%%I', %s::text, %s::text)) IS NOT NULL"
    name = next(name for name in names if connection.execute(is_taken, [schema, name]).fetchone() == (False,))
    rename = sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql.Identifier(schema, table), sql.Identifier(name))
    connection.execute(rename)


def is_set_aside(name: str, table: str, described: Described) -> bool:
    """Whether a table of this name has versions that were set aside from a table."""
    number = name.removeprefix(f"{table}_history").removeprefix("_")
    return name.startswith(f"{table}_history") and (not number or number.isdecimal()) and START in described.types


def _in_the_way(table: sql.Identifier, error: psycopg.Error) -> DestinationRefused:
    return DestinationRefused(
        f"Cannot give {table.as_string()} a key for its history. PostgreSQL says: {error.diag.message_primary}. "
        "Remove what depends on its primary key and run the sync again."
    )
