"""A connection as the REST interface and `--json` show it: the response object of /v1/connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from engine.connections import status
from engine.connections.blocks import schedule_block
from engine.connections.status import Ran
from engine.connections.store import Look
from engine.contract import SetupTest
from engine.state.models import Connection


def connection_document(connection: Connection, last: Ran | None, now: datetime) -> dict[str, Any]:
    """The connection without its credentials, as JSON values."""
    return {
        "id": connection.id,
        "group_id": connection.group_id,
        "service": connection.service,
        "service_version": connection.service_version,
        "schema": connection.schema,
        "connected_by": connection.connected_by,
        "created_at": timestamp(connection.created_at),
        "succeeded_at": timestamp(connection.succeeded_at),
        "failed_at": timestamp(connection.failed_at),
        "paused": connection.paused,
        "pause_after_trial": connection.pause_after_trial,
        "sync_frequency": connection.sync_frequency,
        "schedule_type": connection.schedule_type,
        "daily_sync_time": connection.daily_sync_time,
        "schedule": schedule_block(connection.schedule_type, connection.sync_frequency, connection.daily_sync_time),
        "data_delay_sensitivity": connection.data_delay_sensitivity,
        "data_delay_threshold": connection.data_delay_threshold,
        "networking_method": connection.networking_method,
        "proxy_agent_id": connection.proxy_agent_id,
        "private_link_id": connection.private_link_id,
        "hybrid_deployment_agent_id": connection.hybrid_deployment_agent_id,
        "local_processing_agent_id": connection.local_processing_agent_id,
        **(connection.kept or {}),
        "connect_card_config": connection.connect_card_config,
        "source_sync_details": {"last_synced": timestamp(connection.succeeded_at)} if connection.succeeded_at else {},
        "status": {
            "setup_state": connection.setup_state,
            "sync_state": status.sync_state(connection, last, now),
            "update_state": status.update_state(connection, now),
            "is_historical_sync": connection.is_historical_sync,
            "rescheduled_for": timestamp(status.rescheduled_for(connection, last, now)),
            "schema_status": "ready",
            "tasks": status.tasks(connection, last),
            "warnings": status.warnings(last),
        },
        "config": {"schema": connection.schema, **connection.config},
    }


def look_document(look: Look) -> dict[str, Any]:
    """The same, of a connection that was looked at."""
    return connection_document(look.connection, look.last, look.now)


SYNC_STATUS = {
    "running": "RUNNING",
    "succeeded": "COMPLETED",
    "failed": "FAILURE_WITH_TASK",
    "rescheduled": "RESCHEDULED",
    "cancelled": "CANCELED",
    "interrupted": "TRUNCATED",
}
"""A sync's outcome in the words that clients of Fivetran's look for; they take any other for one that is not over."""


def sync_documents(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Syncs, as the view `sync_history` has them, as JSON values."""
    return [
        {
            "id": str(row["id"]),
            "start": timestamp(row["started"]),
            "end": timestamp(row["finished_at"]),
            "status": SYNC_STATUS[row["outcome"]],
            "historical": row["kind"] == "historical",
            "rows": row["rows_inserted"] + row["rows_updated"] + row["rows_deleted"],
            "reason": row["error"],
        }
        for row in rows
    ]


def setup_test_documents(tests: Iterable[SetupTest]) -> list[dict[str, Any]]:
    """Setup tests as JSON values."""
    return [
        {"title": test.title, "status": test.status.value, "message": test.message, "details": test.details}
        for test in tests
    ]


def timestamp(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with microseconds and Z; None stays None."""
    return None if at is None else f"{at.astimezone(UTC).isoformat(timespec='microseconds').removesuffix('+00:00')}Z"
