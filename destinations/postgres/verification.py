"""The image of a source beside a schema, both told apart where they are."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import psycopg
from psycopg import sql

from destinations.postgres import bookkeeping, statements
from destinations.postgres.careful import load_carefully
from destinations.postgres.connect import Connection
from destinations.postgres.differing import Differing
from destinations.postgres.errors import CALLS_FOR_CARE, translated
from destinations.postgres.load import load
from destinations.postgres.merge import texts
from destinations.postgres.queries import identifiers, query
from destinations.postgres.shape import LiveTable, prepare
from engine.contract import (
    Batch,
    Cursor,
    DestinationUnavailable,
    Loaded,
    Present,
    Row,
    Table,
    TableDifferences,
)

_FOR_WHOLE_TABLES = ("enable_hashjoin", "enable_mergejoin", "enable_seqscan")
"""What a load does without, since it must find its few rows by index."""


class PostgresVerification:
    """Loads into temporary tables of one connection, whose advisory lock keeps loaders out of the schema.

    Both end with the connection, however it ends. The image's tables have the names and the types that the schema's
    have; what is loaded is staged, merged, cleaned, widened and rejected as it is for the schema.
    """

    def __init__(self, connection: Connection, schema: str, where: str) -> None:
        self._connection = connection
        self._using = threading.RLock()
        """Sources ask what is held from threads of their own."""
        self._schema = schema
        self._where = where
        self._stored: dict[str, LiveTable] = {}
        self._image: dict[str, LiveTable] = {}
        self._kept: dict[str, LiveTable] = {}
        """What the schema has of the rows that differ."""
        self._differing: dict[str, Differing] = {}
        self._staged: list[Batch] = []
        with self._use() as connection:
            connection.execute(query("create_verification"))
            (self._temporary,) = connection.execute("SELECT pg_my_temp_schema()::regnamespace::text").fetchone() or ("",)
            self._cursors = bookkeeping.cursors(connection, schema)

    def cursors(self) -> Mapping[str, Cursor]:
        """The schema's cursors, as this session alone moves them."""
        return dict(self._cursors)

    def forget(self, streams: Iterable[str]) -> None:
        """Drop the cursors of these streams, in this session alone."""
        for stream in streams:
            self._cursors.pop(stream, None)

    def prepare(self, table: Table) -> Sequence[str]:
        """Make the table's image or change it, as the table would be."""
        image = self._image.get(table.name)
        if image is not None and image.table == table:
            return ()
        with self._use() as connection, connection.transaction():
            self._stored.pop(table.name, None)
            if stored := _as_stored(connection, self._schema, table):
                self._stored[table.name] = stored
            if image is None and stored:
                _make_image(connection, stored)
            self._image[table.name], changes = prepare(connection, self._temporary, table)
            if kept := self._kept.get(table.name):
                self._kept[table.name], _ = prepare(connection, self._temporary, replace(table, name=kept.table.name))
        return changes
