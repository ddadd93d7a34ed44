"""One sync of one connection, from start to end."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from functools import partial

import structlog

from engine.connections.ends import connect_destination, connect_source, host_of
from engine.contract import (
    Cancelled,
    Catalog,
    DestinationBusy,
    DestinationError,
    LoadSession,
    NotFound,
    Notice,
    PenstockError,
    Prepared,
    Source,
)
from engine.plugins import source_plugin
from engine.state.database import Database
from engine.state.models import Connection, DestinationRecord
from engine.state.secrets import Vault
from engine.sync import record
from engine.sync.chosen import refill, selected
from engine.sync.pipeline import Observer, pump
from engine.sync.progress import Progress, SyncOutcome
from engine.sync.report import Report

BUSY_SECONDS = 3.0
"""How long to wait for a schema that is open elsewhere: a sync that has just ended or died lets go of it soon."""

YOUNG_OBJECTS = 50_000
"""Objects that may be made before the collector looks through the youngest. Rows go as they came, without its help; at
Python's own 700 it touches every cell of every row on the way, which is a fifth of what a record costs."""

DENIAL_FIELD = "tables_without_access_updated_at"
"""The setting that tells when a source last found tables which its credentials cannot read, where it has one."""

_LOST = "The destination does not know any more how far it was read: everything is read again, over the rows that are there."

log = structlog.stdlib.get_logger("penstock.sync")


def run_sync(
    database: Database,
    vault: Vault,
    connection_id: str,
    trigger: str,
    *,
    stop: threading.Event,
    on_progress: Callable[[Progress], None] | None = None,
) -> SyncOutcome:
    """Sync a connection in this thread, and write down how it went.

    The destination's lock is what keeps two syncs of a connection apart, on all machines: it is taken first and given
    back last. Once it is taken, whatever goes wrong is the sync's outcome and no exception. `stop` belongs to this
    sync: it is set to cancel it, and an error sets it as well. `on_progress` is called in this thread.

    Raises:
        NotFound: there is no such connection.
        Conflict: a sync of it is running already.
        DestinationUnavailable: the state database cannot be reached, so that nothing can be written down.
    """
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    connection, group = _load(database, connection_id)
    host = host_of(connection, database, vault, stop=stop)
    with ExitStack() as stack:
        failure: BaseException | None = None
        session: LoadSession | None = None
        try:
            session = _open(connection, group, database, vault)
            stack.callback(_close, session)
        except DestinationBusy:
            raise record.already_running(connection) from None
        except Exception as error:  # noqa: BLE001 - the sync's outcome
            failure = error
        sync_id = record.begin(database, connection, trigger, alone=session is not None)
        report = Report(database, connection, sync_id, stop, calls=lambda: host.calls, on_progress=on_progress)
        if session is not None:
            try:
                _forget(database, connection, session)
                with closing(selected(database, vault, connection, connect_source(connection, host))) as source:
                    transfer(
                        source,
                        session,
                        report,
                        stop,
                        reconcile=connection.reconcile_requested_at is not None,
                        before_reading=partial(refill, database, connection, session, source),
                    )
            except BaseException as error:  # noqa: BLE001 - the sync's outcome
                failure = error
        outcome = report.end(failure, denial_field=_denial_field(connection))
    _log_end(connection, outcome, failure)
    if isinstance(failure, KeyboardInterrupt | SystemExit):
        raise failure
    return outcome


def transfer(
    source: Source,
    session: LoadSession,
    observer: Observer,
    stop: threading.Event,
    *,
    reconcile: bool = False,
    before_reading: Callable[[], None] = lambda: None,
) -> None:
    """Bring what is new in a source into an open schema: make its tables what they have to be, then read and load.

    `before_reading` may forget cursors. Raises whatever stops it, as `pump` does.
    """
    catalog = source.discover(session.cursors())
    _prepare(catalog, session, observer)
    before_reading()
    if stop.is_set():
        raise Cancelled
    pump(source, catalog.streams, session, observer, stop, reconcile=reconcile)


def _prepare(catalog: Catalog, session: LoadSession, observer: Observer) -> None:
    """Make the tables what they have to be; a stream that filled what is not there any more fills it again."""
    changes: list[str] = []
    notices: list[tuple[str, Notice]] = []
    for table in catalog.tables:
        streams = [stream.name for stream in catalog.streams if table.name in {each.name for each in stream.tables}]
        prepared = session.prepare(table, streams)
        changes += prepared.changes
        notices += ((streams[0], notice) for notice in prepared.notices)
        notices += (
            (
                stream,
                Notice("refilled", f"The table {table.name} {_lack(prepared)}: {stream} is read anew to fill it."),
            )
            for stream in prepared.forgotten
        )
    observer.prepared(catalog.streams, changes)
    for stream, notice in notices:
        observer.told(stream, notice)


def _lack(prepared: Prepared) -> str:
    return "was not there" if prepared.made else f"was without its {', '.join(prepared.empty)}"


def _load(database: Database, connection_id: str) -> tuple[Connection, DestinationRecord]:
    with database.session() as reading:
        connection = reading.get(Connection, connection_id)
        group = reading.get(DestinationRecord, connection.group_id) if connection else None
    if connection is None or group is None:
        raise NotFound("connection", connection_id)
    return connection, group


def _open(connection: Connection, group: DestinationRecord, database: Database, vault: Vault) -> LoadSession:
    destination = connect_destination(group, database, vault, connection=connection)
    give_up_at = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return destination.open(connection.schema)
        except DestinationBusy:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.2)


def _close(session: LoadSession) -> None:
    with suppress(DestinationError):  # a session that broke off has nothing left to give back
        session.close()


def _forget(database: Database, connection: Connection, session: LoadSession) -> None:
    """Make of a requested re-sync, of all streams or of some, a sync that can be resumed like any other.

    In this order: a crash in between forgets once more before anything was read, and so loses nothing.
    """
    if connection.resync_requested:
        session.forget(session.cursors())
        record.forgotten(database, connection)
    elif not connection.is_historical_sync and not session.cursors():
        record.note(database, connection, "cursors_lost", _LOST)
        record.forgotten(database, connection)
    elif connection.resync_streams:
        session.forget(connection.resync_streams)
        record.streams_forgotten(database, connection)


def _denial_field(connection: Connection) -> str | None:
    return DENIAL_FIELD if DENIAL_FIELD in source_plugin(connection.service).config.model_fields else None


def _log_end(connection: Connection, outcome: SyncOutcome, failure: BaseException | None) -> None:
    progress = outcome.progress
    facts = {
        "connection": connection.schema,
        "sync": progress.sync_id,
        "outcome": outcome.outcome,
        "records": progress.read,
        "inserted": progress.loaded.inserted,
        "updated": progress.loaded.updated,
        "deleted": progress.loaded.deleted,
    }
    if isinstance(failure, Exception) and not isinstance(failure, PenstockError):
        log.error("sync_crashed", **facts, exc_info=failure)
    elif outcome.error:
        log.warning("sync_ended", **facts, error=outcome.error, goes_on_at=outcome.retry_at)
    else:
        log.info("sync_ended", **facts)
