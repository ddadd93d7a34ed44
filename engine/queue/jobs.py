"""Putting syncs into the queue.

A job's lock and queueing lock are its connection's id: of one connection at most one job runs and one waits. The
destination's own lock is what makes "one sync at a time" exact; these keep workers from running into it.

A connection that only the workers of an agent may sync has its jobs in a queue of that agent's.
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

_AGENT_OF = text("""
    SELECT coalesce(own.hybrid_deployment_agent_id, its.hybrid_deployment_agent_id)
    FROM penstock.connections AS own LEFT JOIN penstock.destinations AS its USING (group_id)
    WHERE own.id = :connection
""")
_SETTLE = text("""
    UPDATE penstock.procrastinate_jobs AS job
    SET queue_name = concat_ws('@', CAST(:queue AS text), coalesce(own.hybrid_deployment_agent_id, its.hybrid_deployment_agent_id))
    FROM penstock.connections AS own LEFT JOIN penstock.destinations AS its USING (group_id)
    WHERE job.lock = own.id AND job.status = 'todo'
""")
_WAITING = text("SELECT id FROM penstock.procrastinate_jobs WHERE queueing_lock = :connection AND status = 'todo'")
_ALL_WAITING = text("SELECT queueing_lock FROM penstock.procrastinate_jobs WHERE status = 'todo'")
_PROMOTE = text("""
    UPDATE penstock.procrastinate_jobs
    SET priority = :priority, queue_name = :queue, scheduled_at = NULL, args = args || jsonb_build_object('trigger', CAST(:trigger AS text))
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
    SELECT EXISTS (
        SELECT FROM penstock.workers
        WHERE agent IS NOT DISTINCT FROM :agent AND heartbeat_at > now() - CAST(:silence AS interval)
    )
""")


def queue_of(agent: str | None) -> str:
    """The queue of an agent's workers; without an agent that of all others."""
    return QUEUE if agent is None else f"{QUEUE}@{agent}"


def agent_of(database: Database, connection_id: str) -> str | None:
    """The agent whose workers alone may sync the connection; None: workers without one do."""
    with database.autocommit() as reading:
        return _agent_of(reading, connection_id)


def settle(database: Database) -> None:
    """Put the jobs that wait into the queues of the agents that their connections have now."""
    with _queue(database) as changing:
        changing.execute(_SETTLE, {"queue": QUEUE})


def enqueue(database: Database, connection_id: str, trigger: Trigger) -> int:
    """Let the next free worker sync the connection; gives the job's number.

    A job of the connection that waits already is that job, and takes over what a person asked for.
    """
    job: int | None = None
    while job is None:  # what is seen to wait, or is made by somebody else, may be taken by a worker at any moment
        with _queue(database) as changing:
            queue = queue_of(_agent_of(changing, connection_id))
            job = _take_over(changing, connection_id, trigger, queue) or _defer(changing, connection_id, trigger, queue)
    return job


def _agent_of(reading: Transaction, connection_id: str) -> str | None:
    agent: str | None = reading.scalar(_AGENT_OF, {"connection": connection_id})
    return agent


@contextmanager
def _queue(database: Database) -> Iterator[Transaction]:
    """A transaction that changes jobs: procrastinate's SQL, its triggers too, works where the search path points."""
    with database.transaction() as changing:
        changing.execute(text(f"SET LOCAL search_path TO {SCHEMA}"))
        yield changing


def _take_over(changing: Transaction, connection_id: str, trigger: Trigger, queue: str) -> int | None:
    """The job that waits, made to do what was asked for; None when none waits."""
    job: int | None = changing.scalar(_WAITING, {"connection": connection_id})
    if job is not None and trigger not in BY_ITSELF:
        promoted = {"job": job, "trigger": trigger, "queue": queue, "priority": ASKED_FOR}
        job = changing.scalar(_PROMOTE, promoted)
    return job


def _defer(changing: Transaction, connection_id: str, trigger: Trigger, queue: str) -> int | None:
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
                queue=queue,
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


def worker_is_alive(database: Database, agent: str | None = None) -> bool:
    """Whether any worker of the agent, or without one, on any machine, gave a sign of life lately."""
    with database.autocommit() as reading:
        return bool(reading.scalar(_ALIVE, {"agent": agent, "silence": DEAD_AFTER}))
