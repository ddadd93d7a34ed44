"""A sync's rows in the state database: begun, and kept up to date. `aftermath` ends them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Insert, Update, func, insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import InstrumentedAttribute

from engine.connections.outbox import announce
from engine.contract import Conflict
from engine.schedule.due import LOST_AFTER
from engine.state.database import Database
from engine.state.models import Connection, Event, Sync, SyncStream
from engine.sync.progress import Progress, StreamProgress

NoticeEntry: TypeAlias = Mapping[str, str]
"""An entry of `syncs.notices`: code, message, stream."""


def process_name() -> str:
    """What this process goes by in the state tables: host:pid."""
    return f"{socket.gethostname()}:{os.getpid()}"


def begin(database: Database, connection: Connection, trigger: str, *, alone: bool) -> int:
    """Begin a sync's row and give its number.

    `alone` says that the destination lets nobody else in, so that whatever else calls itself running is dead; without
    it only what has been silent for long counts as dead.

    Raises:
        Conflict: another sync of the connection is running.
    """
    others = (Sync.connection_id == connection.id) & (Sync.outcome == "running")
    dead = others if alone else others & (Sync.heartbeat_at < func.now() - LOST_AFTER)
    with database.transaction() as changing:
        interrupted = changing.scalars(
            update(Sync).where(dead).values(outcome="interrupted", finished_at=Sync.heartbeat_at).returning(Sync.id)
        ).all()
        changing.execute(
            update(SyncStream)
            .where(SyncStream.sync_id.in_(interrupted), SyncStream.outcome == "running")
            .values(outcome="interrupted")
        )
        sync_id: int | None = changing.scalar(
            upsert(Sync)
            .values(
                connection_id=connection.id,
                trigger=trigger,
                historical=connection.is_historical_sync or connection.resync_requested,
                worker=process_name(),
            )
            .on_conflict_do_nothing()
            .returning(Sync.id)
        )
        if sync_id is None:
            raise already_running(connection)
        changing.execute(update(Connection).where(Connection.id == connection.id).values(rescheduled_for=None))
        announce(changing, connection, "sync_start", {}, sync_id=sync_id)
    return sync_id


def already_running(connection: Connection) -> Conflict:
    """The error that says so."""
    return Conflict(f"A sync of '{connection.schema}' is running already; `penstock status` shows how far it is.")


def forgotten(database: Database, connection: Connection) -> None:
    """Note that the cursors are forgotten as a re-sync wants it: from here on it goes on like any historical sync."""
    with database.transaction() as changing:
        changing.execute(
            update(Connection)
            .where(Connection.id == connection.id)
            .values(resync_requested=False, is_historical_sync=True, resync_streams=[])
        )


def streams_forgotten(database: Database, connection: Connection) -> None:
    """Note that the cursors of the streams which this sync was to read again are forgotten."""
    _met(database, connection, Connection.resync_streams, [])


def reconciling(database: Database, connection: Connection) -> None:
    """Note that the reconciliation which was asked for has begun, and goes on with any sync; a later request stays."""
    _met(database, connection, Connection.reconcile_requested_at, None)


def _met(database: Database, connection: Connection, request: InstrumentedAttribute[Any], nothing: object) -> None:
    """Take back what was requested of the connection, unless something else was requested meanwhile."""
    with database.autocommit() as saving:
        saving.execute(
            update(Connection)
            .where(Connection.id == connection.id, request == getattr(connection, request.key))
            .values({request: nothing})
        )


def add_streams(database: Database, sync_id: int, names: Iterable[str]) -> None:
    """Begin the rows of the streams."""
    rows = [{"sync_id": sync_id, "stream": name} for name in names]
    if rows:
        with database.transaction() as changing:
            changing.execute(insert(SyncStream), rows)


def save(
    database: Database, progress: Progress, notices: Sequence[NoticeEntry], changed: StreamProgress | None = None
) -> bool:
    """Bring the sync's row up to date, and that of one stream, in one statement; also a sign of life.

    Gives whether the sync is to stop: somebody asked for that, or took it for dead and ended it.
    """
    statement = (
        update(Sync)
        .where(Sync.id == progress.sync_id, Sync.outcome == "running")
        .values(**counts(progress), api_calls=progress.api_calls, notices=list(notices), heartbeat_at=func.now())
        .returning(Sync.stop_requested)
    )
    if changed is not None:
        statement = statement.add_cte(stream_row(progress.sync_id, changed).cte("stream"))
    with database.autocommit() as saving:
        return saving.scalar(statement) is not False


def note(database: Database, connection: Connection, kind: str, message: str, **details: Any) -> None:
    """Write an event of the connection."""
    with database.autocommit() as saving:
        saving.execute(event(connection, kind, message, details))


def event(connection: Connection, kind: str, message: str, details: Mapping[str, Any]) -> Insert:
    """An event of the connection."""
    return insert(Event).values(
        connection_id=connection.id,
        connection=connection.schema,
        kind=kind,
        message=message,
        details=dict(details) or None,
    )


def stream_row(sync_id: int, stream: StreamProgress) -> Update:
    """A stream's row brought up to date."""
    finished = None if stream.outcome == "running" else func.coalesce(SyncStream.finished_at, func.now())
    return (
        update(SyncStream)
        .where(SyncStream.sync_id == sync_id, SyncStream.stream == stream.name)
        .values(
            **counts(stream),
            records_expected=stream.expected,
            outcome=stream.outcome,
            finished_at=finished,
            error=stream.error,
        )
    )


def counts(progress: Progress | StreamProgress) -> dict[str, int]:
    """The columns that count, which a sync's row and a stream's have both."""
    loaded = progress.loaded
    return {
        "records_read": progress.read,
        "rows_inserted": loaded.inserted,
        "rows_updated": loaded.updated,
        "rows_deleted": loaded.deleted,
        "rows_rejected": loaded.rejected,
    }
