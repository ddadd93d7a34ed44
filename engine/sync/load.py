"""What is committed together: whole units of a stream, gathered until they are worth a commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from sys import getsizeof
from typing import TypeAlias

from engine.contract import Batch, Complete, Cursor, Deletion, Present, Row, Rows, SchemaChange

ROWS = 2_000
"""Rows in a load: enough that what a commit costs by itself no longer counts."""

BYTES = 12_000_000
"""Memory of a load, as far as it can be told: 2,000 rows of 60 properties fit, wider or longer ones make fewer rows."""

SAMPLED = 20
"""One row in so many is weighed; weighing all of them would cost more than all the rest of gathering."""

Completed: TypeAlias = dict[tuple[str, tuple[str, ...]], set[Row]]


@dataclass(slots=True)
class Load:
    """Batches of one stream in their order, and the cursor that is true once they are committed.

    A source's statements hold since its last checkpoint; a destination takes all that is in one commit together. So
    two units may share a commit only where that makes no difference: see `takes`.
    """

    stream: str
    batches: list[Batch | SchemaChange] = field(default_factory=list)
    cursor: Cursor | None = None
    rows: int = 0
    bytes: int = 0
    _given: set[str] = field(default_factory=set)
    """Tables with rows that exist."""
    _gone: set[str] = field(default_factory=set)
    """Tables with deletions."""
    _loose: set[str] = field(default_factory=set)
    """Tables with rows whose keys their own unit did not call complete."""
    _completed: Completed = field(default_factory=dict)
    _touched: set[str] = field(default_factory=set)
    """Tables with batches that are loaded before what is present is taken at its word."""
    _listed: set[str] = field(default_factory=set)
    """Tables of which it says which rows are present, and those that lose rows with them."""

    def add(self, batch: Batch | SchemaChange) -> None:
        """Put a batch at the end; its unit is whole only with `close`."""
        self.batches.append(batch)
        if not isinstance(batch, SchemaChange | Present):
            self._touched.add(batch.table)
        match batch:
            case Rows(table, _, rows, deleted):
                self.rows += len(rows)
                self.bytes += _weight(rows)
                if not deleted:
                    self._given.add(table)
            case Deletion(table, columns, keys):
                self.rows += len(keys)
                self._gone.add(table)
            case Complete(table, columns, keys):
                self._completed.setdefault((table, columns), set()).update(keys)
            case Present(table, _, keys, dependents=dependents):
                self.rows += len(keys)
                self._listed.update((table, *(name for name, _ in dependents)))

    def close(self, cursor: Cursor) -> Load:
        """This load as a whole unit, with the checkpoint's cursor."""
        self.cursor = cursor
        self._loose = {table for table in self._given if not self._covered(table)}
        return self

    def takes(self, unit: Load) -> bool:
        """Whether a later unit of the stream may be committed together with this load.

        Not when it gives rows of a table in which this load deletes, since deletions are applied last. Nor when it
        calls keys complete to which this load may have given rows: they would count as given with the unit. Nor when
        one of the two says which rows are present of a table, or takes rows of it with those that are not, and the
        other has anything else to say of it.
        """
        if unit._given & self._gone or unit._listed & self._touched or unit._touched & self._listed:
            return False
        for (table, columns), keys in unit._completed.items():
            completed = self._completed.get((table, columns))
            if table in self._loose or (completed is None and table in self._given):
                return False
            if completed and not completed.isdisjoint(keys):
                return False
        return True

    def join(self, unit: Load) -> None:
        """Take in a unit that `takes` allows; the load's cursor is then the unit's."""
        self.batches += unit.batches
        self.cursor = unit.cursor
        self.rows += unit.rows
        self.bytes += unit.bytes
        self._given |= unit._given
        self._gone |= unit._gone
        self._loose |= unit._loose
        self._touched |= unit._touched
        self._listed |= unit._listed
        for key, completed in unit._completed.items():
            self._completed.setdefault(key, set()).update(completed)

    @property
    def full(self) -> bool:
        """Whether it is worth a commit by its size."""
        return self.rows >= ROWS or self.bytes >= BYTES

    def _covered(self, table: str) -> bool:
        """Whether each row given for the table is of a key that is called complete, by every such call."""
        calls = [(columns, keys) for (name, columns), keys in self._completed.items() if name == table]
        return bool(calls) and all(
            set(columns).issubset(batch.columns) and keys.issuperset(_keys(batch, columns))
            for columns, keys in calls
            for batch in self.batches
            if isinstance(batch, Rows) and batch.table == table and not batch.deleted
        )

    def records(self, table: str) -> int:
        """How many rows of a table it brings."""
        return sum(len(batch.rows) for batch in self.batches if isinstance(batch, Rows) and batch.table == table)


def _weight(rows: Sequence[Row]) -> int:
    """About how many bytes the rows take, by a sample of them."""
    sample = rows[::SAMPLED]
    weight = sum(getsizeof(row) + sum(map(getsizeof, row)) for row in sample)
    return weight * len(rows) // (len(sample) or 1)


def _keys(batch: Rows, columns: tuple[str, ...]) -> Iterator[Row]:
    return zip(*(map(itemgetter(batch.columns.index(column)), batch.rows) for column in columns), strict=True)
