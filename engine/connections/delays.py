"""Telling that a connection's data is delayed: once when it begins to be."""

from __future__ import annotations

import structlog
from sqlalchemy import func, select

from engine.connections import status
from engine.connections.document import timestamp
from engine.connections.store import note
from engine.state.database import Database
from engine.state.models import Connection

log = structlog.stdlib.get_logger("penstock.connections")


def note_delays(database: Database) -> None:
    """Note what has become delayed, with an event that webhooks get as well, and what no longer is.

    Any number of processes may do so at once: each delay is told once.
    """
    with database.session() as session:
        now = session.scalars(select(func.now())).one()
        for connection in session.scalars(select(Connection).with_for_update(skip_locked=True)):
            delayed = status.update_state(connection, now) == "delayed"
            if delayed and connection.delayed_since is None:
                connection.delayed_since = now
                last = timestamp(connection.succeeded_at) or "never"
                note(session, connection, "delayed", f"The data is delayed: a sync last succeeded {last}.")
                log.warning("connection_delayed", connection=connection.schema, last_success=last)
            elif not delayed and connection.delayed_since is not None:
                connection.delayed_since = None
