"""Whether a pooled connection still lives: asked without a round trip where it was used a moment ago."""

from __future__ import annotations

import select
import time

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

TRUSTED_SECONDS = 10
"""After so long a firewall may have forgotten a connection, which only a round trip shows."""

_USED_AT = "penstock_used_at"


def watch(engine: Engine) -> None:
    """Let the engine's pool replace connections that broke while nobody used them."""

    def note(_connection: object, entry: ConnectionPoolEntry) -> None:
        entry.info[_USED_AT] = time.monotonic()

    def check(connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: object) -> None:
        used_at = entry.info.get(_USED_AT)
        if used_at is None:  # it is new
            return
        if _was_ended(connection):
            raise InvalidatePoolError
        if time.monotonic() - used_at > TRUSTED_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except psycopg.Error as error:
                raise InvalidatePoolError from error

    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", check)


def _was_ended(connection: DBAPIConnection) -> bool:
    """Whether the server has said something unasked, which is nearly always that it ends the connection."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
