"""The worker: takes syncs out of the queue and runs each in a thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import structlog
from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engine.contract import Conflict, DestinationUnavailable, NotFound
from engine.queue.jobs import BY_ITSELF, DEAD_AFTER, QUEUE, TASK, Trigger, agent_of, queue_of
from engine.queue.steady import SteadyJobManager
from engine.schedule import facts
from engine.schedule.due import is_due
from engine.settings import Settings
from engine.state.database import Database
from engine.state.models import SCHEMA
from engine.state.secrets import Vault
from engine.sync.run import run_sync

HEARTBEAT = 5.0
"""Seconds between a worker's signs of life."""

CARE_EVERY = 5.0
CLEAN_UP_EVERY = 3600.0
POLL_EVERY = 2.0
"""Seconds between two looks into the queue; a new job announces itself, one that is put back does not."""

KEEP_HOURS = 24
"""How long jobs that did not end well are kept for a person to look at."""

DATABASE_SECONDS = 10.0
"""How long a query waits for a database that restarts."""

RESTART_AFTER = 3.0

ENDING = 7.0
"""Seconds that running syncs have to reach their next checkpoint when the worker stops."""

SOON = timedelta(seconds=15)
"""When a job is taken again whose connection somebody else is syncing."""

LATER = timedelta(minutes=1)
"""When a job is taken again that fails in a way nobody thought of."""

log = structlog.stdlib.get_logger("penstock.queue")


