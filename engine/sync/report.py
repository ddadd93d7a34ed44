"""Keeping account of a sync while it runs, for the state tables and for whoever watches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from engine.contract import (
    AccessDenied,
    DestinationUnavailable,
    Expected,
    Loaded,
    Notice,
    SchemaChange,
    Stream,
    storable,
)
from engine.state.database import Database
from engine.state.models import Connection
from engine.sync import aftermath, record
from engine.sync.ending import ending
from engine.sync.load import Load
from engine.sync.progress import Progress, StreamProgress, SyncOutcome

HEARTBEAT = 5.0
"""Seconds between signs of life while nothing is committed."""

PATIENCE = 60.0
"""Seconds for which the end of a sync is kept until the state database takes it."""

HURRY = 3.0
"""The same when somebody asked to stop: a sync without an end is marked as interrupted when the next one starts."""

log = structlog.stdlib.get_logger("penstock.sync")


class Report:
    """Observes one sync, and sets `stop` when somebody asked it to stop. What it writes on the way may get lost while the state database is away; the end may not."""

    def __init__(
        self,
        database: Database,
        connection: Connection,
        sync_id: int,
        stop: threading.Event,
        *,
        calls: Callable[[], int],
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._database = database
        self._connection = connection
        self._calls = calls
        self._on_progress = on_progress
        self._sync_id = sync_id
        self._stop = stop
        self._streams: dict[str, StreamProgress] = {}
        self._own_table: dict[str, str] = {}
        self._to_begin: set[str] = set()
        """Streams whose cursors do not tell yet that they have begun."""
        self._notices: dict[str, record.NoticeEntry] = {}
        self._saved_at = time.monotonic()
        self._away = False

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self._sync_id, "running", tuple(self._streams.values()), self._calls())

    def prepared(self, streams: Sequence[Stream], changes: Sequence[str]) -> None:
        """The streams are known and their tables are there; `changes` is what that took."""
        self._streams = {stream.name: StreamProgress(stream.name) for stream in streams}
        self._own_table = {stream.name: stream.tables[0].name for stream in streams}
        self._to_begin = set(self._streams)
        record.add_streams(self._database, self._sync_id, self._streams)
        if changes:
            self._note("schema_changed", _sentence(changes))
        self._show()

    def loaded(self, load: Load, loaded: Loaded) -> None:
        """A load is committed."""
        before = self._streams[load.stream]
        self._update(
            replace(
                before,
                read=before.read + load.records(self._own_table[load.stream]),
                loaded=before.loaded + replace(loaded, notices=()),
            )
        )
        for message in loaded.notices:
            self._notice("loaded", message, load.stream)
        self._begun(load.stream)

    def told(self, stream: str, message: Expected | Notice) -> None:
        """A stream expects so many records, or has a notice."""
        if isinstance(message, Expected):
            self._update(replace(self._streams[stream], expected=message.records))
        else:
            self._notice(message.code, message.message, stream)

    def changed(self, change: SchemaChange, changes: Sequence[str]) -> None:
        """A table was changed on the way."""
        if changes:
            self._note("schema_changed", _sentence([*changes, change.reason]))

    def ended(self, stream: str, error: BaseException | None) -> None:
        """A stream was read to its end, or will not be read further."""
        end = ending(error)
        self._update(replace(self._streams[stream], outcome=end.outcome, error=end.error))
        if isinstance(error, AccessDenied):
            self._notice(error.code, f"The table {self._own_table[stream]} is not updated. {error}", stream)
            self._begun(stream)

    def tick(self) -> None:
        """Give a sign of life now and then."""
        if time.monotonic() - self._saved_at >= HEARTBEAT:
            self._save()
            self._show()

    def end(self, error: BaseException | None, *, denial_field: str | None) -> SyncOutcome:
        """Write down how it ended, waiting for the state database for a while if need be.

        `denial_field` names the setting that tells when the list of tables without access was last renewed, where the
        source has one.

        Raises:
            DestinationUnavailable: the state database stayed away.
        """
        ended = ending(error)
        progress = replace(
            self.progress,
            outcome=ended.outcome,
            streams=tuple(
                replace(s, outcome="cancelled") if s.outcome == "running" else s for s in self._streams.values()
            ),
        )
        give_up_at = time.monotonic() + (HURRY if ended.outcome == "cancelled" else PATIENCE)
        while True:
            try:
                ended = aftermath.end(
                    self._database,
                    self._connection,
                    progress,
                    ended,
                    notices=[*self._notices.values()],
                    denial_field=denial_field,
                )
                break
            except DestinationUnavailable:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.5)
        if self._on_progress:
            self._on_progress(progress)
        return SyncOutcome(progress, ended.error_code, ended.error, ended.resume_at, tuple(self._notices))

    def _begun(self, stream: str) -> None:
        """With the last stream that begins, what was asked for is in their cursors: by those it goes on."""
        if stream in self._to_begin:
            self._to_begin.remove(stream)
            if not self._to_begin and self._connection.reconcile_requested_at:
                self._write(lambda: record.reconciling(self._database, self._connection))

    def _update(self, stream: StreamProgress) -> None:
        self._streams[stream.name] = stream
        self._save(stream)
        self._show()

    def _notice(self, code: str, message: str, stream: str) -> None:
        message = storable(message)
        if message not in self._notices:
            self._notices[message] = {"code": code, "message": message, "stream": stream}
            self._note(code, message, stream=stream)
            log.warning("sync_notice", connection=self._connection.schema, code=code, stream=stream, message=message)

    def _note(self, kind: str, message: str, **details: Any) -> None:
        self._write(lambda: record.note(self._database, self._connection, kind, message, sync=self._sync_id, **details))

    def _save(self, stream: StreamProgress | None = None) -> None:
        self._saved_at = time.monotonic()
        self._write(lambda: self._save_and_look(stream))

    def _save_and_look(self, stream: StreamProgress | None) -> None:
        if record.save(self._database, self.progress, [*self._notices.values()], stream):
            self._stop.set()

    def _write(self, write: Callable[[], None]) -> None:
        try:
            write()
        except DestinationUnavailable as error:
            if not self._away:
                log.warning("state_away", connection=self._connection.schema, reason=str(error))
            self._away = True
        else:
            self._away = False

    def _show(self) -> None:
        if self._on_progress:
            self._on_progress(self.progress)


def _sentence(parts: Sequence[str]) -> str:
    joined = "; ".join(part.strip().rstrip(".") for part in parts)
    return storable(f"{joined}.")
