"""The facts that `due` decides on, as they stand in the state database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Row, Select, case, func, select, true

from engine.schedule.due import LastSync, Outcome, Schedule
from engine.state.database import Database
from engine.state.models import Connection, DestinationRecord, Sync


@dataclass(frozen=True, slots=True)
class Facts:
    """A connection's schedule and last sync, and the database's clock when they were read.

    The clock is the one that `started_at` is told by, so that clocks which differ between machines cannot run a slot
    twice.
    """

    connection_id: str
    name: str
    schedule: Schedule
    last: LastSync | None
    now: datetime


def of_all(database: Database, *, staggered: bool) -> list[Facts]:
    """The facts of every connection that is not paused."""
    with database.autocommit() as reading:
        rows = reading.execute(_query().where(~Connection.paused)).all()
    return [_facts(row, staggered=staggered) for row in rows]


def of_one(database: Database, connection_id: str, *, staggered: bool) -> Facts | None:
    """The facts of one connection; None when it is gone."""
    with database.autocommit() as reading:
        row = reading.execute(_query().where(Connection.id == connection_id)).one_or_none()
    return None if row is None else _facts(row, staggered=staggered)


def _query() -> Select[tuple[object, ...]]:
    latest = (
        select(
            Sync.outcome,
            Sync.started_at,
            case((Sync.outcome == "running", Sync.heartbeat_at), else_=Sync.finished_at).label("seen_at"),
            Sync.retry_at,
        )
        .where(Sync.connection_id == Connection.id)
        .order_by(Sync.id.desc())
        .limit(1)
        .lateral()
    )
    return (
        select(
            Connection.id,
            Connection.group_id,
            Connection.schema,
            Connection.sync_frequency,
            Connection.schedule_type,
            Connection.daily_sync_time,
            Connection.paused,
            Connection.setup_state,
            func.coalesce(DestinationRecord.time_zone_offset, "0").label("utc_offset"),
            latest.c.outcome,
            latest.c.started_at,
            latest.c.seen_at,
            latest.c.retry_at,
            func.now().label("now"),
        )
        .outerjoin(DestinationRecord, DestinationRecord.group_id == Connection.group_id)
        .outerjoin(latest, true())
    )


def _facts(row: Row[tuple[object, ...]], *, staggered: bool) -> Facts:
    schedule = Schedule(
        group_id=row.group_id,
        frequency=row.sync_frequency,
        schedule_type=row.schedule_type,
        daily_sync_time=row.daily_sync_time,
        utc_offset=int(row.utc_offset),
        paused=row.paused,
        setup_state=row.setup_state,
        staggered=staggered,
    )
    last = (
        None
        if row.outcome is None
        else LastSync(cast("Outcome", row.outcome), row.started_at, row.seen_at or row.started_at, row.retry_at)
    )
    return Facts(row.id, row.schema, schedule, last, row.now)
