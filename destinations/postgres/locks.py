"""Who keeps a table to itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors as pg

from destinations.postgres.connect import Connection
from destinations.postgres.queries import query
from engine.contract import DestinationRefused


@contextmanager
def naming_the_holder(connection: Connection, schema: str, where: str, *, loader: int = 0) -> Iterator[None]:
    """Raise `DestinationRefused` with the name of whoever holds the lock that was waited for in vain.

    Where that is nobody any more, or the process `loader`, the error stays what it was. Meanwhile no transaction of the
    connection may be left open.
    """
    try:
        yield
    except pg.LockNotAvailable as error:
        parameters = {"schema": schema, "ours": [connection.info.backend_pid, loader]}
        holder = connection.execute(query("lock_holder"), parameters).fetchone()
        if holder is None:
            raise
        table, pid, user, application, address, state, since = holder
        who = ", ".join(
            [
                f"user {user or 'unknown'}",
                application or "no application name",
                *([f"from {address}"] if address else []),
                *([f"in a transaction since {since:%Y-%m-%d %H:%M:%S} UTC"] if since else []),
                *([state] if state else []),
            ]
        )
        raise DestinationRefused(
            f"Another session of PostgreSQL at {where} holds a lock on {table}: process {pid} ({who}). Wait until it has "
            f"ended its transaction, or end it: SELECT pg_terminate_backend({pid})."
        ) from error
