"""What the views of the state database tell, for people to read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from engine.schedule.due import next_due
from engine.schedule.facts import of_all
from engine.state.database import Database


def connection_status(database: Database, *, staggered: bool) -> list[dict[str, Any]]:
    """One row for each connection: how it is now, what its last sync did, and `next_due`, when it is synced next."""
    due = {
        facts.connection_id: next_due(facts.schedule, facts.last, facts.now)
        for facts in of_all(database, staggered=staggered)
    }
    return [
        {**row, "next_due": due.get(row["id"])} for row in _rows(database, "SELECT * FROM penstock.connection_status")
    ]


def sync_history(database: Database, connection_id: str, *, limit: int) -> list[dict[str, Any]]:
    """The connection's last syncs, the newest first."""
    query = "SELECT * FROM penstock.sync_history WHERE connection_id = :id ORDER BY id DESC LIMIT :limit"
    return _rows(database, query, id=connection_id, limit=limit)


def _rows(database: Database, query: str, **parameters: Any) -> list[dict[str, Any]]:
    with database.autocommit() as connection:
        return [dict(row) for row in connection.execute(text(query), parameters).mappings()]
