"""A sync's row ended, and what follows from it for the connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB

from engine.connections.outbox import announce_end
from engine.contract import AccessDenied
from engine.schedule.due import BACKOFF, backoff
from engine.state.database import Database
from engine.state.models import Connection, Sync
from engine.sync.ending import Ending
from engine.sync.progress import Progress
from engine.sync.record import NoticeEntry, counts, event, stream_row


def end(
    database: Database,
    connection: Connection,
    progress: Progress,
    ended: Ending,
    *,
    notices: Sequence[NoticeEntry],
    denial_field: str | None,
) -> Ending:
    """End the sync's row, and in the same transaction make of its connection what follows.

    Exactly one of the connection's `succeeded_at` and `failed_at` moves when the sync succeeded or failed, none
    otherwise. Gives the ending with the time at which the sync goes on by itself. A sync whose row another process has
    ended meanwhile, taking it for dead, changes nothing.
    """
    with database.transaction() as changing:
        now = changing.execute(select(func.now())).scalar_one()
        by_itself = _starts_by_itself(changing, connection.id)
        if ended.curable and by_itself:
            ended = replace(ended, resume_at=now + backoff(1 + _failures(changing, connection.id)))
        elif ended.outcome == "rescheduled":
            ended = replace(ended, error=f"{ended.error} {_going_on(ended, by_itself=by_itself)}")
        result = changing.execute(
            update(Sync)
            .where(Sync.id == progress.sync_id, Sync.outcome == "running")
            .values(
                **counts(progress),
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
                changing.execute(stream_row(progress.sync_id, stream))
            after = _connection_after(ended, now)
            if denial_field and _access_changed(changing, connection, progress, ended, notices):
                after["config"] = Connection.config.op("||")(literal({denial_field: now.isoformat()}, JSONB))
            if after:
                changing.execute(update(Connection).where(Connection.id == connection.id).values(after))
            announce_end(
                changing,
                connection,
                progress.sync_id,
                ended.outcome,
                error_code=ended.error_code,
                error=ended.error,
            )
            if ended.error:
                kind = "reconnect" if ended.reconnect else f"sync_{ended.outcome}"
                changing.execute(event(connection, kind, ended.error, {"sync": progress.sync_id}))
    return ended


def _going_on(ended: Ending, *, by_itself: bool) -> str:
    at = f"{ended.resume_at:%Y-%m-%d %H:%M} UTC"
    return f"The sync goes on by itself at {at}." if by_itself else f"Start the sync again after {at}: it goes on then."


def _connection_after(ended: Ending, now: datetime) -> dict[str, Any]:
    """What changes of the connection."""
    after: dict[str, Any] = {}
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


def _access_changed(
    changing: Transaction, connection: Connection, progress: Progress, ended: Ending, notices: Sequence[NoticeEntry]
) -> bool:
    """Whether this sync found tables without access, or, as the first one since, that there are none any more."""
    if _denies(notices):
        return True
    before = changing.scalar(
        select(Sync.notices)
        .where(Sync.connection_id == connection.id, Sync.id < progress.sync_id)
        .where(or_(Sync.outcome == "succeeded", Sync.error_code == AccessDenied.code))
        .order_by(Sync.id.desc())
        .limit(1)
    )
    return ended.outcome == "succeeded" and _denies(before or ())


def _denies(notices: Sequence[NoticeEntry]) -> bool:
    return any(notice["code"] == AccessDenied.code for notice in notices)


def _starts_by_itself(changing: Transaction, connection_id: str) -> bool:
    found = select(Connection.id).where(
        Connection.id == connection_id,
        ~Connection.paused,
        Connection.schedule_type == "auto",
        Connection.setup_state == "connected",
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
