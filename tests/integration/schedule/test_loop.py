from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.rig import Rig

from engine.contract import DestinationUnavailable
from engine.queue import jobs
from engine.schedule import facts
from engine.schedule.due import next_due
from engine.schedule.loop import Scheduler


@pytest.fixture
def scheduler(rig: Rig) -> Scheduler:
    return Scheduler(rig.database, rig.settings.model_copy(update={"schedule_offset": False}))


def queued(rig: Rig) -> list[tuple[str, str]]:
    """The names of the connections in the queue, with what put them there."""
    rows = rig.rows(
        "SELECT c.schema, j.args->>'trigger' AS trigger FROM procrastinate_jobs j"
        " JOIN connections c ON c.id = j.queueing_lock ORDER BY c.schema"
    )
    return [(row["schema"], row["trigger"]) for row in rows]


def synced(rig: Rig, name: str, outcome: str = "succeeded", *, ago: timedelta, **columns: Any) -> None:
    """Write a sync into the history."""
    values = {"started_at": datetime.now(UTC) - ago, "finished_at": datetime.now(UTC) - ago, **columns}
    values["heartbeat_at"] = values["finished_at"] or values["started_at"]
    names = ", ".join(values)
    places = ", ".join(["%s"] * len(values))
    rig.execute(
        f"INSERT INTO syncs (connection_id, trigger, historical, outcome, {names})"
        f" SELECT id, 'schedule', false, %s, {places} FROM connections WHERE schema = %s",
        outcome,
        *values.values(),
        name,
    )


def test_it_queues_what_is_due_and_nothing_else(rig: Rig, scheduler: Scheduler) -> None:
    for name in ("never_synced", "long_ago", "just_now"):
        rig.connect(name)
    rig.connect("paused", paused=True)
    rig.connect("manual", manual=True)
    synced(rig, "long_ago", ago=timedelta(days=3))
    synced(rig, "just_now", ago=timedelta(seconds=0), started_at=datetime.now(UTC) + timedelta(minutes=1))
    scheduler.ask()
    assert queued(rig) == [("long_ago", "schedule"), ("never_synced", "schedule")]
    scheduler.ask()
    assert len(queued(rig)) == 2
    assert scheduler.alive


@pytest.mark.parametrize(
    ("outcome", "columns", "trigger"),
    [
        ("failed", {"retry_at": datetime(2020, 1, 1, tzinfo=UTC)}, "retry"),
        ("failed", {}, None),
        ("cancelled", {}, "retry"),
        ("rescheduled", {"retry_at": datetime(2099, 1, 1, tzinfo=UTC)}, None),
        ("rescheduled", {"retry_at": datetime(2020, 1, 1, tzinfo=UTC)}, "retry"),
    ],
)
def test_before_its_slot_only_what_goes_on_by_itself_is_queued(
    rig: Rig, scheduler: Scheduler, outcome: str, columns: dict[str, Any], trigger: str | None
) -> None:
    rig.connect()
    in_this_slot = datetime.now(UTC) + timedelta(seconds=1)
    synced(rig, "test", outcome, ago=timedelta(0), **{"started_at": in_this_slot, **columns})
    scheduler.ask()
    assert queued(rig) == ([("test", trigger)] if trigger else [])


def test_a_running_sync_is_not_doubled_until_it_is_silent(rig: Rig, scheduler: Scheduler) -> None:
    rig.connect()
    synced(rig, "test", "running", ago=timedelta(days=1), finished_at=None)
    rig.execute("UPDATE syncs SET heartbeat_at = now() - interval '50 seconds'")
    scheduler.ask()
    assert queued(rig) == []
    rig.execute("UPDATE syncs SET heartbeat_at = now() - interval '61 seconds'")
    scheduler.ask()
    assert queued(rig) == [("test", "schedule")]


def test_it_waits_for_a_database_that_is_away(rig: Rig, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.connect()

    def away(*_: object) -> None:
        raise DestinationUnavailable("away")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(jobs, "waiting", away)
        scheduler.ask()
        scheduler.ask()
    assert [entry["event"] for entry in logs] == ["schedule_waits"]
    assert not scheduler.alive
    scheduler.ask()
    assert queued(rig) == [("test", "schedule")]


def test_the_facts_are_those_of_the_connection_and_its_group(rig: Rig) -> None:
    connection_id = rig.connect()
    rig.execute("UPDATE connections SET sync_frequency = 1440, daily_sync_time = '14:00'")
    rig.execute("UPDATE destinations SET time_zone_offset = '+2'")
    synced(rig, "test", ago=timedelta(days=9))
    synced(rig, "test", ago=timedelta(0), started_at=datetime(2026, 1, 5, 13, 30, tzinfo=UTC))
    found = facts.of_one(rig.database, connection_id, staggered=False)
    assert found is not None
    assert next_due(found.schedule, found.last, found.now) == datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
    assert facts.of_all(rig.database, staggered=False)[0].schedule == found.schedule
    assert facts.of_one(rig.database, "nothing", staggered=False) is None
