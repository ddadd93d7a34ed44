"""Every field of the documented request and response: what it does here, or that it is kept and shown only.

`EFFECTS` and `SHOWN` go through all of them; docs/reference/api.md says the same in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from engine.connections.body import ConnectionBody, ConnectionChange
from engine.state.database import Database

PATH = "/v1/connections"

REQUEST: dict[str, Any] = {
    "group_id": "default",
    "service": "picky",
    "trust_certificates": True,
    "trust_fingerprints": True,
    "run_setup_tests": True,
    "paused": True,
    "pause_after_trial": True,
    "sync_frequency": 1440,
    "data_delay_sensitivity": "HIGH",
    "data_delay_threshold": 7,
    "daily_sync_time": "14:00",
    "schedule_type": "auto",
    "connect_card_config": {"redirect_uri": "https://your.site/path", "hide_setup_guide": True},
    "proxy_agent_id": "proxy_agent_id",
    "private_link_id": "private_link_id",
    "networking_method": "Directly",
    "hybrid_deployment_agent_id": "hybrid_deployment_agent_id",
    "local_processing_agent_id": "local_processing_agent_id",
    "external_secrets_manager_id": "external_secrets_manager_id",
    "destination_schema_names": "SOURCE_NAMING",
    "destination_configuration": {"virtual_warehouse": "virtual_warehouse"},
    "config": {"schema": "schema_name", "since": "2023-01-11"},
    "auth": {"access_token": "planted"},
}
"""Every field, none with its default where there is another value to be had."""

NOT_SHOWN = {"trust_certificates", "trust_fingerprints", "run_setup_tests", "auth"}

RESPONSE = {
    *("id", "service", "schema", "paused", "daily_sync_time", "succeeded_at", "sync_frequency", "group_id"),
    *("connected_by", "setup_tests", "source_sync_details", "service_version", "created_at", "failed_at"),
    *("private_link_id", "proxy_agent_id", "networking_method", "pause_after_trial", "data_delay_threshold"),
    *("data_delay_sensitivity", "schedule_type", "local_processing_agent_id", "connect_card_config"),
    *("hybrid_deployment_agent_id", "config", "status"),
    *("status.tasks", "status.warnings", "status.schema_status", "status.update_state", "status.setup_state"),
    *("status.sync_state", "status.is_historical_sync", "status.rescheduled_for"),
    *("setup_tests.title", "setup_tests.status", "setup_tests.message", "setup_tests.details"),
    *("connect_card_config.redirect_uri", "connect_card_config.hide_setup_guide", "config.schema"),
}
"""Every field of the documented response but `connect_card`, which comes with the card itself."""


def paths(document: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in document.items():
        yield f"{prefix}{name}"
        nested = value[0] if isinstance(value, list) and value else value
        if isinstance(nested, dict):
            yield from paths(nested, f"{prefix}{name}.")


def test_no_field_of_a_body_is_forgotten_here() -> None:
    assert set(REQUEST) == set(ConnectionBody.model_fields)
    assert set(ConnectionChange.model_fields) - set(ConnectionBody.model_fields) == {
        *("is_historical_sync", "schema_status", "schedule"),
    }


def test_the_whole_documented_request_is_taken_and_the_whole_response_given(client: httpx.Client) -> None:
    answer = client.post(PATH, json=REQUEST)
    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    assert set(paths(made)) >= RESPONSE
    shown = {name: made[name] for name in REQUEST if name not in NOT_SHOWN}
    assert shown == {name: value for name, value in REQUEST.items() if name not in NOT_SHOWN}
    assert made["schema"] == "schema_name"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("paused", True),
        ("pause_after_trial", True),
        ("sync_frequency", 5),
        ("schedule_type", "manual"),
        ("data_delay_sensitivity", "CUSTOM"),
        ("data_delay_threshold", 30),
        ("networking_method", "Directly"),
        ("proxy_agent_id", "other"),
        ("private_link_id", "other"),
        ("hybrid_deployment_agent_id", "other"),
        ("local_processing_agent_id", "other"),
        ("external_secrets_manager_id", "other"),
        ("destination_schema_names", "SOURCE_NAMING"),
        ("destination_configuration", {"virtual_warehouse": "other"}),
        ("connect_card_config", {"redirect_uri": "http://your.site", "hide_setup_guide": False}),
    ],
)
def test_every_field_can_be_changed_and_is_shown_changed(
    client: httpx.Client, create: Any, field: str, value: Any
) -> None:
    path = f"{PATH}/{create()['id']}"
    assert client.patch(path, json={field: value}).json()["data"][field] == value
    assert client.get(path).json()["data"][field] == value


def test_what_only_says_how_is_not_kept(client: httpx.Client, create: Any) -> None:
    made = create(trust_certificates=True, trust_fingerprints=True, run_setup_tests=True)
    assert NOT_SHOWN & set(made) == set()


def test_a_schema_status_is_taken_and_stays_ready(client: httpx.Client, create: Any) -> None:
    path = f"{PATH}/{create()['id']}"
    answer = client.patch(path, json={"schema_status": "blocked_on_capture"})
    assert answer.json()["data"]["status"]["schema_status"] == "ready"


@pytest.mark.parametrize(
    ("fields", "since", "state"),
    [
        ({"data_delay_sensitivity": "HIGH"}, "3 hours 1 minute", "delayed"),
        ({"data_delay_sensitivity": "NORMAL"}, "3 hours 1 minute", "on_schedule"),
        ({"data_delay_sensitivity": "NORMAL"}, "5 hours 1 minute", "delayed"),
        ({"data_delay_sensitivity": "LOW"}, "5 hours 1 minute", "on_schedule"),
        ({"data_delay_sensitivity": "LOW"}, "14 hours 1 minute", "delayed"),
        ({"data_delay_sensitivity": "SYNC_FREQUENCY"}, "61 minutes", "delayed"),
        ({"data_delay_sensitivity": "CUSTOM", "data_delay_threshold": 10}, "11 minutes", "delayed"),
        ({"data_delay_sensitivity": "CUSTOM", "data_delay_threshold": 10}, "9 minutes", "on_schedule"),
    ],
)
def test_data_counts_as_delayed_as_its_sensitivity_says(
    *, client: httpx.Client, create: Any, database: Database, fields: dict[str, Any], since: str, state: str
) -> None:
    made = create(sync_frequency=60, **fields)
    with database.transaction() as changing:
        changing.execute(
            text("UPDATE penstock.connections SET succeeded_at = now() - CAST(:since AS interval)"), {"since": since}
        )
    assert client.get(f"{PATH}/{made['id']}").json()["data"]["status"]["update_state"] == state


def test_a_connection_for_the_connect_card_needs_no_credentials_yet(client: httpx.Client, create: Any) -> None:
    made = create(auth=None, connect_card_config={"redirect_uri": "https://your.site/path"})
    assert made["connect_card_config"] == {"redirect_uri": "https://your.site/path"}
    assert (made["status"]["setup_state"], made["setup_tests"]) == ("incomplete", [])
