"""The views tell a person with psql the same as the rest of the product tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from engine.connections import status
from engine.connections.reports import connection_status, sync_history
from engine.state.database import Database
from engine.state.models import Connection, Sync

HOUR = timedelta(hours=1)


def store(
    database: Database, connection: dict[str, Any], *syncs: dict[str, Any], name: str = "crm"
) -> tuple[Connection, Sync | None]:
    stored = Connection(id=name, group_id="default", service="hubspot", schema=name, config={}, **connection)
    last = None
    with database.session() as session:
        session.add(stored)
        session.flush()
        for sync in syncs:
            last = Sync(connection_id=name, trigger="schedule", **{"historical": False, **sync})
            session.add(last)
            session.flush()
    return stored, last


def test_the_view_and_the_rules_name_the_same_sync_state(database: Database) -> None:
    now = datetime.now(UTC)
    runs = [(None, 0), ("succeeded", 0), ("running", 0), ("running", 50), ("running", 70)]
    expected = {}
    for number, (paused, later, (outcome, silent_for)) in enumerate(product([False, True], [None, HOUR, -HOUR], runs)):
        syncs = [{"outcome": outcome, "heartbeat_at": now - timedelta(seconds=silent_for)}] if outcome else []
        fields = {"paused": paused, "rescheduled_for": now + later if later else None}
        stored = store(database, fields, *syncs, name=f"c{number}")
        expected[f"c{number}"] = status.sync_state(*stored, now)
    with database.connect_psycopg() as person:
        told = dict(person.execute("SELECT name, sync_state FROM penstock.connection_status").fetchall())
    assert told == expected
    assert set(told.values()) == {"paused", "syncing", "rescheduled", "scheduled"}


@pytest.mark.parametrize(
    ("connection", "schedule"),
    [
        ({"sync_frequency": 30}, "every 30 minutes"),
        ({"sync_frequency": 1440}, "daily"),
        ({"sync_frequency": 1440, "daily_sync_time": "14:00"}, "daily at 14:00"),
        ({"schedule_type": "manual"}, "when asked"),
    ],
)
def test_the_schedule_is_told_in_words(database: Database, connection: dict[str, Any], schedule: str) -> None:
    store(database, connection)
    with database.connect_psycopg() as person:
        assert person.execute("SELECT schedule FROM penstock.connection_status").fetchone() == (schedule,)


def test_status_tells_the_last_sync_and_the_next(database: Database) -> None:
    store(
        database,
        {"setup_state": "connected", "sync_frequency": 60},
        {"outcome": "succeeded", "rows_inserted": 5},
        {"outcome": "failed", "rows_inserted": 1, "error": "It broke.", "finished_at": datetime.now(UTC)},
    )
    (row,) = connection_status(database, staggered=False)
    assert (row["name"], row["last_outcome"], row["last_rows_inserted"]) == ("crm", "failed", 1)
    assert row["last_error"] == "It broke."
    assert timedelta(0) < row["next_due"] - datetime.now(UTC) <= HOUR


def test_an_old_error_is_no_error_of_now(database: Database) -> None:
    store(database, {}, {"outcome": "failed", "error": "It broke."}, {"outcome": "succeeded"})
    (row,) = connection_status(database, staggered=False)
    assert row["last_error"] is None


def test_history_is_newest_first_and_limited(database: Database) -> None:
    started = datetime(2026, 1, 1, tzinfo=UTC)
    times = {"started_at": started, "finished_at": started + timedelta(seconds=1.5)}
    store(database, {}, *({"outcome": "succeeded", "records_read": n, "historical": n == 0, **times} for n in range(3)))
    rows = sync_history(database, "crm", limit=2)
    assert [(row["records_read"], row["kind"]) for row in rows] == [(2, "incremental"), (1, "incremental")]
    assert rows[0]["took"] == timedelta(seconds=1.5)
    assert sync_history(database, "other", limit=2) == []
