from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.connections import status
from engine.connections.document import connection_document, timestamp
from engine.contract import (
    CredentialsRejected,
    DestinationUnavailable,
    PenstockError,
    SetupTest,
    SourceUnavailable,
    TestStatus,
)
from engine.state.models import Connection, Sync

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def connection(**changes: Any) -> Connection:
    fields: dict[str, Any] = {
        "id": "c1",
        "group_id": "default",
        "service": "hubspot",
        "schema": "crm",
        "config": {"historical_sync_time_frame": "ALL_TIME"},
        "paused": False,
        "sync_frequency": 60,
        "schedule_type": "auto",
        "data_delay_sensitivity": "NORMAL",
        "data_delay_threshold": 0,
        "setup_state": "connected",
        "is_historical_sync": False,
        "created_at": NOW - timedelta(days=30),
        "succeeded_at": NOW,
    }
    return Connection(**{**fields, **changes})


def sync(outcome: str, *, silent_for: timedelta = timedelta(0), **fields: Any) -> Sync:
    return Sync(outcome=outcome, heartbeat_at=NOW - silent_for, **{"notices": [], **fields})


@pytest.mark.parametrize(
    ("changes", "last", "state"),
    [
        ({}, None, "scheduled"),
        ({}, sync("succeeded"), "scheduled"),
        ({}, sync("running"), "syncing"),
        ({}, sync("running", silent_for=timedelta(minutes=5)), "scheduled"),  # its process died
        ({"rescheduled_for": NOW + timedelta(hours=1)}, sync("rescheduled"), "rescheduled"),
        (
            {"rescheduled_for": NOW - timedelta(hours=1)},
            sync("rescheduled"),
            "rescheduled",
        ),  # manual: waits for a person
        ({"rescheduled_for": NOW}, sync("running"), "syncing"),
        ({"paused": True}, sync("running"), "paused"),
        ({"paused": True, "rescheduled_for": NOW}, None, "paused"),
    ],
)
def test_sync_state(changes: dict[str, Any], last: Sync | None, state: str) -> None:
    assert status.sync_state(connection(**changes), last, NOW) == state
    shown = status.rescheduled_for(connection(**changes), last, NOW)
    assert (shown is not None) == (state == "rescheduled")


@pytest.mark.parametrize(
    ("changes", "since", "state"),
    [
        ({}, timedelta(hours=4, minutes=59), "on_schedule"),  # an hour, the offset, three hours of grace
        ({}, timedelta(hours=5, minutes=1), "delayed"),
        ({"data_delay_sensitivity": "HIGH"}, timedelta(hours=3, minutes=1), "delayed"),
        ({"data_delay_sensitivity": "LOW"}, timedelta(hours=13), "on_schedule"),
        ({"data_delay_sensitivity": "LOW"}, timedelta(hours=15), "delayed"),
        ({"data_delay_sensitivity": "CUSTOM", "data_delay_threshold": 90}, timedelta(minutes=89), "on_schedule"),
        ({"data_delay_sensitivity": "CUSTOM", "data_delay_threshold": 90}, timedelta(minutes=91), "delayed"),
        ({"data_delay_sensitivity": "SYNC_FREQUENCY"}, timedelta(minutes=61), "delayed"),
        ({"sync_frequency": 1440}, timedelta(hours=27), "on_schedule"),
        ({"paused": True}, timedelta(days=9), "on_schedule"),
        ({"schedule_type": "manual"}, timedelta(days=9), "on_schedule"),
    ],
)
def test_update_state(changes: dict[str, Any], since: timedelta, state: str) -> None:
    assert status.update_state(connection(succeeded_at=NOW - since, **changes), NOW) == state


def test_a_connection_that_never_succeeded_is_measured_from_its_creation() -> None:
    assert (
        status.update_state(connection(succeeded_at=None, created_at=NOW - timedelta(minutes=5)), NOW) == "on_schedule"
    )
    assert status.update_state(connection(succeeded_at=None), NOW) == "delayed"


