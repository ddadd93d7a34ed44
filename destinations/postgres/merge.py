"""Bringing rows into one table, with as little work for the database as the rows allow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import TypedDict

from destinations.postgres import statements
from destinations.postgres.arrays import Texts
from destinations.postgres.canonical import canonical, write_canonical
from destinations.postgres.connect import Connection
from destinations.postgres.errors import DoesNotFit
from destinations.postgres.folding import folded
from destinations.postgres.shape import LiveTable
from destinations.postgres.widening import TIMESTAMPTZ
from engine.contract import Cell, ColumnType, Loaded, Present, Row, Rows

FEW = 2000
"""Cells that are given with a statement rather than staged: about what making the staging table costs."""

_ONE_SPELLING = {"bigint", "boolean", "date", "integer", "text"}
"""Types whose values are equal only if their canonical texts are. One instant or one number has many texts."""

_DATE_LENGTH = len("2026-11-20")
_DIGITS = set("0123456789")


class _Shape(TypedDict):
    deleted: bool
    given: bool


class Partial(Rows):
    """Rows that had a part of the columns when they were written: they change rows that are there and make none."""

    __slots__ = ()


def are_dates(cells: Iterable[Cell]) -> bool:
    """Whether PostgreSQL, which takes a time or the word `today` for a date and says nothing, keeps them whole."""
    return {len(cell) for cell in cells if cell.__class__ is str} <= {_DATE_LENGTH}


def are_times(cells: Iterable[Cell]) -> bool:
    """Whether none of them is a word: PostgreSQL knows when `today` and `now` are, and puts that down instead."""
    return {cell[:1] for cell in cells if cell.__class__ is str} <= _DIGITS


def check_times(live: LiveTable, rows: Rows) -> None:
    """Raise `DoesNotFit` where a column of dates or times is given something else that PostgreSQL would take."""
    for position, name in enumerate(rows.columns):
        are_some = _CHECKS.get(live.types.get(name, ""))
        if are_some and not are_some(map(itemgetter(position), rows.rows)):
            raise DoesNotFit(name)


_CHECKS: dict[str, Callable[[Iterable[Cell]], bool]] = {ColumnType.DATE: are_dates, TIMESTAMPTZ: are_times}


def texts(rows: Iterable[Row], positions: Iterable[int]) -> list[Texts]:
    """The cells at these positions, a list for each position."""
    return [
        Texts([cell if cell.__class__ is str else canonical(cell) for cell in map(itemgetter(position), rows)])
        for position in positions
    ]


class TableLoad:
    """Loads one table within the caller's transaction, and lives as long as that.

    Every method may raise one of `errors.UNSTORABLE`; the transaction has failed then.
    """

    def __init__(self, connection: Connection, live: LiveTable) -> None:
        self._live = live
        self._connection = connection
        self._has_staged = False

    @property
    def live(self) -> LiveTable:
        """The table as it is."""
        return self._live

    @live.setter
    def live(self, live: LiveTable) -> None:
        self._live = live
        self._has_staged = False  # rows of another shape are staged in another place

    def add(self, rows: Rows) -> Loaded:
        """Bring rows in: straight into the table where all are new, else by `merge`."""
        rows = self.latest(rows)
        if rows.deleted or isinstance(rows, Partial) or self._are_few(rows) or self._is_any_there(rows):
            return self.merge(rows)
        rows = folded(self.live, rows)
        self._copy(statements.copy_to_table(self.live, rows.columns), rows)
        return Loaded(inserted=len(rows.rows))

    def merge(self, rows: Rows, moved: Collection[str] = ()) -> Loaded:
        """Take rows, of which no two have the same key, then update those that differ and insert what is new and whole.

        Values of `moved` columns go to the overflow.
        """
        if not rows.rows:
            return Loaded()
        told = rows.columns if self.live.overflow is not None else ()
        rows = folded(self.live, rows, moved)
        given = self._are_few(rows)
        parameters = texts(rows.rows, range(len(rows.columns))) if given else None
        if given:
            check_times(self.live, rows)
        else:
            self._stage(rows)
        shape: _Shape = {"deleted": rows.deleted, "given": given}
        changed = self._update(rows.columns, told, shape, parameters)
        inserted = 0
        if not isinstance(rows, Partial):
            insert = statements.insert_rows(self.live, rows.columns, **shape)
            inserted = self._connection.execute(insert, parameters).rowcount
        return Loaded(inserted, deleted=changed) if rows.deleted else Loaded(inserted, updated=changed)

    def _update(
        self, columns: tuple[str, ...], told: tuple[str, ...], shape: _Shape, parameters: list[Texts] | None
    ) -> int:
        """Change the rows that differ, or, with history, close their versions and add those that are true now."""
        if not self.live.table.history:
            update = statements.update_rows(self.live, columns, told=told, **shape)
            return self._connection.execute(update, parameters).rowcount if update else 0
        close = statements.close_versions(self.live, columns, told=told, **shape)
        closed = self._connection.execute(close, parameters).rowcount
        following = statements.open_versions(self.live, columns, told=told, **shape)
        opened = self._connection.execute(following, parameters).rowcount
        return max(closed, opened) if shape["deleted"] else opened

    def _are_few(self, rows: Rows) -> bool:
        """Whether the rows are better given with each statement than put into a staging table, which has to be made."""
        return len(rows.rows) * len(rows.columns) <= FEW and statements.may_be_given(self.live)

    def _stage(self, rows: Rows) -> None:
        self._connection.execute(statements.create_staging(self.live))
        if self._has_staged:
            self._connection.execute(statements.clear_staging(self.live))
        self._has_staged = True
        self._copy(statements.copy_to_staging(self.live, rows.columns), rows)

    def remove(self, columns: tuple[str, ...], keys: Sequence[Row], given: Sequence[Texts] = ()) -> Loaded:
        """Mark the rows of these keys as gone, except those with the primary keys `given`, a list for each key column."""
        parameters = [*texts(keys, range(len(columns))), *(given or [Texts() for _ in self.live.table.primary_key])]
        return Loaded(deleted=self._connection.execute(statements.remove_rows(self.live, columns), parameters).rowcount)

    def remove_absent(self, present: Present, given: Texts) -> Texts:
        """Mark the rows of the range as gone that are neither present nor have the primary keys `given`; gives their keys."""
        above, to, *keys = map(canonical, (present.above, present.to, *present.keys))
        bounds = [bound for bound in (above, to) if bound is not None]
        statement = statements.remove_absent(self.live, present.column, above=above is not None, to=to is not None)
        known = Texts(key for key in (*keys, *given) if key is not None)
        return Texts(key for (key,) in self._connection.execute(statement, [*bounds, known]))

    def latest(self, rows: Rows, *, ask: bool = False) -> Rows:
        """The same rows without those that a later row of the same key replaces.

        The server says which keys are the same where their texts do not, or, with `ask`, in any case.
        """
        keys = self.keys(rows)
        names: Iterable[object] = zip(*keys, strict=True)
        if ask or not {self.live.types[name] for name in self.live.table.primary_key} <= _ONE_SPELLING:
            names = [rank for (rank,) in self._connection.execute(statements.same_keys(self.live), keys)]
        unique = dict(zip(names, rows.rows, strict=True))
        return rows if len(unique) == len(rows.rows) else replace(rows, rows=list(unique.values()))

    def keys(self, rows: Rows) -> list[Texts]:
        """The primary keys of rows, a list for each key column."""
        return texts(rows.rows, [rows.columns.index(name) for name in self.live.table.primary_key])

    def _is_any_there(self, rows: Rows) -> bool:
        return self._connection.execute(statements.any_key_there(self.live), self.keys(rows)).fetchone() is not None

    def _copy(self, statement: bytes, rows: Rows) -> None:
        check_times(self.live, rows)
        with self._connection.cursor() as cursor:
            write_canonical(cursor)
            with cursor.copy(statement) as copy:
                write = copy.write_row
                for row in rows.rows:
                    write(row)
