"""Telling whether a connection's tables are what its source has, while nothing is written to them.

The source is read whole into an image beside the tables, whose lock keeps syncs out. What differs then may only have
changed since the last sync: so what the next sync would bring is read too, and brought to both sides of what differs.
What differs still is a difference. A source may announce a change some time after it shows it; therefore, if anything
differs, the same is done once more after a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from engine.connections.ends import connect_destination, connect_source, host_of
from engine.connections.source_tables import awaits_sync
from engine.contract import (
    AccessDenied,
    Catalog,
    Conflict,
    Cursor,
    Expected,
    Loaded,
    NotFound,
    Notice,
    SchemaChange,
    Stream,
    TableDifferences,
    Verification,
)
from engine.state.database import Database
from engine.state.models import Connection, DestinationRecord
from engine.state.secrets import Vault
from engine.sync.chosen import selected
from engine.sync.ending import ending
from engine.sync.load import Load
from engine.sync.pipeline import pump
from engine.sync.progress import Progress, StreamProgress

LATE = 60.0
"""Seconds by which a source may announce a change later than it shows it."""

Watcher = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. `unread` are the tables that could not be compared; `notices` say why, and what else."""

    tables: Sequence[TableDifferences]
    unread: Sequence[str]
    notices: Sequence[str]
    api_calls: int

    @property
    def differences(self) -> int:
        """How many rows differ."""
        return sum(table.total for table in self.tables)


def verify(
    database: Database,
    vault: Vault,
    connection: Connection,
    *,
    on_progress: Watcher,
    on_doubt: Callable[[int], None],
) -> Verdict:
    """Compare a connection's tables with its source; neither they nor the connection's state change.

    `on_progress` is told how far the source is read, `on_doubt` how many rows differ before they are looked at again.

    Raises:
        Conflict: the connection was not read to its end yet.
        DestinationBusy: a sync of it is running.
        SourceError, DestinationError: what a sync would fail with.
    """
    with database.session() as reading:
        group = reading.get(DestinationRecord, connection.group_id)
        chosen_anew = awaits_sync(reading, connection.id)
    if connection.is_historical_sync or connection.resync_requested or connection.resync_streams or chosen_anew:
        name = connection.schema
        raise Conflict(f"'{name}' has not been read to its end yet. Sync it first: penstock sync {name}")
    if group is None:
        raise NotFound("group", connection.group_id)
    with closing(
        connect_destination(group, database, vault, connection=connection).verify(connection.schema)
    ) as verification:
        cursors = verification.cursors()
        verification.forget(cursors)
        whole = _Reading(database, vault, connection, on_progress)
        whole.run(verification, cursors)
        api_calls, differing = whole.api_calls, verification.narrow(whole.compared)
        for pause in (0.0, LATE):
            if not differing:
                break
            if pause:
                on_doubt(differing)
                time.sleep(pause)
            following = _Reading(database, vault, connection)
            following.run(verification, verification.cursors())
            api_calls, differing = api_calls + following.api_calls, verification.narrow(whole.compared)
        return Verdict(verification.differences(), whole.unread, whole.notices, api_calls)


class _Reading:
    """One reading of the source, as a sync reads it. Observes itself."""

    def __init__(
        self, database: Database, vault: Vault, connection: Connection, on_progress: Watcher | None = None
    ) -> None:
        self._database = database
        self._vault = vault
        self._connection = connection
        self._on_progress = on_progress
        self._stop = threading.Event()
        self._host = host_of(connection, database, vault, stop=self._stop)
        self._catalog = Catalog(())
        self._streams: dict[str, StreamProgress] = {}
        self._denied: set[str] = set()
        self._spoken_of: set[str] = set()
        self._notices: dict[str, None] = {}

    def run(self, verification: Verification, cursors: Mapping[str, Cursor]) -> None:
        """Read all streams to their ends, from where the verification's cursors are; `cursors` are the schema's."""
        source_ = connect_source(self._connection, self._host)
        with closing(selected(self._database, self._vault, self._connection, source_)) as source:
            self._catalog = source.discover(cursors)
            for table in self._catalog.tables:
                verification.prepare(table)
            self.prepared(self._catalog.streams, ())
            pump(source, self._catalog.streams, verification, self, self._stop)

    @property
    def api_calls(self) -> int:
        """How many calls it took."""
        return self._host.calls

    @property
    def notices(self) -> Sequence[str]:
        """What a person should know."""
        return tuple(self._notices)

    @property
    def unread(self) -> Sequence[str]:
        """The tables of streams without access, and any others of which not a word was said because of that."""
        if not self._denied:
            return ()
        closed = {
            table.name for stream in self._catalog.streams if stream.name in self._denied for table in stream.tables
        }
        return [t.name for t in self._catalog.tables if t.name in closed or t.name not in self._spoken_of]

    @property
    def compared(self) -> Sequence[str]:
        """All other tables."""
        unread = self.unread
        return [table.name for table in self._catalog.tables if table.name not in unread]

    def prepared(self, streams: Sequence[Stream], changes: Sequence[str]) -> None:  # noqa: ARG002
        """The image has its tables."""
        self._streams = {stream.name: StreamProgress(stream.name) for stream in streams}
        self._show()

    def loaded(self, load: Load, loaded: Loaded) -> None:  # noqa: ARG002
        """Some records are in the image."""
        self._spoken_of.update(batch.table for batch in load.batches if not isinstance(batch, SchemaChange))
        own = next(stream.tables[0].name for stream in self._catalog.streams if stream.name == load.stream)
        before = self._streams[load.stream]
        self._update(replace(before, read=before.read + load.records(own)))

    def told(self, stream: str, message: Expected | Notice) -> None:
        """A stream expects so many records, or has a notice."""
        if isinstance(message, Expected):
            self._update(replace(self._streams[stream], expected=message.records))
        else:
            self._notices[message.message] = None

    def changed(self, change: SchemaChange, changes: Sequence[str]) -> None:
        """The image of a table was changed."""

    def ended(self, stream: str, error: BaseException | None) -> None:
        """A stream was read to its end, or will not be."""
        if isinstance(error, AccessDenied):
            self._denied.add(stream)
            self._notices[str(error)] = None
        self._update(replace(self._streams[stream], outcome=ending(error).outcome))

    def tick(self) -> None:
        """Show that time goes by."""
        self._show()

    def _update(self, stream: StreamProgress) -> None:
        self._streams[stream.name] = stream
        self._show()

    def _show(self) -> None:
        if self._on_progress:
            self._on_progress(Progress(0, "running", tuple(self._streams.values()), self._host.calls))
