"""What of a source is wanted: a source that leaves out tables and columns, and hashes what is to be hashed.

Where nothing is chosen, everything passes through as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TypeAlias

from engine.contract import (
    Catalog,
    Cell,
    ColumnType,
    Complete,
    Cursor,
    Deletion,
    Expected,
    Held,
    Message,
    Present,
    Row,
    Rows,
    SchemaChange,
    SetupTest,
    Source,
    Stream,
    Table,
)
from engine.sync.hashing import Hash

_Shape: TypeAlias = tuple[str, tuple[str, ...]]
"""A table, and columns of it in an order."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is wanted of one table."""

    enabled: bool = True
    history: bool = False
    disabled: frozenset[str] = frozenset()
    hashed: frozenset[str] = frozenset()


ALL = Choice()


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows of one shape become those that are wanted."""

    columns: tuple[str, ...]
    positions: tuple[int, ...]
    hashes: Mapping[int, Callable[[Cell], str | None]]
    """By position in the result."""

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        """The rows as they are wanted."""
        if len(self.positions) == 1:
            picked: list[Row] = [(row[self.positions[0]],) for row in rows]
        else:
            picked = list(map(itemgetter(*self.positions), rows))
        if not self.hashes:
            return picked
        hashes = [self.hashes.get(position) for position in range(len(self.positions))]
        return [
            tuple(hash_(cell) if hash_ else cell for hash_, cell in zip(hashes, row, strict=True)) for row in picked
        ]


@dataclass
class Selection:
    """What is wanted of each table; of those that are not named, everything. Thread-safe once `catalog` was called."""

    choices: Mapping[str, Choice]
    hash: Hash
    _types: dict[str, Mapping[str, ColumnType]] = field(default_factory=dict)
    _plans: dict[_Shape, Plan | None] = field(default_factory=dict)

    def catalog(self, catalog: Catalog) -> Catalog:
        """What is wanted of a catalog."""
        for table in catalog.tables:
            self._types[table.name] = {column.name: column.type for column in table.columns}
        if all(self.of(table.name) == ALL for table in catalog.tables):
            return catalog
        streams = (
            replace(stream, tables=tuple(self.table(table) for table in stream.tables if self.wants(table.name)))
            for stream in catalog.streams
        )
        return Catalog(tuple(stream for stream in streams if stream.tables))

    def of(self, table: str) -> Choice:
        """The choice for a table."""
        return self.choices.get(table, ALL)

    def wants(self, table: str) -> bool:
        """Whether a table is wanted."""
        return self.of(table).enabled

    def table(self, table: Table) -> Table:
        """A table as it is wanted."""
        choice = self.of(table.name)
        if choice == ALL:
            return table
        columns = (
            replace(column, type=ColumnType.TEXT) if column.name in choice.hashed else column
            for column in table.columns
            if column.name not in choice.disabled
        )
        return replace(table, columns=tuple(columns), history=choice.history)

    def plan(self, table: str, columns: tuple[str, ...]) -> Plan | None:
        """How rows with these columns become those that are wanted; None where they are as they are."""
        shape = table, columns
        if shape not in self._plans:
            self._plans[shape] = self._made(table, columns)
        return self._plans[shape]

    def messages(self, messages: Iterator[Message], stream: Stream) -> Iterator[Message]:
        """What a stream says of what is wanted."""
        for message in messages:
            if isinstance(message, Present):
                yield from self._present(message)
            elif self._is_wanted(message, stream):
                yield self._chosen(message)

    def _is_wanted(self, message: Message, stream: Stream) -> bool:
        match message:
            case SchemaChange(table):
                return self.wants(table.name)
            case Rows() | Deletion() | Complete():
                return self.wants(message.table)
            case Expected():
                return self.wants(stream.tables[0].name)
        return True

    def _chosen(self, message: Message) -> Message:
        match message:
            case SchemaChange(table):
                return replace(message, table=self.table(table))
            case Rows(table, columns, rows) if plan := self.plan(table, columns):
                return replace(message, columns=plan.columns, rows=plan.rows(rows))
        return message

    def _present(self, present: Present) -> Iterator[Present]:
        """What it says of tables that are wanted: where only dependents are, of each of them."""
        dependents = tuple(each for each in present.dependents if self.wants(each[0]))
        if not self.wants(present.table):
            for table, column in dependents:
                yield replace(present, table=table, column=column, dependents=())
        elif dependents == present.dependents:
            yield present
        else:
            yield replace(present, dependents=dependents)

    def _made(self, table: str, columns: tuple[str, ...]) -> Plan | None:
        choice = self.of(table)
        if not (choice.disabled or choice.hashed):
            return None
        kept = [(position, name) for position, name in enumerate(columns) if name not in choice.disabled]
        hashes = {
            number: self.hash.of(self._types[table].get(name, ColumnType.TEXT))
            for number, (_, name) in enumerate(kept)
            if name in choice.hashed
        }
        if len(kept) == len(columns) and not hashes:
            return None
        return Plan(tuple(name for _, name in kept), tuple(position for position, _ in kept), hashes)


class SelectedSource:
    """A source of which only a selection is wanted; `select` makes it from what the source discovers."""

    def __init__(self, source: Source, select: Callable[[Catalog], Selection]) -> None:
        self._source = source
        self._select = select
        self._streams: Mapping[str, Stream] = {}
        self.selection = Selection({}, Hash(b""))
        """What is wanted, once the source was asked what there is."""

    def setup_tests(self) -> Iterable[SetupTest]:
        """The source's own."""
        return self._source.setup_tests()

    def discover(self, cursors: Mapping[str, Cursor]) -> Catalog:
        """The streams and tables that are wanted."""
        catalog = self._source.discover(cursors)
        self._streams = {stream.name: stream for stream in catalog.streams}
        self.selection = self._select(catalog)
        return self.selection.catalog(catalog)

    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        """What the source says of what is wanted; `discover` has been called before."""
        whole = self._streams[stream.name]
        if all(self.selection.of(table.name) == ALL for table in whole.tables):
            return self._source.read(whole, cursor, held, reconcile=reconcile)
        return self._read(whole, cursor, held, reconcile=reconcile)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool) -> Iterator[Message]:
        messages = self._source.read(stream, cursor, SelectedHeld(held, self.selection), reconcile=reconcile)
        try:
            yield from self.selection.messages(messages, stream)
        finally:
            close = getattr(messages, "close", None)  # as whoever reads without a selection would do
            if close:
                close()


class SelectedHeld:
    """What the destination holds, asked by a source that knows of no selection."""

    def __init__(self, held: Held, selection: Selection) -> None:
        self._held = held
        self._selection = selection

    def lacking(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> Sequence[Row]:
        """Those of the rows that are wanted and not there just so, as far as they are wanted."""
        if not self._selection.wants(table):
            return ()
        plan = self._selection.plan(table, columns)
        if plan is None:
            return self._held.lacking(table, columns, rows)
        wanted = plan.rows(rows)
        given = dict(
            zip(wanted, rows, strict=True)
        )  # each has a key of its own, and keys are never left out nor hashed
        return [given[row] for row in self._held.lacking(table, plan.columns, wanted)]

    def holds_any(self, table: str) -> bool:
        """Whether there may be any row; of a table that is not wanted nobody knows."""
        return not self._selection.wants(table) or self._held.holds_any(table)
