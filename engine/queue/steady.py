"""procrastinate's job manager, made to outlive a database that goes away and comes back.

Left alone, a procrastinate worker loses its heartbeat, its listener or a job's result with the first query that fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TypeVar

import psycopg
import structlog
from procrastinate.connector import BaseAsyncConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

from engine.sync.record import process_name

PAUSE = 1.0
"""Seconds between two tries while the database is away."""

_BEAT = """
    WITH listed AS (
        INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES (%(worker_id)s, now())
        ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()
    ), forgotten AS (
        DELETE FROM workers WHERE heartbeat_at < now() - interval '1 hour'
    )
    INSERT INTO workers (worker, agent) VALUES (%(name)s, %(agent)s)
    ON CONFLICT (worker) DO UPDATE SET agent = excluded.agent, heartbeat_at = now()
"""
"""Others strike a worker off the list that was cut off for long; with this it is back on it."""

_LEAVE = "DELETE FROM workers WHERE worker = %(name)s"

Result = TypeVar("Result")

log = structlog.stdlib.get_logger("penstock.queue")


def _away(error: ConnectorException) -> bool:
    return isinstance(error.__cause__, psycopg.OperationalError)


class SteadyJobManager(JobManager):
    """Waits where procrastinate's own gives up. Set `stopping` to make it give up as well."""

    stopping = False
    beat_at = float("-inf")
    """When the database last took a sign of life (monotonic seconds)."""

    def __init__(self, connector: BaseAsyncConnector, agent: str | None) -> None:
        super().__init__(connector)
        self._who = {"name": process_name(), "agent": agent}

    async def register_worker(self) -> int:
        """Register a worker, which is its first sign of life."""
        worker_id = await super().register_worker()
        await self.connector.execute_query_async(_BEAT, worker_id=worker_id, **self._who)
        self.beat_at = time.monotonic()
        return worker_id

    async def unregister_worker(self, worker_id: int) -> None:
        """Strike the worker off the lists."""
        await super().unregister_worker(worker_id)
        await self.connector.execute_query_async(_LEAVE, name=self._who["name"])

    async def update_heartbeat(self, worker_id: int) -> None:
        """Give a sign of life if the database is there; the next one follows soon."""
        try:
            await self.connector.execute_query_async(_BEAT, worker_id=worker_id, **self._who)
        except ConnectorException as error:
            if not _away(error):
                raise
            log.warning("worker_heartbeat_failed", reason=str(error.__cause__).strip())
        else:
            self.beat_at = time.monotonic()

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """A job, or None also when the database cannot be asked."""
        try:
            return await super().fetch_job(queues, worker_id)
        except ConnectorException as error:
            struck_off = isinstance(error.__cause__, psycopg.errors.ForeignKeyViolation)  # until its next heartbeat
            if not (_away(error) or struck_off):
                raise
            await asyncio.sleep(PAUSE)
            return None

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Listen until cancelled, over any number of connections."""
        while True:
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except ConnectorException:
                await asyncio.sleep(PAUSE)

    async def finish_job_by_id_async(self, job_id: int, status: Status, delete_job: bool) -> None:
        """End a job; one that others have taken for abandoned, and ended or taken over, is theirs."""
        try:
            await self._persistently(
                lambda: super(SteadyJobManager, self).finish_job_by_id_async(job_id, status, delete_job)
            )
        except ConnectorException as error:
            if not isinstance(error.__cause__, psycopg.errors.RaiseException):
                raise
            log.warning("job_was_taken_over", job=job_id)

    async def retry_job_by_id_async(
        self,
        job_id: int,
        retry_at: datetime,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Put a job back, unless another one of its connection waits already, which then does for both."""
        again = super().retry_job_by_id_async
        try:
            await self._persistently(lambda: again(job_id, retry_at, priority, queue, lock))
        except UniqueViolation:
            await self.finish_job_by_id_async(job_id, Status.ABORTED, delete_job=True)
        except ConnectorException as error:
            if not isinstance(error.__cause__, psycopg.errors.RaiseException):
                raise
            log.warning("job_was_taken_over", job=job_id)

    async def _persistently(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        while True:
            try:
                return await attempt()
            except ConnectorException as error:
                if self.stopping or not _away(error):
                    raise
                await asyncio.sleep(PAUSE)
