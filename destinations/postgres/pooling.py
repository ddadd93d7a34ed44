"""Whether a session is ours alone, which a lock and settings of it are good for only then."""

from __future__ import annotations

from collections.abc import Callable

from destinations.postgres.connect import Connection
from engine.contract import DestinationRefused


def check_session(connection: Connection, connect: Callable[[], Connection], where: str) -> None:
    """Hold that no pooler gives each transaction of a connection to whichever session of the server is free.

    Raises:
        DestinationRefused: one does.
    """
    session = _session(connection)
    if session == connection.info.backend_pid:
        return
    # A pooler is there. One that keeps to a session has given the connection one of its own.
    with connect() as other:
        if _session(other) == session:
            raise DestinationRefused(
                f"{where} is a pooler in transaction mode, in which two syncs cannot be kept apart. "
                "Give the port of the server itself, or of a pool in session mode."
            )


def _session(connection: Connection) -> int | None:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row[0] if row else None