@pytest.mark.parametrize(
    ("before", "statuses", "after"),
    [
        ("incomplete", ["PASSED"], "connected"),
        ("incomplete", ["PASSED", "WARNING", "SKIPPED"], "connected"),
        ("incomplete", ["PASSED", "FAILED"], "incomplete"),
        ("connected", ["FAILED"], "broken"),
        ("broken", ["FAILED"], "broken"),
        ("broken", ["PASSED"], "connected"),
    ],
)
def test_setup_state(before: str, statuses: list[str], after: str) -> None:
    assert status.setup_state(before, [SetupTest("t", TestStatus(each)) for each in statuses]) == after


@pytest.mark.parametrize(
    ("before", "error", "changed", "after"),
    [
        ("connected", SourceUnavailable("HubSpot does not answer."), False, "connected"),
        ("connected", DestinationUnavailable("It is being restarted."), False, "connected"),
        ("connected", DestinationUnavailable("No such host."), True, "broken"),  # it may be the change that is wrong
        ("connected", CredentialsRejected("The token was revoked."), False, "broken"),
        ("broken", SourceUnavailable("HubSpot does not answer."), False, "broken"),
        ("incomplete", SourceUnavailable("HubSpot does not answer."), False, "incomplete"),
    ],
)
def test_an_outage_says_nothing_about_a_connection_that_worked(
    before: str, error: PenstockError, *, changed: bool, after: str
) -> None:
    tests = [SetupTest.failed("Connecting", error), SetupTest("Reading", TestStatus.SKIPPED)]
    assert status.setup_state(before, tests, changed=changed) == after


@pytest.mark.parametrize(
    ("changes", "last", "codes"),
    [
        ({}, None, []),
        ({}, sync("failed", error_code="source_unavailable", error="It did not answer."), []),  # tried again by itself
        ({}, sync("failed", error_code="credentials_rejected", error="Reconnect."), []),  # a person has done so since
        ({}, sync("failed", error_code="access_denied", error="Grant it."), ["grant_access"]),
        (
            {"setup_state": "broken"},
            sync("failed", error_code="credentials_rejected", error="Reconnect."),
            ["reconnect"],
        ),
        ({"setup_state": "broken"}, None, ["setup_tests"]),
        ({"setup_state": "incomplete"}, None, ["setup_tests"]),
        ({}, sync("succeeded"), []),
    ],
)
def test_tasks_are_what_a_person_must_do(changes: dict[str, Any], last: Sync | None, codes: list[str]) -> None:
    tasks = status.tasks(connection(**changes), last)
    assert [task["code"] for task in tasks] == codes
    assert all(task["message"] for task in tasks)


def test_warnings_are_the_last_syncs_notices() -> None:
    last = sync("succeeded", notices=[{"code": "widened", "message": "deal.amount is text now.", "stream": "deals"}])
    assert status.warnings(last) == [{"code": "widened", "message": "deal.amount is text now.", "details": None}]
    assert status.warnings(None) == []


def test_the_document_has_every_field_of_the_response_and_no_credentials() -> None:
    document = connection_document(connection(auth="sealed"), None, NOW)
    assert set(document) >= {"id", "group_id", "service", "schema", "created_at", "succeeded_at", "failed_at", "paused"}
    assert document["created_at"] == "2026-01-30T12:00:00.000000Z"
    assert document["config"] == {"schema": "crm", "historical_sync_time_frame": "ALL_TIME"}
    assert document["status"]["sync_state"] == "scheduled"
    assert "sealed" not in str(document)


def test_timestamps_are_utc_with_microseconds() -> None:
    assert timestamp(datetime.fromisoformat("2024-12-01T17:43:29.013729+02:00")) == "2024-12-01T15:43:29.013729Z"
    assert timestamp(None) is None
