"""A look into PostgreSQL: at the tables that were filled, and at what the syncs say they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from connectors.hubspot.demo.changes import Question
from engine.contract import DestinationUnavailable

USER = DATABASE = "postgres"
"""As the embedded PostgreSQL is made."""

PORT = 5432
"""The number in the name of its socket."""

TABLES_WITH_DELETIONS = """
    SELECT tables.table_name, columns.column_name IS NOT NULL
    FROM information_schema.tables
    LEFT JOIN information_schema.columns
        ON columns.table_schema = tables.table_schema AND columns.table_name = tables.table_name
        AND columns.column_name = '_fivetran_deleted'
    WHERE tables.table_schema = current_schema
    ORDER BY tables.table_name
"""
STREAMS_OF_LAST_SYNC = """
    SELECT stream, records_read, rows_inserted, rows_updated, rows_deleted
    FROM penstock.sync_streams
    WHERE sync_id = (SELECT max(id) FROM penstock.syncs)
    ORDER BY stream
"""
SYNCS = "SELECT kind, took, records_read, api_calls FROM penstock.sync_history ORDER BY id"


@dataclass(frozen=True, slots=True)
class Count:
    """A table's rows, and how many of them are of records that are gone; None where rows cannot go."""

    table: str
    rows: int
    deleted: int | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What one stream of a sync read and changed."""

    stream: str
    read: int
    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True, slots=True)
class SyncFacts:
    """What one sync took."""

    kind: str
    took: timedelta
    read: int
    calls: int


class Tables:
    """A schema of the embedded PostgreSQL whose socket is in this folder, for the length of a `with` block."""

    def __init__(self, socket_folder: Path, schema: str) -> None:
        self._connection = psycopg.connect(
            host=str(socket_folder),
            port=PORT,
            user=USER,
            dbname=DATABASE,
            options=f"-c search_path={schema}",
            autocommit=True,
        )

    def counts(self) -> list[Count]:
        """All its tables, by name."""
        return [self._count(table, can_go=can_go) for table, can_go in self._rows(TABLES_WITH_DELETIONS)]

    def _count(self, table: str, *, can_go: bool) -> Count:
        gone = "count(*) FILTER (WHERE _fivetran_deleted)" if can_go else "NULL::bigint"
        query = sql.SQL("SELECT count(*), {} FROM {}").format(sql.SQL(gone), sql.Identifier(table))
        [(rows, deleted)] = self._rows(query)
        return Count(table, rows, deleted)

    def streams(self) -> list[Moved]:
        """What the last sync moved, by stream."""
        return [Moved(*row) for row in self._rows(STREAMS_OF_LAST_SYNC)]

    def syncs(self) -> list[SyncFacts]:
        """All syncs, the first one first."""
        return [SyncFacts(*row) for row in self._rows(SYNCS)]

    def answers(self, questions: Sequence[Question]) -> list[str]:
        """What is there now."""
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> str:
        found = self._rows(question.sql, (question.record_id,))
        return "no row" if not found or found[0][0] is None else str(found[0][0])

    def _rows(self, query: Any, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, parameters).fetchall()
        except psycopg.OperationalError as error:
            raise DestinationUnavailable(f"PostgreSQL does not answer any more: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
