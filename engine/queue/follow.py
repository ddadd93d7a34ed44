"""A sync that a person waits for: handed to a worker and followed, or run in this process."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from sqlalchemy import func, select

from engine.connections.service import Connections
from engine.connections.status import is_running
from engine.contract import Loaded
from engine.queue import jobs
from engine.state.database import Database
from engine.state.models import Connection, Sync, SyncStream
from engine.state.secrets import Vault
from engine.sync.progress import Progress, StreamProgress, SyncOutcome
from engine.sync.run import run_sync

LOOK_EVERY = 0.5
"""Seconds between two looks at a sync that runs elsewhere."""

Watcher = Callable[[Progress], None]


def sync_now(
    database: Database,
    vault: Vault,
    name: str,
    *,
    historical: bool = False,
    reconcile: bool = False,
    on_progress: Watcher | None = None,
) -> SyncOutcome:
    """Sync a connection now, paused or not, and give its outcome once it ended.

    `historical` reads everything again; `reconcile` also looks for what the source changed without a word. A living
    worker, on whatever machine, gets the job and is followed; so is a sync that is running already, unless more is
    asked for than it may do. Otherwise the sync runs here, where SIGINT and SIGTERM cancel it at its next
    checkpoint; so it does also where the connection has an agent and none of that agent's workers lives, since
    whoever asks by hand has chosen the place.

    Raises:
        NotFound: there is no such connection.
        Conflict: everything is to be read again, and a sync is running that no worker does.
        KeyboardInterrupt: interrupted while following; the sync goes on in its worker.
    """
    connections = Connections(database, vault)
    trigger: jobs.Trigger = "manual"
    connection = connections.get(name)
    if reconcile:
        connection, trigger = connections.request_reconciliation(name), "reconcile"
    if historical:
        connection, trigger = connections.request_historical(name), "resync"
    watch = on_progress or (lambda _progress: None)
    outcome = _elsewhere(database, connection, trigger, watch)
    if outcome is not None:
        return outcome
    stop = threading.Event()
    with _stopped_by_signals(stop):
        return run_sync(database, vault, connection.id, trigger, stop=stop, on_progress=watch)


@dataclass(frozen=True, slots=True)
class _Look:
    """A connection's newest sync at one moment."""

    sync: Sync | None
    progress: Progress
    running: bool

    @property
    def number(self) -> int:
        return self.sync.id if self.sync else 0


def _elsewhere(database: Database, connection: Connection, trigger: jobs.Trigger, watch: Watcher) -> SyncOutcome | None:
    """The outcome of the sync that somebody else runs; None when nobody does, or no longer does."""
    look = _look(database, connection)
    if look.running and trigger == "manual":
        return _follow(database, connection, look.number, None, watch)
    if _worker_is_there(database, connection):
        job = jobs.enqueue(database, connection.id, trigger)
        return _follow(database, connection, look.number + 1, job, watch)
    return None


def _follow(
    database: Database, connection: Connection, first: int, job: int | None, watch: Watcher
) -> SyncOutcome | None:
    """Watch the connection's newest sync, from number `first` on, to its end. None when it was abandoned."""
    while True:
        # The job first: a job that is gone has left its sync behind, and not the other way round.
        waiting = job is not None and jobs.status(database, job) in {"todo", "doing"}
        look = _look(database, connection)
        if look.sync and look.number >= first:
            watch(look.progress)
            goes_on = waiting and look.sync.outcome in {"cancelled", "interrupted"}  # its worker stopped or died
            if look.sync.outcome != "running" and not goes_on:
                notices = tuple(notice["message"] for notice in look.sync.notices)
                return SyncOutcome(look.progress, look.sync.error_code, look.sync.error, look.sync.retry_at, notices)
        if not look.running and not (waiting and _worker_is_there(database, connection)):
            if job is not None:
                jobs.remove(database, job)
            return None
        time.sleep(LOOK_EVERY)


def _worker_is_there(database: Database, connection: Connection) -> bool:
    return jobs.worker_is_alive(database, jobs.agent_of(database, connection.id))


def _look(database: Database, connection: Connection) -> _Look:
    with database.session() as reading:
        sync = reading.scalar(select(Sync).where(Sync.connection_id == connection.id).order_by(Sync.id.desc()).limit(1))
        now = reading.scalars(select(func.now())).one()
        streams = (
            reading.scalars(select(SyncStream).where(SyncStream.sync_id == sync.id).order_by(SyncStream.stream)).all()
            if sync
            else ()
        )
    progress = Progress(
        sync.id if sync else 0,
        sync.outcome if sync else "running",
        tuple(_stream(stream) for stream in streams),
        sync.api_calls if sync else 0,
    )
    return _Look(sync, progress, is_running(sync, now) and not _process_is_gone(sync))


def _process_is_gone(sync: Sync | None) -> bool:
    """Whether a sync's process ran on this machine and is gone: its row alone would look alive for another minute."""
    host, _, process = (sync.worker or "").rpartition(":") if sync else ("", "", "")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(process), 0)
    except OSError as error:
        return error.errno == errno.ESRCH
    return False


def _stream(row: SyncStream) -> StreamProgress:
    loaded = Loaded(row.rows_inserted, row.rows_updated, row.rows_deleted, row.rows_rejected)
    return StreamProgress(row.stream, row.outcome, row.records_read, row.records_expected, loaded, row.error)


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM set `stop`; a second one does what it did before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def request(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        restore()

    for number in before:
        signal.signal(number, request)
    try:
        yield
    finally:
        restore()
