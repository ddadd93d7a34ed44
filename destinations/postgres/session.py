"""The one open door to a schema."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TypeAlias

import psycopg

from destinations.postgres import bookkeeping
from destinations.postgres.careful import load_carefully
from destinations.postgres.connect import Connection
from destinations.postgres.describing import Described, describe
from destinations.postgres.erasing import erase
from destinations.postgres.errors import CALLS_FOR_CARE, translated
from destinations.postgres.held import Held
from destinations.postgres.load import load
from destinations.postgres.locks import naming_the_holder
from destinations.postgres.merge import Partial
from destinations.postgres.shape import LiveTable, hold, notices, prepare, unchanged
from engine.contract import Batch, Cursor, DestinationUnavailable, Loaded, Prepared, Present, Row, Rows, Table

_Load: TypeAlias = Callable[[Connection, dict[str, LiveTable], Sequence[Batch]], Loaded]


class PostgresSession:
    """Loads into one schema over one connection, whose advisory lock keeps others out until it ends.

    Batches are kept until `commit`, so that no transaction is open while the source is read, and so that a commit that
    fails because of its data can be done again with care. Callers bound them by committing often enough.
    """

    def __init__(self, connect: Callable[[], Connection], connection: Connection, schema: str, where: str) -> None:
        self._connection = connection
        self._held = Held(connect, where, loader=connection.info.backend_pid)
        self._schema = schema
        self._where = where
        self._found: dict[str, Described] | None = None
        self._tables: dict[str, LiveTable] = {}
        self._staged: list[Batch] = []

    def cursors(self) -> Mapping[str, Cursor]:
        """Each stream's cursor as last committed."""
        with self._told():
            return bookkeeping.cursors(self._connection, self._schema)

    def forget(self, streams: Iterable[str]) -> None:
        """Drop the cursors of these streams; no row is touched."""
        with self._told():
            bookkeeping.forget_cursors(self._connection, self._schema, streams)

    def prepare(self, table: Table, streams: Iterable[str] = ()) -> Prepared:
        """Make the table or change it; costs nothing when the same was asked before in this session."""
        known = self._tables.get(table.name)
        if known is not None and known.table == table:
            return Prepared()
        live = self._unchanged(table)
        if live is not None:
            self._tables[table.name] = live
            return Prepared(notices=notices(live))
        with self._told(), self._connection.transaction():
            live, prepared = prepare(self._connection, self._schema, table)
            if prepared.made and known is not None:
                raise DestinationUnavailable(f"The table {self._schema}.{table.name} was dropped while it was loaded.")
            if prepared.made or prepared.empty:
                forgotten = bookkeeping.forget_cursors(self._connection, self._schema, streams)
                prepared = replace(prepared, forgotten=forgotten)
        self._tables[table.name] = live
        return prepared

    def _unchanged(self, table: Table) -> LiveTable | None:
        """The table as the session found it when it first asked, if it is as it has to be; each is worth asking for once."""
        if self._found is None:
            with self._told():
                self._found = describe(self._connection, self._schema)
        there = self._found.pop(table.name, None)
        return unchanged(self._schema, table, there) if there else None

    def lacking(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> Sequence[Row]:
        """Those of the rows that a prepared table does not hold just so, as far as is committed. Thread-safe."""
        return [rows[n] for n in self._held.lacking(self._tables[table], Rows(table, columns, rows))]

    def holds_any(self, table: str) -> bool:
        """Whether a prepared table has any row at all. Thread-safe."""
        return self._held.any_row(self._tables[table])

    def erase(self, table: str, columns: Collection[str]) -> None:
        """Take the values of these columns out of the table, and out of what was set aside."""
        with self._told(), self._connection.transaction():
            erase(self._connection, self._schema, table, columns)

    def write(self, batch: Batch) -> None:
        """Keep a batch of a prepared table for the next commit.

        Raises:
            ValueError: the batch contradicts its table as it was prepared.
        """
        if self._connection.closed:
            raise DestinationUnavailable(f"The connection to PostgreSQL at {self._where} is closed.")
        live = _checked(batch, self._tables)
        if isinstance(batch, Rows) and len(batch.columns) < len(live.table.columns):
            batch = Partial(batch.table, batch.columns, batch.rows, batch.deleted)
        self._staged.append(batch)

    def commit(self, stream: str, cursor: Cursor) -> Loaded:
        """Merge what is staged and move the stream's cursor, in one transaction; or do neither and raise."""
        batches, self._staged = self._staged, []
        with self._told():
            try:
                return self._commit(load, batches, stream, cursor)
            except CALLS_FOR_CARE:
                return self._commit(load_carefully, batches, stream, cursor)

    def close(self) -> None:
        """Drop what is staged and open the schema to others."""
        # The server frees the lock by itself, but only some time after the connection is gone.
        with suppress(psycopg.Error):
            self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._connection.close()
        self._held.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What PostgreSQL raises, in the words of the contract."""
        with translated(self._where), naming_the_holder(self._connection, self._schema, self._where):
            yield

    def _commit(self, load_all: _Load, batches: Sequence[Batch], stream: str, cursor: Cursor) -> Loaded:
        tables = dict(self._tables)
        with self._connection.transaction():
            hold(self._connection, {batch.table: tables[batch.table] for batch in batches})
            loaded = load_all(self._connection, tables, batches)
            bookkeeping.save_cursor(self._connection, self._schema, stream, cursor)
        self._tables = tables
        return loaded


def _checked(batch: Batch, tables: Mapping[str, LiveTable]) -> LiveTable:
    """The table of a batch that can be loaded into it."""
    live = tables.get(batch.table)
    problem = _problem(batch, live, tables) if live else "is not prepared"
    if live is None or problem:
        msg = f"table {batch.table} {problem}"
        raise ValueError(msg)
    return live


def _problem(batch: Batch, live: LiveTable, tables: Mapping[str, LiveTable]) -> str | None:
    if not live.table.soft_delete and (not isinstance(batch, Rows) or batch.deleted):
        return "has no soft delete: none of its rows can go"
    if isinstance(batch, Present):
        return _problem_of_present(batch, live, tables)
    unknown = set(batch.columns).difference(live.table.column_names if isinstance(batch, Rows) else live.types)
    if unknown:
        return f"has no columns {', '.join(sorted(unknown))}"
    if isinstance(batch, Rows) and not set(batch.columns) >= set(live.table.primary_key):
        return f"is given rows without their key ({', '.join(live.table.primary_key)})"
    return None


def _problem_of_present(batch: Present, live: LiveTable, tables: Mapping[str, LiveTable]) -> str | None:
    if (batch.column,) not in (live.table.primary_key, *live.table.lookups):
        return f"has the key ({', '.join(live.table.primary_key)}), not ({batch.column})"
    for name, column in batch.dependents:
        dependent = tables.get(name)
        if dependent is None or column not in dependent.types or not dependent.table.soft_delete:
            return f"has a dependent {name}.{column} that is not prepared, or whose rows cannot go"
    return None
