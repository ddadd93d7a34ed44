"""A schema beside an image of its source, which is made of temporary tables."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import psycopg
from psycopg import sql

from destinations.postgres import bookkeeping
from destinations.postgres.careful import load_carefully
from destinations.postgres.connect import Connection
from destinations.postgres.describing import describe
from destinations.postgres.differing import Differing
from destinations.postgres.errors import CALLS_FOR_CARE, translated
from destinations.postgres.held import Held
from destinations.postgres.load import load
from destinations.postgres.merge import Partial
from destinations.postgres.queries import identifiers, query
from destinations.postgres.room import OVERFLOW
from destinations.postgres.shape import LiveTable, prepare
from engine.contract import (
    ACTIVE,
    START,
    Batch,
    Cursor,
    DestinationUnavailable,
    Loaded,
    Prepared,
    Row,
    Rows,
    Table,
    TableDifferences,
)


class PostgresVerification:
    """Loads into temporary tables of one connection, whose advisory lock keeps loaders out of the schema.

    Tables and lock end with the connection, however it ends. The image's tables have the names and types that the
    schema's have, and what is loaded is cleaned, widened and rejected as it is there. From `narrow` on there is a second
    set of them, which holds what the schema has of the rows that differ.
    """

    def __init__(self, connection: Connection, schema: str, where: str) -> None:
        self._connection = connection
        self._using = threading.RLock()
        self._held = Held(lambda: connection, where)
        self._schema = schema
        self._where = where
        self._stored: dict[str, LiveTable] = {}
        self._image: dict[str, LiveTable] = {}
        self._kept: dict[str, LiveTable] = {}
        self._source: dict[str, Table] = {}
        self._differing: dict[str, Differing] = {}
        self._narrowed = False
        self._staged: list[Batch] = []
        with translated(where):
            connection.execute(query("create_verification"))
            connection.execute(query("create_same"))
            ((self._temporary,),) = connection.execute("SELECT pg_my_temp_schema()::regnamespace::text").fetchall()
            self._cursors = bookkeeping.cursors(connection, schema)

    def cursors(self) -> Mapping[str, Cursor]:
        """The schema's cursors, as this session moves them for itself."""
        return dict(self._cursors)

    def forget(self, streams: Iterable[str]) -> None:
        """Drop the cursors of these streams for this session."""
        for stream in streams:
            self._cursors.pop(stream, None)

    def prepare(self, table: Table, streams: Iterable[str] = ()) -> Prepared:  # noqa: ARG002 - no cursor is its own
        """Make the table's image or change it; costs nothing when the same was asked before."""
        table = replace(table, history=False)  # an image has no past
        self._source.setdefault(table.name, table)
        image = self._image.get(table.name)
        if image is not None and image.table == table:
            return Prepared()
        with self._use() as connection, connection.transaction():
            stored = _as_stored(connection, self._schema, table)
            if stored is not None:
                self._stored[table.name] = stored
                if image is None:
                    _copy(connection, stored, table.name, sql.SQL("false"))
            self._image[table.name], prepared = prepare(connection, self._temporary, table)
            if self._narrowed:
                self._prepare_kept(table)
        return prepared

    def lacking(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> Sequence[Row]:
        """Those of the rows that the image does not hold just so; from `narrow` on, the schema's table. Thread-safe."""
        with self._using:
            held = self._held_table(table)
            if held is None or not set(columns) <= {*held.types, *(held.overflow or ())}:
                return rows
            return [rows[n] for n in self._held.lacking(held, Rows(table, columns, rows))]

    def holds_any(self, table: str) -> bool:
        """Whether the image has any row of the table; from `narrow` on, the schema's table. Thread-safe."""
        with self._using:
            held = self._held_table(table)
            return held is not None and self._held.any_row(held)

    def erase(self, table: str, columns: Collection[str]) -> None:
        """Nothing: the schema is not written to."""

    def write(self, batch: Batch) -> None:
        """Keep a batch of a prepared table for the next commit."""
        if self._connection.closed:
            raise DestinationUnavailable(f"The connection to PostgreSQL at {self._where} is closed.")
        if isinstance(batch, Rows) and len(batch.columns) < len(self._image[batch.table].table.columns):
            batch = Partial(batch.table, batch.columns, batch.rows, batch.deleted)
        self._staged.append(batch)

    def commit(self, stream: str, cursor: Cursor) -> Loaded:
        """Bring what is staged into the image, and into what is kept of the schema once there is that."""
        batches, self._staged = self._staged, []
        with self._use():
            if self._narrowed:
                self._load(self._kept, batches)
            loaded = self._load(self._image, batches)
        self._cursors[stream] = cursor
        return loaded

    def narrow(self, tables: Collection[str]) -> int:
        """Compare the image with the schema, or with what is kept of it by now, and go on with what differs."""
        with self._use() as connection, connection.transaction():
            for setting in ("enable_hashjoin", "enable_mergejoin", "enable_seqscan"):
                connection.execute("SELECT set_config(%s, 'on', true)", [setting])
            if self._narrowed:
                for name, differing in self._differing.items():
                    differing.find(self._kept[name], self._image[name])
            else:
                for name in self._image:
                    self._keep(name, compared=name in tables)
                self._narrowed = True
                self._cursors = bookkeeping.cursors(connection, self._schema)
            return sum(differing.count for differing in self._differing.values())

    def differences(self) -> Sequence[TableDifferences]:
        """What `narrow` found last, table by table."""
        with self._use():
            return [each.tell(self._kept[name], self._image[name]) for name, each in self._differing.items()]

    def close(self) -> None:
        """End the connection, and with it the image and the lock."""
        # The server frees the lock by itself, but only some time after the connection is gone.
        with suppress(psycopg.Error):
            self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._connection.close()

    @contextmanager
    def _use(self) -> Iterator[Connection]:
        with self._using, translated(self._where):
            yield self._connection

    def _held_table(self, table: str) -> LiveTable | None:
        return (self._stored if self._narrowed else self._image).get(table)

    def _keep(self, name: str, *, compared: bool) -> None:
        """Set aside what the schema has of the rows that differ, and leave nothing else in the image."""
        stored, image = self._stored.get(name), self._image[name]
        rows: sql.Composable = sql.SQL("false")
        if compared:
            self._differing[name] = differing = Differing(
                self._connection, self._schema, self._source[name], len(self._differing)
            )
            differing.find(stored, image)
            rows = differing.contain(image)
            forget_same = sql.SQL("DELETE FROM {} AS s WHERE NOT {}").format(image.identifier, rows)
            self._connection.execute(forget_same)
        if stored is not None:
            _copy(self._connection, stored, self._name_of_kept(name), rows)
        self._prepare_kept(image.table)

    def _prepare_kept(self, table: Table) -> None:
        kept = replace(table, name=self._name_of_kept(table.name))
        self._kept[table.name], _ = prepare(self._connection, self._temporary, kept)

    def _name_of_kept(self, table: str) -> str:
        return f"#kept {list(self._image).index(table)}"

    def _load(self, side: dict[str, LiveTable], batches: Sequence[Batch]) -> Loaded:
        try:
            with self._connection.transaction():
                return load(self._connection, side, batches)
        except CALLS_FOR_CARE:
            tables = dict(side)
            with self._connection.transaction():
                loaded = load_carefully(self._connection, tables, batches)
                self._connection.execute(query("take_rejects"), {"schema": self._temporary})
            side.update(tables)
            return loaded


def _as_stored(connection: Connection, schema: str, table: Table) -> LiveTable | None:
    """The table as the schema has it, whatever it lacks; None where there is no such table."""
    described = describe(connection, schema, table.name).get(table.name)
    there = described.types if described else {}
    types = {name: there[name] for name in (*table.column_names, OVERFLOW) if name in there}
    overflow = frozenset(table.column_names).difference(there) if OVERFLOW in there else None
    return LiveTable(schema, replace(table, history=START in there), types, overflow) if there else None


def _copy(connection: Connection, stored: LiveTable, name: str, rows: sql.Composable) -> None:
    """Some rows of a table, by the same key; of one with history, versions that are true."""
    if stored.table.history:
        rows = sql.SQL("{} AND s.{}").format(rows, sql.Identifier(ACTIVE))
    key, copy = identifiers(stored.table.primary_key), sql.Identifier(name)
    columns = identifiers((*stored.types, *stored.markers))
    make = query("create_copy").format(copy=copy, columns=columns, stored=stored.identifier, rows=rows)
    connection.execute(make)
    connection.execute(sql.SQL("ALTER TABLE pg_temp.{} ADD PRIMARY KEY ({})").format(copy, key))