class SyncWorker:
    """Runs syncs from the queue until it is stopped, and takes up those of workers that died.

    With an `agent` it runs the syncs that only this agent's workers may, else all others.
    """

    def __init__(self, database: Database, vault: Vault, settings: Settings, agent: str | None = None) -> None:
        self._database = database
        self._agent = agent
        self._vault = vault
        self._settings = settings
        connector = PsycopgConnector(
            conninfo=_conninfo(database), min_size=1, max_size=3 + settings.workers, timeout=DATABASE_SECONDS
        )
        self._app = App(connector=connector)
        self._jobs = self._app.job_manager = SteadyJobManager(connector, agent)
        self._app.task(name=TASK, queue=QUEUE, retry=_PuttingBack())(self._sync)
        self._stopping = False
        self._syncs: set[threading.Event] = set()
        self._work: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether the database knows that it is there."""
        return time.monotonic() - self._jobs.beat_at < DEAD_AFTER.total_seconds()

    async def run(self) -> None:
        """Work until `stop`; a database that goes away is waited for."""
        while not self._stopping:
            self._work = asyncio.create_task(self._take_jobs())
            try:
                await self._work
            except asyncio.CancelledError:
                if not self._stopping:
                    raise
            except (ConnectorException, psycopg.OperationalError) as error:
                if not self._stopping:
                    log.warning("worker_restarts", reason=str(error.__cause__ or error).strip())
                    await asyncio.sleep(RESTART_AFTER)

    def stop(self) -> None:
        """Take no more jobs; let running syncs stop at their next checkpoint, and put them back into the queue.

        Called in the event loop's thread.
        """
        self._stopping = self._jobs.stopping = True
        for stop in self._syncs:
            stop.set()
        if self._work:
            self._work.cancel()

    async def _take_jobs(self) -> None:
        async with self._app.open_async():
            caring = asyncio.create_task(self._care())
            try:
                await self._app.run_worker_async(
                    queues=[queue_of(self._agent)],
                    concurrency=self._settings.workers,
                    fetch_job_polling_interval=POLL_EVERY,
                    abort_job_polling_interval=CLEAN_UP_EVERY,  # nothing is aborted this way
                    shutdown_graceful_timeout=ENDING,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    update_heartbeat_interval=HEARTBEAT,
                    stalled_worker_timeout=DEAD_AFTER.total_seconds(),
                )
            finally:
                caring.cancel()
                await asyncio.wait([caring])

    async def _care(self) -> None:
        """Put the jobs of dead workers back, and sweep up old ones."""
        swept_at = float("-inf")
        while True:
            try:
                silence = DEAD_AFTER.total_seconds()
                for job in await self._jobs.get_stalled_jobs(seconds_since_heartbeat=silence):
                    log.warning("job_rescued", job=job.id, connection_id=job.lock)
                    await self._jobs.retry_job(job)
                if time.monotonic() - swept_at > CLEAN_UP_EVERY:
                    await self._jobs.prune_stalled_workers(CLEAN_UP_EVERY)
                    await self._jobs.delete_old_jobs(
                        KEEP_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
                    )
                    swept_at = time.monotonic()
            except ConnectorException as error:
                log.debug("care_failed", reason=str(error.__cause__ or error).strip())
            await asyncio.sleep(CARE_EVERY)

    async def _sync(self, connection_id: str, trigger: Trigger) -> None:
        stop = threading.Event()
        self._syncs.add(stop)
        try:
            await _in_thread(lambda: self._run(connection_id, trigger, stop), name=f"sync-{connection_id}")
        except asyncio.CancelledError:
            stop.set()
            raise
        finally:
            self._syncs.discard(stop)

    def _run(self, connection_id: str, trigger: Trigger, stop: threading.Event) -> None:
        try:
            self._hold_mine(connection_id)
            if trigger in BY_ITSELF and not self._is_due(connection_id):
                return
            outcome = run_sync(self._database, self._vault, connection_id, trigger, stop=stop)
        except NotFound:
            return  # deleted meanwhile
        except _PutBack:
            raise
        except (Conflict, DestinationUnavailable) as error:
            log.info("sync_put_off", connection_id=connection_id, reason=str(error))
            raise _PutBack(SOON) from error
        except Exception as error:
            log.exception("job_crashed", connection_id=connection_id)
            raise _PutBack(LATER) from error
        if outcome.outcome == "cancelled" and self._stopping:
            raise _PutBack

    def _hold_mine(self, connection_id: str) -> None:
        """Send a job on whose connection was given to an agent's workers, or taken from them, while it waited."""
        agent = agent_of(self._database, connection_id)
        if agent != self._agent:
            raise _PutBack(queue=queue_of(agent))

    def _is_due(self, connection_id: str) -> bool:
        """Whether it is still due: it may have been paused, or synced by another way, while the job waited."""
        found = facts.of_one(self._database, connection_id, staggered=self._settings.schedule_offset)
        if found is None:
            return False
        last = found.last
        if last is not None and last.outcome == "running":
            # only its lock tells whether that one is alive; if it is, this job is put off
            last = replace(last, outcome="interrupted")
        return is_due(found.schedule, last, found.now)


class _PutBack(Exception):
    """The job goes back into its queue, or another one, to be taken again after `wait`."""

    def __init__(self, wait: timedelta = timedelta(0), queue: str | None = None) -> None:
        super().__init__()
        self.wait = wait
        self.queue = queue


class _PuttingBack(BaseRetryStrategy):
    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002 - as the base has it
        match exception:
            case _PutBack():
                return RetryDecision(retry_at=datetime.now(UTC) + exception.wait, queue=exception.queue)
            case asyncio.CancelledError():  # the worker stops, and will not wait for this sync any longer
                return RetryDecision(retry_at=datetime.now(UTC))
        return None


async def _in_thread(work: Callable[[], None], name: str) -> None:
    """Run in a thread of its own: a daemon, so that one that hangs cannot keep the process from ending."""
    future: concurrent.futures.Future[None] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()

    def body() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            future.set_exception(error)
        else:
            future.set_result(None)

    threading.Thread(target=body, name=name, daemon=True).start()
    await asyncio.wrap_future(future)


def _conninfo(database: Database) -> str:
    # procrastinate's SQL names no schema: it works where the search path points
    url = database.url.get_secret_value()
    options = conninfo_to_dict(url).get("options") or ""
    return make_conninfo(url, options=f"{options} -c search_path={SCHEMA}".strip())
