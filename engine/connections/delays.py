"""Telling that a connection's data is delayed: once when it begins to be."""

from __future__ import annotations

from datetime import datetime
from typing import cast

import structlog
from sqlalchemy import func, select

from engine.connections import status
from engine.connections.document import timestamp
from engine.connections.store import note
from engine.state.database import Database
from engine.state.models import Connection

log = structlog.stdlib.get_logger("penstock.connections")

_FACTS = select(
    func.now().label("now"),
    Connection.id,
    Connection.delayed_since,
    Connection.paused,
    Connection.schedule_type,
    Connection.sync_frequency,
    Connection.data_delay_sensitivity,
    Connection.data_delay_threshold,
    Connection.succeeded_at,
    Connection.created_at,
)
"""What it is decided by. Rows in place of objects: all connections are looked at, every minute."""


def note_delays(database: Database) -> None:
    """Note what has become delayed, with an event that webhooks get as well, and what no longer is.

    Any number of processes may do so at once: each delay is told once.
    """
    with database.autocommit() as reading:
        changed = [
            row.id
            for row in reading.execute(_FACTS)
            if _is_delayed(cast("Connection", row), row.now) != (row.delayed_since is not None)
        ]
    for connection_id in changed:
        _note(database, connection_id)


def _note(database: Database, connection_id: str) -> None:
    with database.session() as session:
        connection = session.get(Connection, connection_id, with_for_update={"skip_locked": True})
        if connection is None:
            return
        now = session.scalars(select(func.now())).one()
        delayed = _is_delayed(connection, now)
        if delayed and connection.delayed_since is None:
            connection.delayed_since = now
            last = timestamp(connection.succeeded_at) or "never"
            note(session, connection, "delayed", f"The data is delayed: a sync last succeeded {last}.")
            log.warning("connection_delayed", connection=connection.schema, last_success=last)
        elif not delayed and connection.delayed_since is not None:
            connection.delayed_since = None


def _is_delayed(connection: Connection, now: datetime) -> bool:
    return status.update_state(connection, now) == "delayed"
