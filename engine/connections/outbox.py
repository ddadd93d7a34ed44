"""Events on their way to webhooks, written in the transaction of what they tell: none is lost, none is made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import TextClause, text

from engine.connections.status import PERSON_MUST_ACT
from engine.state.models import Connection

EVENTS_BY_KIND = {
    "created": "create_connector",
    "updated": "edit_connector",
    "paused": "pause_connector",
    "resumed": "resume_connector",
    "deleted": "delete_connector",
    "delayed": "connection_delayed",
    "sync_requested": "force_update_connector",
    "resync_requested": "resync_connector",
    "tables_resync_requested": "resync_table",
}
"""The webhook event of each kind of `penstock.events` that has one."""

NEVER = (
    *("status", "dbt_run_start", "dbt_run_succeeded", "dbt_run_failed"),
    *("transformation_start", "transformation_succeeded", "transformation_failed"),
)
"""Events of things that there are none of here."""

KNOWN_EVENTS = (
    *("sync_start", "sync_end", "connection_successful", "connection_failure"),
    *EVENTS_BY_KIND.values(),
    *NEVER,
)
"""What a webhook can ask for."""

_PUT = text("""
    INSERT INTO penstock.webhook_deliveries (webhook_id, payload)
    SELECT id, CAST(:payload AS jsonb) FROM penstock.webhooks
    WHERE active AND events @> CAST(:event AS jsonb) AND (group_id IS NULL OR group_id = :group)
""")


class Transaction(Protocol):
    """A session or a connection of SQLAlchemy, within a transaction."""

    def execute(self, statement: TextClause, parameters: dict[str, Any], /) -> Any:
        """Execute a statement."""


def announce(
    changing: Transaction, connection: Connection, event: str, data: dict[str, Any], *, sync_id: int | None = None
) -> None:
    """Put an event of the connection in the way of every active webhook that asks for it."""
    payload = {
        "event": event,
        "created": f"{datetime.now(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z",
        "connector_type": connection.service,
        "connector_id": connection.id,
        "connector_name": connection.schema,
        "sync_id": None if sync_id is None else str(sync_id),
        "group_id": connection.group_id,
        "destination_group_id": connection.group_id,
        "data": data,
    }
    changing.execute(_PUT, {"payload": json.dumps(payload), "event": json.dumps([event]), "group": connection.group_id})


def announce_end(
    changing: Transaction,
    connection: Connection,
    sync_id: int,
    outcome: str,
    *,
    error_code: str | None,
    error: str | None,
) -> None:
    """Tell that a sync has ended, and how."""
    if outcome == "failed":
        word = "FAILURE_WITH_TASK" if error_code in PERSON_MUST_ACT else "FAILURE"
    else:
        word = {"succeeded": "SUCCESSFUL", "cancelled": "CANCELED"}.get(outcome, outcome.upper())
    data = {"status": word, **({"reason": error} if error else {})}
    announce(changing, connection, "sync_end", data, sync_id=sync_id)


def announce_setup(changing: Transaction, connection: Connection) -> None:
    """Tell what the setup tests came to."""
    good = connection.setup_state == "connected"
    event = "connection_successful" if good else "connection_failure"
    announce(changing, connection, event, {"status": connection.setup_state})
