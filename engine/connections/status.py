"""The words for how a connection is, from what is stored about it. Pure; the clock is passed in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from engine.contract import SetupTest, TestStatus
from engine.schedule.due import LARGEST_OFFSET, LOST_AFTER
from engine.state.models import Connection, Sync

GRACE = {"HIGH": timedelta(hours=1), "NORMAL": timedelta(hours=3), "LOW": timedelta(hours=12)}
"""How long beyond its schedule a success may stay away before the data counts as delayed."""

RECONNECT = "reconnect"

PERSON_MUST_ACT = {
    "credentials_rejected": RECONNECT,
    "access_denied": "grant_access",
    "source_refused": "source_refused",
    "destination_refused": "destination_refused",
    "not_trusted": "approve",
    "invalid_setting": "change_settings",
}
"""Errors that no later sync gets past by itself, and the code of the task that each one becomes."""


class LatestSync(NamedTuple):
    """What a connection's status is told by of its latest sync."""

    outcome: str
    heartbeat_at: datetime
    error_code: str | None
    error: str | None
    notices: list[Any]


Ran: TypeAlias = Sync | LatestSync


def is_running(last: Ran | None, now: datetime) -> bool:
    """Whether a sync is running; one that has been silent for a minute has lost its process."""
    return last is not None and last.outcome == "running" and now - last.heartbeat_at < LOST_AFTER


def sync_state(connection: Connection, last: Ran | None, now: datetime) -> str:
    """`paused`, `syncing`, `rescheduled` (it waits for the source's quota) or `scheduled`."""
    if connection.paused:
        return "paused"
    if is_running(last, now):
        return "syncing"
    return "scheduled" if connection.rescheduled_for is None else "rescheduled"


def rescheduled_for(connection: Connection, last: Ran | None, now: datetime) -> datetime | None:
    """When a rescheduled sync goes on; None in every other state."""
    return connection.rescheduled_for if sync_state(connection, last, now) == "rescheduled" else None


def update_state(connection: Connection, now: datetime) -> str:
    """`delayed` when the last success lies further back than schedule and sensitivity allow, else `on_schedule`."""
    if connection.paused or connection.schedule_type == "manual":
        return "on_schedule"
    frequency = timedelta(minutes=connection.sync_frequency)
    match connection.data_delay_sensitivity:
        case "CUSTOM":
            allowed = timedelta(minutes=connection.data_delay_threshold)
        case "SYNC_FREQUENCY":
            allowed = frequency
        case sensitivity:
            allowed = frequency + timedelta(minutes=LARGEST_OFFSET) + GRACE[sensitivity]
    return "delayed" if now - (connection.succeeded_at or connection.created_at) > allowed else "on_schedule"


def setup_state(before: str, tests: Iterable[SetupTest], *, changed: bool = True) -> str:
    """The state after a round of setup tests: connected, or what it is when one failed that nothing works without.

    Where nothing was `changed` since the tests passed, an outage leaves the state as it was.
    """
    failed = [test for test in tests if test.status is TestStatus.FAILED and not test.partial]
    if not failed or (before == "connected" and not changed and all(test.passing for test in failed)):
        return "connected"
    return "incomplete" if before == "incomplete" else "broken"


def tasks(connection: Connection, last: Ran | None) -> list[dict[str, Any]]:
    """What keeps the connection from working until a person acts."""
    if last is not None and last.outcome == "failed" and last.error_code in PERSON_MUST_ACT:
        task = PERSON_MUST_ACT[last.error_code]
        if task != RECONNECT or connection.setup_state == "broken":  # else a person has done so since
            return [_told(task, last.error)]
    if connection.setup_state == "connected":
        return []
    return [_told("setup_tests", "The setup tests have not passed. Run them again and follow what they say.")]


def warnings(last: Ran | None) -> list[dict[str, Any]]:
    """What a person should know although the connection works."""
    return [_told(notice["code"], notice["message"]) for notice in (last.notices if last is not None else [])]


def _told(code: str, message: str | None) -> dict[str, Any]:
    return {"code": code, "message": message, "details": None}
