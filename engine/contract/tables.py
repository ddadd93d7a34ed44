"""Tables as a source describes them and a destination makes them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from engine.contract.types import ColumnType, common_type

SYNCED = "_fivetran_synced"
"""When the row was last written; on every table, kept by the destination."""

DELETED = "_fivetran_deleted"
"""Whether the row is gone from the source; on every table whose rows can go, kept by the destination."""

ACTIVE = "_fivetran_active"
"""Whether this version of a row is what the source has now; on every table with history, kept by the destination."""

START = "_fivetran_start"
"""When a version was first seen; together with the primary key it tells one version from another."""

END = "_fivetran_end"
"""When a version was last true; of an active one, as far ahead as can be."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column under its final, destination-safe name.

    `backfilled`: its stream brings the values of rows that are there already, so that nothing has to be read anew when
    the column is made in a table that was filled before.
    """

    name: str
    type: ColumnType
    backfilled: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Table:
    """One destination table.

    `columns` holds the source's own columns; the destination adds `SYNCED`, and `DELETED` where `soft_delete` is set.
    `deleted_aliases` names further boolean columns that always equal `DELETED` (older readers look there); they
    are not among `columns` and are kept by the destination too.
    `lookups` names the column groups by which rows are deleted or declared complete, so that the destination can
    index those which do not lead the primary key.
    With `history` every version of a row is kept: a row that changes or goes is closed, not changed (see `ACTIVE`),
    and wherever a row is spoken of, its latest version is meant.
    """

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    soft_delete: bool = True
    deleted_aliases: tuple[str, ...] = ()
    lookups: tuple[tuple[str, ...], ...] = ()
    history: bool = False

    def __post_init__(self) -> None:
        """Hold what every destination relies on.

        Raises:
            ValueError: a column name is taken twice, or a key names a column that is not there.
        """
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            msg = f"table {self.name} names a column twice"
            raise ValueError(msg)
        keyed = {*self.primary_key, *(name for group in self.lookups for name in group)}
        if not self.primary_key or not keyed.issubset(names):
            msg = f"table {self.name} needs a primary key and lookups made of its own columns"
            raise ValueError(msg)
        if self.history and not self.soft_delete:
            msg = f"table {self.name} cannot keep history: its rows cannot go"
            raise ValueError(msg)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The source's columns in order; rows that name no columns of their own come in this order."""
        return tuple(column.name for column in self.columns)

    def backfilled(self, columns: Collection[str]) -> Table:
        """This table with the named columns, and no others, as ones that their stream fills by itself."""
        return replace(self, columns=tuple(replace(c, backfilled=c.name in columns) for c in self.columns))

    def widened(self, changes: dict[str, ColumnType]) -> Table:
        """This table with the named columns widened to hold the given types as well; never narrower than before."""
        columns = (
            replace(column, type=common_type(column.type, changes[column.name])) if column.name in changes else column
            for column in self.columns
        )
        return replace(self, columns=tuple(columns))


@dataclass(frozen=True, slots=True)
class Stream:
    """What is read with one cursor. `tables[0]` is the stream's own table: progress is counted in its rows."""

    name: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything a source can read for one connection. Two streams may fill the same table, described equally."""

    streams: tuple[Stream, ...]

    @property
    def tables(self) -> Sequence[Table]:
        """Each table once, in the streams' order."""
        return tuple({table.name: table for stream in self.streams for table in stream.tables}.values())
