"""A source that plays a script and a destination that keeps everything in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.contract import (
    Batch,
    Cancelled,
    Catalog,
    Cell,
    Column,
    ColumnType,
    Complete,
    Cursor,
    Deletion,
    Held,
    Loaded,
    Message,
    Prepared,
    Present,
    Row,
    Rows,
    SetupTest,
    Stream,
    Table,
)

Step = Message | Callable[[], None]
"""A message, or something to do when the reader comes by: wait, raise, set an event."""


def table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(c, ColumnType.TEXT) for c in ("id", *columns)), ("id",))


def stream(name: str, *columns: str) -> Stream:
    return Stream(name, (table(name, *columns),))


def raises(error: BaseException) -> Callable[[], None]:
    def step() -> None:
        raise error

    return step


class ScriptedSource:
    """Each stream plays its script from the step after the checkpoint that its cursor names."""

    def __init__(self, scripts: Mapping[Stream, Sequence[Step]]) -> None:
        self.scripts = scripts
        self.began_at: dict[str, Cursor | None] = {}
        self.closed: list[str] = []

    def setup_tests(self) -> Iterable[SetupTest]:
        return ()

    def discover(self, cursors: Mapping[str, Cursor]) -> Catalog:
        return Catalog(tuple(self.scripts))

    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        self.began_at[stream.name] = cursor
        try:
            for number, step in enumerate(self.scripts[stream]):
                if cursor is not None and number <= cursor["step"]:
                    continue
                if callable(step):
                    step()
                else:
                    yield step
        finally:
            self.closed.append(stream.name)

    def close(self) -> None:
        pass


def waits(event: threading.Event, stop: threading.Event) -> Callable[[], None]:
    """Wait as a source does through its host: until the event, or cancelled by `stop`."""

    def step() -> None:
        while not event.wait(0.01):
            if stop.is_set():
                raise Cancelled

    return step


@dataclass
class MemorySession:
    """Rows by primary key, cursors, and the list of commits as (stream, number of batches)."""

    tables: dict[str, dict[Row, Row]] = field(default_factory=dict)
    known: dict[str, Cursor] = field(default_factory=dict)
    commits: list[tuple[str, int]] = field(default_factory=list)
    prepared: list[Table] = field(default_factory=list)
    staged: list[Batch] = field(default_factory=list)
    before_commit: Callable[[str], None] = lambda _stream: None

    def cursors(self) -> Mapping[str, Cursor]:
        return dict(self.known)

    def forget(self, streams: Iterable[str]) -> None:
        for name in streams:
            self.known.pop(name, None)

    def prepare(self, table: Table, streams: Iterable[str] = ()) -> Prepared:
        self.prepared.append(table)
        if table.name in self.tables:
            return Prepared() if table in self.prepared[:-1] else Prepared((f"table {table.name} changed",))
        self.tables[table.name] = {}
        forgotten = tuple(name for name in streams if self.known.pop(name, None) is not None)
        return Prepared((f"table {table.name} made",), made=True, forgotten=forgotten)

    def lacking(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> Sequence[Row]:
        return [row for row in rows if self.tables[table].get(row[:1], ())[: len(columns)] != row]

    def holds_any(self, table: str) -> bool:
        return bool(self.tables[table])

    def erase(self, table: str, columns: Collection[str]) -> None:
        raise NotImplementedError

    def write(self, batch: Batch) -> None:
        assert batch.table in self.tables, "written before it was prepared"
        self.staged.append(batch)

    def commit(self, stream: str, cursor: Cursor) -> Loaded:
        self.before_commit(stream)
        given = self._merge([batch for batch in self.staged if isinstance(batch, Rows)])
        for deletion in [batch for batch in self.staged if isinstance(batch, Deletion)]:
            for key in deletion.keys:
                self.tables[deletion.table].pop(key, None)
        for complete in [batch for batch in self.staged if isinstance(batch, Complete)]:
            keys = set(complete.keys)
            rows = self.tables[complete.table]
            for key in [k for k, row in rows.items() if row[1:2] in keys and (complete.table, k) not in given]:
                del rows[key]
        for present in [batch for batch in self.staged if isinstance(batch, Present)]:
            self._remove_absent(present, given)
        self.commits.append((stream, len(self.staged)))
        self.staged = []
        self.known[stream] = cursor
        return Loaded(inserted=len(given))

    def _merge(self, staged: Sequence[Rows]) -> set[tuple[str, Row]]:
        given: set[tuple[str, Row]] = set()
        for batch in staged:
            for row in batch.rows:
                if batch.deleted:
                    self.tables[batch.table].pop(row[:1], None)
                else:
                    self.tables[batch.table][row[:1]] = row
                    given.add((batch.table, row[:1]))
        return given

    def _remove_absent(self, present: Present, given: set[tuple[str, Row]]) -> None:
        def is_gone(key: Cell) -> bool:
            within = (present.above is None or key > present.above) and (present.to is None or key <= present.to)
            return within and key not in present.keys and (present.table, (key,)) not in given

        for name, column in ((present.table, "id"), *present.dependents):
            position = next(table for table in self.prepared if table.name == name).column_names.index(column)
            self.tables[name] = {key: row for key, row in self.tables[name].items() if not is_gone(row[position])}

    def close(self) -> None:
        self.staged = []
