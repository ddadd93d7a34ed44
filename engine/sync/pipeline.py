"""Reading and loading overlap: many readers, one loader, and one place that decides what an error stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from engine.contract import AccessDenied, Cancelled, Expected, Loaded, LoadSession, Notice, SchemaChange, Source, Stream
from engine.sync.load import Load
from engine.sync.reader import Ended, Handover, Item, Reader, Told

TICK = 0.25
"""Seconds between two looks at whether somebody asked to stop."""

GRACE = 4.0
"""Seconds a reader may take to come back from a request once it should stop. A process has 10 in all to end."""

FAREWELL = 1.0
"""Seconds for the threads of readers that have handed over their last to be gone."""


class Observer(Protocol):
    """Who is told what happens, in the thread of the loader."""

    def prepared(self, streams: Sequence[Stream], changes: Sequence[str]) -> None:
        """The streams are known and their tables are there; `changes` is what that took."""

    def loaded(self, load: Load, loaded: Loaded) -> None:
        """A load is committed."""

    def told(self, stream: str, message: Expected | Notice) -> None:
        """A stream said something that needs no commit."""

    def changed(self, change: SchemaChange, changes: Sequence[str]) -> None:
        """A table was changed on the way."""

    def ended(self, stream: str, error: BaseException | None) -> None:
        """A stream is read to its end, or will not be read further in this sync."""

    def tick(self) -> None:
        """A sign of life, several times a second unless a commit takes longer."""


def pump(
    source: Source,
    streams: Sequence[Stream],
    session: LoadSession,
    observer: Observer,
    stop: threading.Event,
    *,
    reconcile: bool = False,
) -> None:
    """Read all streams from their cursors to their ends, reconciling on request, and load them.

    A stream without access ends alone, unless all are without. Any other error sets `stop`, which ends all streams at
    their next message, and is raised when they have ended; what was handed over by then is committed, unless the
    destination is what failed. `stop` belongs to this run; whoever else sets it cancels the run.

    Raises:
        Cancelled: somebody set `stop`, and a stream was not read to its end.
        Exception: the first error of a stream or of the destination.
    """
    cursors = session.cursors()
    handover = Handover()
    readers = [
        Reader(
            partial(source.read, stream, cursors.get(stream.name), session, reconcile=reconcile),
            stream.name,
            handover,
            stop,
        )
        for stream in streams
    ]
    loader = _Loader(session, observer, stop, {stream.name for stream in streams})
    for reader in readers:
        reader.start()
    try:
        loader.run(handover)
    finally:
        stop.set()
        handover.close()
        deadline = time.monotonic() + FAREWELL
        for reader in readers:
            reader.join(max(0.0, deadline - time.monotonic()))
    loader.leave()


class _Loader:
    def __init__(self, session: LoadSession, observer: Observer, stop: threading.Event, streams: set[str]) -> None:
        self._session = session
        self._observer = observer
        self._stop = stop
        self._all = self._reading = streams
        self._denied: set[str] = set()
        self._error: BaseException | None = None
        self._session_works = True

    def run(self, handover: Handover) -> None:
        """Take what the readers hand over until all have ended, or until they had their time to end."""
        give_up_at: float | None = None
        while self._reading and (give_up_at is None or time.monotonic() < give_up_at):
            item = handover.get(TICK)
            self._take(item)
            if isinstance(item, Load):
                handover.done(item)
            del item  # or its rows would stay in memory until the next one comes
            if give_up_at is None and self._stop.is_set():
                give_up_at = time.monotonic() + GRACE
            self._observer.tick()

    def leave(self) -> None:
        """Report the streams that did not come back, and raise what ended the run."""
        for stream in self._reading:
            self._ended(stream, Cancelled())
        self._reading = set()
        if self._error is not None:
            raise self._error

    def _take(self, item: Item | None) -> None:
        match item:
            case Load():
                self._load(item)
            case Told(stream, message):
                self._observer.told(stream, message)
            case Ended(stream, error):
                # what was read to its end but could not be loaded is not done
                self._ended(stream, error if error or self._session_works else Cancelled())

    def _load(self, load: Load) -> None:
        if not self._session_works or load.cursor is None:
            return
        try:
            for batch in load.batches:
                if isinstance(batch, SchemaChange):
                    prepared = self._session.prepare(batch.table)
                    self._observer.changed(batch, prepared.changes)
                    for notice in prepared.notices:
                        self._observer.told(load.stream, notice)
                else:
                    self._session.write(batch)
            loaded = self._session.commit(load.stream, load.cursor)
        except Exception as error:  # noqa: BLE001 - kept as the run's error and raised when the readers have ended
            self._session_works = False
            self._fail(error)
        else:
            self._observer.loaded(load, loaded)

    def _ended(self, stream: str, error: BaseException | None) -> None:
        self._reading = self._reading - {stream}
        self._observer.ended(stream, error)
        if isinstance(error, AccessDenied):
            self._denied.add(stream)
        if error is not None and (not isinstance(error, AccessDenied) or self._denied == self._all):
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        # Once a run stops, its other streams end as cancelled: the error that stopped it is the one that counts.
        if self._error is None or (isinstance(self._error, Cancelled) and not isinstance(error, Cancelled)):
            self._error = error
        self._stop.set()
