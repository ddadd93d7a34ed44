"""What one commit does when its data is not as it should be: nothing is lost in silence, and nothing holds up the rest.

Characters that PostgreSQL has no place for are replaced, a value that does not fit its column widens the column, and a
row that still cannot be stored is set aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice

from psycopg import errors as pg

from destinations.postgres.arrays import Texts
from destinations.postgres.bookkeeping import save_reject
from destinations.postgres.cleaning import cleaned
from destinations.postgres.connect import Connection
from destinations.postgres.errors import UNSTORABLE
from destinations.postgres.fitting import fitting_type, misfits
from destinations.postgres.folding import movable
from destinations.postgres.load import by_table, load_table, remove_absent
from destinations.postgres.merge import TableLoad, texts
from destinations.postgres.room import OVERFLOW, at_least
from destinations.postgres.shape import LiveTable, widen, with_overflow
from engine.contract import Batch, ColumnType, Loaded, Present, Row, Rows

_SHOWN = 40
"""How much of a value a message repeats, in characters."""


def load_carefully(connection: Connection, tables: dict[str, LiveTable], batches: Sequence[Batch]) -> Loaded:
    """Bring the batches into their tables, within the caller's transaction; `tables` gets the shapes that had to widen.

    Raises:
        DestinationRefused: something depends on the type of a column that has to be widened.
    """
    loaded = Loaded()
    loadable: list[Batch] = []
    for name, its_batches in by_table(batches).items():
        table = _CarefulLoad(connection, tables[name])
        its_loadable = table.loadable(its_batches)
        loaded += table.load(its_loadable)
        loadable += its_loadable
        tables[name] = table.live
    return loaded + remove_absent(connection, tables, loadable)


class _CarefulLoad:
    """Loads one table within one transaction, and lives as long as that."""

    def __init__(self, connection: Connection, live: LiveTable) -> None:
        self.live = live
        self._connection = connection
        self._notices: list[str] = []
        self._reasons: list[str] = []
        self._narrowed: list[str] = []
        self._replaced = 0

    def loadable(self, batches: Sequence[Batch]) -> list[Batch]:
        """The batches as they can be loaded, once the table is wide enough."""
        batches = self._cleaned(batches)
        self._widen([batch for batch in batches if isinstance(batch, Rows)])
        return [self._with_fitting_keys(batch) for batch in batches]

    def load(self, batches: Sequence[Batch]) -> Loaded:
        """Bring in what is loadable, but for rows that turn out not to be."""
        target = TableLoad(self._connection, self.live)
        loaded = load_table(target, batches, lambda rows: self._merge(target, target.latest(rows, ask=True)))
        if self._replaced and loaded != Loaded():
            self._notices.append(
                f"{self.live.table.name}: {self._replaced} values held NUL characters, which were removed, "
                "or halves of surrogate pairs, which became U+FFFD"
            )
        if self._narrowed:
            self._notices.append(
                f"{self.live.table.name}: {len(self._narrowed)} rows were too large, so that their largest values are in "
                f"the column {OVERFLOW}. {self._narrowed[0]}"
            )
        if self._reasons:
            self._notices.append(
                f"{self.live.table.name}: {len(self._reasons)} rows could not be stored and are in penstock.rejects, "
                f"the first because {self._reasons[0]}"
            )
        return loaded + Loaded(rejected=len(self._reasons), notices=self._notices)

    def _cleaned(self, batches: Sequence[Batch]) -> list[Batch]:
        results = [cleaned(batch) for batch in batches]
        self._replaced = sum(count for _, count in results)
        return [batch for batch, _ in results]

    def _widen(self, batches: Sequence[Rows]) -> None:
        """Widen the columns that do not hold their values. Keys keep their types: people join on them."""
        types: dict[str, str] = {}
        misfit: dict[str, str | None] = {}
        for name, live in self.live.types.items():
            if name in self.live.table.primary_key or live == ColumnType.TEXT:
                continue
            with_column = [batch for batch in batches if name in batch.columns]
            if not with_column:
                continue
            cells = Texts(chain.from_iterable(texts(b.rows, [b.columns.index(name)])[0] for b in with_column))
            for position in islice(misfits(self._connection, cells, live), 1):
                types[name] = fitting_type(self._connection, cells, live)
                misfit[name] = cells[position]
        self.live, changes = widen(self._connection, self.live, types)
        self._notices += [f"{change} because of '{_shown(misfit[name])}'" for name, change in changes.items()]

    def _with_fitting_keys(self, batch: Batch) -> Batch:
        """The batch without keys that cannot be: rows of them are set aside, other batches have nothing to do for them."""
        if isinstance(batch, Present):
            unknown = self._misfits([(key,) for key in batch.keys], [batch.column], [0])
            return replace(batch, keys=[key for position, key in enumerate(batch.keys) if position not in unknown])
        if not isinstance(batch, Rows):
            unknown = self._misfits(batch.keys, batch.columns, range(len(batch.columns)))
            return replace(batch, keys=[key for position, key in enumerate(batch.keys) if position not in unknown])
        primary_key = self.live.table.primary_key
        positions = [batch.columns.index(name) for name in primary_key]
        unknown = self._misfits(batch.rows, primary_key, positions)
        unknown |= {n for n, row in enumerate(batch.rows) if any(row[position] is None for position in positions)}
        for n in sorted(unknown):
            self._reject(batch, batch.rows[n], "its key is empty or does not fit the key's type")
        return replace(batch, rows=[row for n, row in enumerate(batch.rows) if n not in unknown])

    def _misfits(self, rows: Sequence[Row], columns: Sequence[str], positions: Iterable[int]) -> set[int]:
        of_columns = zip(columns, texts(rows, positions), strict=True)
        return {n for name, cells in of_columns for n in misfits(self._connection, cells, self.live.types[name])}

    def _merge(self, target: TableLoad, rows: Rows) -> Loaded:
        """Merge all of it, or each half on its own, down to the row that cannot be stored."""
        try:
            with self._connection.transaction():
                return target.merge(rows)
        except UNSTORABLE as error:
            if len(rows.rows) == 1:
                return self._merge_row(target, rows, error)
        middle = len(rows.rows) // 2
        halves = (rows.rows[:middle], rows.rows[middle:])
        return sum((self._merge(target, replace(rows, rows=half)) for half in halves), Loaded())

    def _merge_row(self, target: TableLoad, row: Rows, error: Exception) -> Loaded:
        """Merge a row that cannot be stored as it is: without its widest values if that helps, which go to the overflow."""
        reason = f"PostgreSQL says: {error}".splitlines()[0]
        widths = movable(self.live, row) if isinstance(error, pg.ProgramLimitExceeded) else {}
        for count in _doubling(at_least(list(widths.values())), len(widths)):
            with suppress(*UNSTORABLE, pg.TooManyColumns), self._connection.transaction():
                target.live = with_overflow(self._connection, self.live)
                loaded = target.merge(row, list(widths)[:count])
                self.live = target.live
                self._narrowed += [reason] if loaded != Loaded() else []
                return loaded
            target.live = self.live
        self._reject(row, row.rows[0], reason)
        return Loaded()

    def _reject(self, rows: Rows, row: Row, reason: str) -> None:
        cells = dict(zip(rows.columns, row, strict=True))
        key = {name: cells[name] for name in self.live.table.primary_key}
        save_reject(self._connection, self.live.schema, self.live.table.name, key=key, row=cells, reason=reason)
        self._reasons.append(reason)


def _doubling(first: int, limit: int) -> Iterator[int]:
    """The first, its double and so on, and the limit at last."""
    count = max(1, first)
    while count < limit:
        yield count
        count *= 2
    if limit:
        yield limit


def _shown(value: str | None) -> str:
    text = value or ""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
