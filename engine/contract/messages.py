"""What a source says while a stream is read, in order.

Everything between two checkpoints belongs together. Within one commit a destination merges the rows first (the last
one of a key wins), then applies the deletions, then takes what is complete or present at its word; so a source needs no
order among them, only a checkpoint that comes after them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine.contract.tables import Table

Cursor: TypeAlias = Mapping[str, Any]
"""How far a stream has been read: JSON, versioned and owned by the source, opaque to everybody else."""

Cell: TypeAlias = Any
"""A value in the canonical form of its column's type (see `ColumnType`), or None."""

Row: TypeAlias = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that exist in the source, or, with `deleted`, rows whose last state is known and that are gone from it.

    `columns` may be a part of the table's columns (always with the primary key): the others keep their values, and a row
    that is not there is not made, since it would lack them. Merging the same rows twice changes nothing.
    """

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Deletion:
    """The rows whose `columns` equal one of `keys` are gone from the source. Unknown keys are no error."""

    table: str
    columns: tuple[str, ...]
    keys: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Complete:
    """The rows given since the last checkpoint are all there are for these keys; any other row of a key is gone.

    Without columns (and with the one empty key) it speaks of the whole table.
    """

    table: str
    columns: tuple[str, ...] = ()
    keys: Sequence[Row] = ((),)


@dataclass(frozen=True, slots=True)
class Present:
    """Of the rows whose `column` lies above `above` and up to `to`, those of `keys` exist; any other is gone.

    `column` is the table's whole primary key, or a lookup, in the order of its type (text by code points); without
    `above` or `to` the range is open on that side. A row whose `column` was given since the last checkpoint is there,
    whatever `keys` says. What hangs on a key that does not exist is gone too, also where there never was a row of that
    key: `dependents` are (table, column) pairs, `column` holding the key. Nothing is said of the values of the rows
    that exist, nor is one that is marked as gone brought back.
    """

    table: str
    column: str
    keys: Sequence[Cell]
    above: Cell = None
    to: Cell = None
    dependents: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """The table as it has to be from here on: more columns or wider types than before, never fewer or narrower."""

    table: Table
    reason: str


@dataclass(frozen=True, slots=True)
class Expected:
    """How many records of the stream's own table this read expects in all; for progress only, never for correctness."""

    records: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know although the stream goes on: a stable code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything before it may be committed together with this cursor; a later read goes on from here."""

    cursor: Cursor


Batch: TypeAlias = Rows | Deletion | Complete | Present
Message: TypeAlias = Batch | SchemaChange | Expected | Notice | Checkpoint
