"""What one commit does, as long as the data is as it should be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, groupby

from destinations.postgres.arrays import Texts
from destinations.postgres.connect import Connection
from destinations.postgres.merge import TableLoad, texts
from destinations.postgres.shape import LiveTable
from engine.contract import Batch, Complete, Deletion, Loaded, Present, Row, Rows


def load(connection: Connection, tables: Mapping[str, LiveTable], batches: Sequence[Batch]) -> Loaded:
    """Bring the batches into their tables, within the caller's transaction.

    Raises one of `errors.CALLS_FOR_CARE` where the data does not let that happen; the transaction has failed then.
    """
    loaded = Loaded()
    for name, its_batches in by_table(batches).items():
        target = TableLoad(connection, tables[name])
        loaded += load_table(target, its_batches, target.add)
    return loaded + remove_absent(connection, tables, batches)


def remove_absent(connection: Connection, tables: Mapping[str, LiveTable], batches: Sequence[Batch]) -> Loaded:
    """Take the batches' word for what is present, once all their rows are in: the rest is gone, with what hangs on it."""
    loaded = Loaded()
    for present in (batch for batch in batches if isinstance(batch, Present)):
        rows = (batch for batch in batches if isinstance(batch, Rows) and batch.table == present.table)
        of_rows = (
            (batch.rows, batch.columns.index(present.column)) for batch in rows if present.column in batch.columns
        )
        given = Texts(key for its_rows, position in of_rows for key in texts(its_rows, [position])[0])
        for table, column in ((present.table, present.column), *present.dependents):
            gone = TableLoad(connection, tables[table]).remove_absent(
                replace(present, table=table, column=column), given
            )
            loaded += Loaded(deleted=len(gone))
    return loaded


def by_table(batches: Iterable[Batch]) -> dict[str, list[Batch]]:
    """The batches of each table, in their order."""
    tables: defaultdict[str, list[Batch]] = defaultdict(list)
    for batch in batches:
        tables[batch.table].append(batch)
    return tables


def load_table(target: TableLoad, batches: Sequence[Batch], add: Callable[[Rows], Loaded]) -> Loaded:
    """Bring the batches of one table in: its rows by way of `add`, then deletions, then what is complete."""
    rows = [batch for batch in batches if isinstance(batch, Rows)]
    loaded = Loaded()
    for run in _runs(rows):
        loaded += add(run)
    for columns, keys in _by_columns(batch for batch in batches if isinstance(batch, Deletion)):
        loaded += target.remove(columns, keys)
    completes = [batch for batch in batches if isinstance(batch, Complete)]
    if completes:
        given = [Texts(chain(*column)) for column in zip(*map(target.keys, rows), strict=True)]
        for columns, keys in _by_columns(completes):
            loaded += target.remove(columns, keys, given)
    return loaded


def _runs(batches: Iterable[Rows]) -> Iterator[Rows]:
    """Neighbouring batches of the same form as one."""
    for _, run in groupby(batches, key=lambda batch: (type(batch), batch.columns, batch.deleted)):
        of_run = list(run)
        yield replace(of_run[0], rows=list(chain.from_iterable(batch.rows for batch in of_run)))


def _by_columns(batches: Iterable[Deletion | Complete]) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """All keys of the same columns together."""
    keys: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for batch in batches:
        keys[batch.columns].extend(batch.keys)
    return iter(keys.items())
