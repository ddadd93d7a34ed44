"""The destination's own tables: `penstock.cursors` and `penstock.rejects`, and the schemas of everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psycopg import errors as pg
from psycopg import sql
from psycopg.types.json import Jsonb

from destinations.postgres.connect import Connection
from destinations.postgres.names import BOOKKEEPING, lock_key
from destinations.postgres.queries import query
from engine.contract import Cursor, DestinationRefused


def make_schema(connection: Connection, schema: str) -> None:
    """Make the schema unless it is there.

    Raises:
        DestinationRefused: the user may not make it.
    """
    if connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [schema]).fetchone() is not None:
        return
    try:
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    except pg.InsufficientPrivilege as error:
        info = connection.info
        raise DestinationRefused(
            f"The user {info.user} may not make the schema {schema} in the database {info.dbname}. "
            f'Run as its owner: GRANT CREATE ON DATABASE "{info.dbname}" TO "{info.user}".'
        ) from error


def make_bookkeeping(connection: Connection) -> None:
    """Make this destination's own tables unless they are there; several sessions may do so at once.

    Raises:
        DestinationRefused: the user may not make them.
    """
    there = "SELECT to_regclass('penstock.cursors') IS NOT NULL AND to_regclass('penstock.rejects') IS NOT NULL"
    if connection.execute(there).fetchone() == (True,):
        return
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("")])
            make_schema(connection, BOOKKEEPING)
            connection.execute(query("create_bookkeeping"))
    except pg.InsufficientPrivilege as error:
        user = connection.info.user
        raise DestinationRefused(
            f"The user {user} may not make tables in the schema {BOOKKEEPING}. "
            f'Run as its owner: GRANT CREATE, USAGE ON SCHEMA {BOOKKEEPING} TO "{user}".'
        ) from error


def is_there(connection: Connection) -> bool:
    """Whether this destination's own tables are there."""
    return connection.execute("SELECT to_regclass('penstock.cursors') IS NOT NULL").fetchone() == (True,)


def cursors(connection: Connection, schema: str) -> dict[str, Cursor]:
    """Each stream's cursor as last committed."""
    statement = "SELECT stream, cursor FROM penstock.cursors WHERE schema_name = %s"
    return dict(connection.execute(statement, [schema]))


def save_cursor(connection: Connection, schema: str, stream: str, cursor: Cursor) -> None:
    """Move a stream's cursor within the caller's transaction."""
    connection.execute(query("save_cursor"), {"schema": schema, "stream": stream, "cursor": Jsonb(dict(cursor))})


def forget_cursors(connection: Connection, schema: str, streams: Iterable[str]) -> tuple[str, ...]:
    """Drop the cursors of these streams; gives the streams that had one."""
    statement = "DELETE FROM penstock.cursors WHERE schema_name = %s AND stream = ANY (%s) RETURNING stream"
    return tuple(sorted(stream for (stream,) in connection.execute(statement, [schema, list(streams)])))


def save_reject(
    connection: Connection,
    schema: str,
    table: str,
    *,
    key: Mapping[str, str | None],
    row: Mapping[str, str | None],
    reason: str,
) -> None:
    """Set a row aside with the reason, within the caller's transaction."""
    parameters = {"schema": schema, "table": table, "key": Jsonb(key), "row": Jsonb(row), "reason": reason}
    connection.execute(query("save_reject"), parameters)
