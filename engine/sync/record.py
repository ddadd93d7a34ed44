"""A sync's rows in the state database: begun, kept up to date, ended."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import Any, TypeAlias

from sqlalchemy import Connection as Transaction
from sqlalchemy import Insert, Update, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from engine.contract import Conflict
from engine.schedule.due import BACKOFF, LOST_AFTER, backoff
from engine.state.database import Database
from engine.state.models import Connection, Event, Sync, SyncStream
from engine.sync.ending import Ending
from engine.sync.progress import Progress, StreamProgress

NoticeEntry: TypeAlias = Mapping[str, str]
"""An entry of `syncs.notices`: code, message, stream."""


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
                worker=f"{socket.gethostname()}:{os.getpid()}",
            )
            .on_conflict_do_nothing()
            .returning(Sync.id)
        )
        if sync_id is None:
            raise already_running(connection)
        changing.execute(update(Connection).where(Connection.id == connection.id).values(rescheduled_for=None))
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
    with database.transaction() as changing:
        changing.execute(
            update(Connection)
            .where(Connection.id == connection.id, Connection.resync_streams == connection.resync_streams)
            .values(resync_streams=[])
        )


def add_streams(database: Database, sync_id: int, names: Iterable[str]) -> None:
    """Begin the rows of the streams."""
    with database.transaction() as changing:
        changing.execute(insert(SyncStream), [{"sync_id": sync_id, "stream": name} for name in names])


def save(
    database: Database, progress: Progress, notices: Sequence[NoticeEntry], changed: StreamProgress | None = None
) -> bool:
    """Bring the sync's row up to date, and that of one stream, in one statement; also a sign of life.

    Gives whether somebody asked the sync to stop.
    """
    statement = (
        update(Sync)
        .where(Sync.id == progress.sync_id, Sync.outcome == "running")
        .values(**_counts(progress), api_calls=progress.api_calls, notices=list(notices), heartbeat_at=func.now())
        .returning(Sync.stop_requested)
    )
    if changed is not None:
        statement = statement.add_cte(_stream(progress.sync_id, changed).cte("stream"))
    with database.autocommit() as saving:
        return bool(saving.scalar(statement))


def note(database: Database, connection: Connection, kind: str, message: str, **details: Any) -> None:
    """Write an event of the connection."""
    with database.autocommit() as saving:
        saving.execute(_event(connection, kind, message, details))


def end(
    database: Database,
    connection: Connection,
    progress: Progress,
    ended: Ending,
    *,
    notices: Sequence[NoticeEntry],
    config_changes: Mapping[str, str],
) -> Ending:
    """End the sync's row, and in the same transaction make of its connection what follows.

    Exactly one of the connection's `succeeded_at` and `failed_at` moves when the sync succeeded or failed, none
    otherwise. Gives the ending with the time at which the sync goes on by itself. A sync whose row another process has
    ended meanwhile, taking it for dead, changes nothing.
    """
    with database.transaction() as changing:
        now = changing.execute(select(func.now())).scalar_one()
        if ended.curable and _starts_by_itself(changing, connection.id):
            ended = replace(ended, resume_at=now + backoff(1 + _failures(changing, connection.id)))
        result = changing.execute(
            update(Sync)
            .where(Sync.id == progress.sync_id, Sync.outcome == "running")
            .values(
                **_counts(progress),
                api_calls=progress.api_calls,
                outcome=ended.outcome,
                error_code=ended.error_code,
                error=ended.error,
                notices=list(notices),
                retry_at=ended.resume_at,
                heartbeat_at=now,
                finished_at=now,
            )
        )
        if result.rowcount:
            for stream in progress.streams:
                changing.execute(_stream(progress.sync_id, stream))
            after = _connection_after(connection, ended, now, config_changes)
            if after:
                changing.execute(update(Connection).where(Connection.id == connection.id).values(after))
            if ended.error:
                kind = "reconnect" if ended.reconnect else f"sync_{ended.outcome}"
                changing.execute(_event(connection, kind, ended.error, {"sync": progress.sync_id}))
    return ended


def _connection_after(
    connection: Connection, ended: Ending, now: datetime, config_changes: Mapping[str, str]
) -> dict[str, Any]:
    after: dict[str, Any] = {}
    if config_changes:
        after["config"] = Connection.config.op("||")(literal(dict(config_changes), JSONB))
    if connection.reconcile_requested and ended.outcome in {"succeeded", "rescheduled"}:
        after["reconcile_requested"] = False  # a rescheduled one goes on from its cursors
    match ended.outcome:
        case "succeeded":
            # unless a re-sync was asked for while this one ran
            after |= {"succeeded_at": now, "is_historical_sync": Connection.resync_requested}
            after["setup_state"] = "connected"
        case "failed":
            after["failed_at"] = now
            if ended.reconnect:
                after["setup_state"] = "broken"
        case "rescheduled":
            after["rescheduled_for"] = ended.resume_at
    return after


def _starts_by_itself(changing: Transaction, connection_id: str) -> bool:
    found = select(Connection.id).where(
        Connection.id == connection_id, ~Connection.paused, Connection.schedule_type == "auto"
    )
    return changing.scalar(found) is not None


def _failures(changing: Transaction, connection_id: str) -> int:
    """How many syncs in a row, up to the last one that ended, failed and were to be tried again."""
    recent = changing.execute(
        select(Sync.outcome, Sync.retry_at)
        .where(Sync.connection_id == connection_id, Sync.outcome != "running")
        .order_by(Sync.id.desc())
        .limit(len(BACKOFF))
    )
    return sum(1 for _ in takewhile(lambda sync: sync.outcome == "failed" and sync.retry_at, recent))


def _event(connection: Connection, kind: str, message: str, details: Mapping[str, Any]) -> Insert:
    return insert(Event).values(
        connection_id=connection.id,
        connection=connection.schema,
        kind=kind,
        message=message,
        details=dict(details) or None,
    )


def _stream(sync_id: int, stream: StreamProgress) -> Update:
    finished = None if stream.outcome == "running" else func.coalesce(SyncStream.finished_at, func.now())
    return (
        update(SyncStream)
        .where(SyncStream.sync_id == sync_id, SyncStream.stream == stream.name)
        .values(
            **_counts(stream),
            records_expected=stream.expected,
            outcome=stream.outcome,
            finished_at=finished,
            error=stream.error,
        )
    )


def _counts(progress: Progress | StreamProgress) -> dict[str, int]:
    loaded = progress.loaded
    return {
        "records_read": progress.read,
        "rows_inserted": loaded.inserted,
        "rows_updated": loaded.updated,
        "rows_deleted": loaded.deleted,
        "rows_rejected": loaded.rejected,
    }
