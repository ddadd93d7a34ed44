"""Putting syncs into the queue.

A job's lock and queueing lock are its connection's id: of one connection at most one job runs and one waits. The
destination's own lock is what makes "one sync at a time" exact; these keep workers from running into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal, TypeAlias

from sqlalchemy import Connection as Transaction
from sqlalchemy import text

from engine.state.database import Database
from engine.state.models import SCHEMA

QUEUE = "syncs"
TASK = "sync"

Trigger: TypeAlias = Literal["schedule", "manual", "resync", "reconcile", "retry"]

BY_ITSELF: tuple[Trigger, ...] = ("schedule", "retry")
"""What nobody asked for: such a job is dropped if its connection is not due any more when its turn comes."""

ASKED_FOR = 10
"""The priority of jobs that a person waits for; others have 0."""

DEAD_AFTER = timedelta(seconds=20)
"""A worker that gave no sign of life for so long is dead; living ones give one every few seconds."""

_WAITING = text("SELECT id FROM penstock.procrastinate_jobs WHERE queueing_lock = :connection AND status = 'todo'")
_ALL_WAITING = text("SELECT queueing_lock FROM penstock.procrastinate_jobs WHERE status = 'todo'")
_PROMOTE = text("""
    UPDATE penstock.procrastinate_jobs
    SET priority = :priority, scheduled_at = NULL, args = args || jsonb_build_object('trigger', CAST(:trigger AS text))
    WHERE id = :job AND status = 'todo'
    RETURNING id
""")
_ABOUT_TO_BEGIN = text("""
    SELECT EXISTS (
        SELECT FROM penstock.procrastinate_jobs AS job
        WHERE job.lock = :connection AND job.status = 'doing' AND NOT EXISTS (
            SELECT FROM penstock.syncs WHERE connection_id = :connection AND started_at >= (
                SELECT max(at) FROM penstock.procrastinate_events WHERE job_id = job.id AND type = 'started'
            )
        )
    )
""")
_STATUS = text("SELECT status FROM penstock.procrastinate_jobs WHERE id = :job")
_REMOVE = text("DELETE FROM penstock.procrastinate_jobs WHERE id = :job")
_ALIVE = text("""
    SELECT EXISTS (SELECT FROM penstock.procrastinate_workers WHERE last_heartbeat > now() - CAST(:silence AS interval))
""")


def enqueue(database: Database, connection_id: str, trigger: Trigger) -> int:
    """Let the next free worker sync the connection; gives the job's number.

    A job of the connection that waits already is that job, and takes over what a person asked for.
    """
    job: int | None = None
    while job is None:  # what is seen to wait, or is made by somebody else, may be taken by a worker at any moment
        with _queue(database) as changing:
            job = _take_over(changing, connection_id, trigger) or _defer(changing, connection_id, trigger)
    return job


@contextmanager
def _queue(database: Database) -> Iterator[Transaction]:
    """A transaction that changes jobs: procrastinate's SQL, its triggers too, works where the search path points."""
    with database.transaction() as changing:
        changing.execute(text(f"SET LOCAL search_path TO {SCHEMA}"))
        yield changing


def _take_over(changing: Transaction, connection_id: str, trigger: Trigger) -> int | None:
    """The job that waits, made to do what was asked for; None when none waits."""
    job: int | None = changing.scalar(_WAITING, {"connection": connection_id})
    if job is not None and trigger not in BY_ITSELF:
        job = changing.scalar(_PROMOTE, {"job": job, "trigger": trigger, "priority": ASKED_FOR})
    return job


def _defer(changing: Transaction, connection_id: str, trigger: Trigger) -> int | None:
    """Make the job, in the caller's transaction; None when somebody else has made one in this very moment."""
    # it takes long to import, and most commands put nothing into the queue
    from procrastinate import App, SyncPsycopgConnector  # noqa: PLC0415
    from procrastinate.exceptions import AlreadyEnqueued  # noqa: PLC0415

    try:
        with changing.begin_nested():
            deferrer = App(connector=SyncPsycopgConnector()).configure_task(
                TASK,
                lock=connection_id,
                queueing_lock=connection_id,
                queue=QUEUE,
                priority=0 if trigger in BY_ITSELF else ASKED_FOR,
                connection=changing.connection.driver_connection,
            )
            return deferrer.defer(connection_id=connection_id, trigger=trigger)
    except AlreadyEnqueued:
        return None


def is_about_to_begin(database: Database, connection_id: str) -> bool:
    """Whether a worker has taken a job of the connection, and its sync has not begun yet."""
    with database.autocommit() as reading:
        return bool(reading.scalar(_ABOUT_TO_BEGIN, {"connection": connection_id}))


def waiting(database: Database) -> set[str]:
    """The ids of the connections whose sync waits in the queue."""
    with database.autocommit() as reading:
        return set(reading.scalars(_ALL_WAITING))


def status(database: Database, job: int) -> str | None:
    """Procrastinate's word for how the job is (todo, doing, ...); None when it is done and gone."""
    with database.autocommit() as reading:
        found: str | None = reading.scalar(_STATUS, {"job": job})
    return found


def remove(database: Database, job: int) -> None:
    """Take a job back that no living worker will do."""
    with _queue(database) as changing:
        changing.execute(_REMOVE, {"job": job})


def worker_is_alive(database: Database) -> bool:
    """Whether any worker, on any machine, gave a sign of life lately."""
    with database.autocommit() as reading:
        return bool(reading.scalar(_ALIVE, {"silence": DEAD_AFTER}))
