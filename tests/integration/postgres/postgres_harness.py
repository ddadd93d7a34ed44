"""PostgreSQL under test, with the eyes and the scissors of somebody else who is connected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from engine.contract import Destination

OURS = "datname = current_database() AND application_name = 'penstock'"


@dataclass
class Harness:
    """See `engine.contract.testing.DestinationHarness`."""

    url: str
    destination: Destination
    person: psycopg.Connection[Any]
    """Somebody else who is connected, in autocommit mode."""

    def read(self, schema: str, table: str) -> list[dict[str, str | None]]:
        statement = sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, table))
        rows = self.person.cursor(row_factory=dict_row).execute(statement, prepare=False).fetchall()
        return [{name: _text(value) for name, value in row.items()} for row in rows]

    def cut(self) -> None:
        self.person.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS}")
        while self.person.execute(f"SELECT FROM pg_stat_activity WHERE {OURS}").fetchone() is not None:
            pass

    def type_of(self, schema: str, table: str, column: str) -> str:
        statement = "SELECT data_type FROM information_schema.columns WHERE (table_schema, table_name, column_name) = (%s, %s, %s)"
        row = self.person.execute(statement, [schema, table, column]).fetchone()
        assert row is not None, column
        return str(row[0])


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        case _:
            return str(value)
