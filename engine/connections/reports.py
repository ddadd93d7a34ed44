"""What the views of the state database tell, for people to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, text

from engine.state.database import Database


def connection_status(database: Database) -> Sequence[RowMapping]:
    """One row for each connection: how it is now, and what its last sync did."""
    return _rows(database, "SELECT * FROM penstock.connection_status")


def sync_history(database: Database, name: str, *, limit: int) -> Sequence[RowMapping]:
    """The last syncs of the connections of this name, the newest first."""
    query = "SELECT * FROM penstock.sync_history WHERE name = :name ORDER BY id DESC LIMIT :limit"
    return _rows(database, query, name=name, limit=limit)


def _rows(database: Database, query: str, **parameters: Any) -> Sequence[RowMapping]:
    with database.autocommit() as connection:
        return connection.execute(text(query), parameters).mappings().all()
