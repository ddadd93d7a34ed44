"""Connections: made, looked at, changed, tested and deleted by request."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from engine.api.documents import ConnectionDocument, TestedConnectionDocument
from engine.connections.document import timestamp
from engine.state.database import Database
from engine.state.secrets import Vault

PATH = "/v1/connections"


def test_a_connection_is_made_tested_and_answered(client: httpx.Client, create: Any) -> None:
    made = create(group_id="default", paused=True)
    TestedConnectionDocument.model_validate(made)
    assert (made["schema"], made["group_id"], made["connected_by"]) == ("crm", "default", "operator")
    assert made["status"]["setup_state"] == "connected"
    assert (made["status"]["sync_state"], made["status"]["is_historical_sync"]) == ("paused", True)
    assert made["setup_tests"][0] == {
        "title": "Connecting",
        "status": "PASSED",
        "message": "Account 1",
        "details": None,
    }
    answer = client.get(f"{PATH}/{made['id']}").json()
    assert answer["code"] == "Success"
    ConnectionDocument.model_validate(answer["data"])
    assert answer["data"] == {name: value for name, value in made.items() if name != "setup_tests"}
    assert client.get(f"{PATH}/crm").json() == answer


@pytest.mark.parametrize(
    ("auth", "tests"),
    [({"access_token": "wrong"}, ["FAILED"]), ({"access_token": "raises"}, ["FAILED"]), (None, ["FAILED"])],
)
def test_a_connection_whose_tests_fail_is_stored_as_incomplete(
    client: httpx.Client, create: Any, auth: Any, tests: list[str]
) -> None:
    made = create(auth=auth)
    assert made["status"]["setup_state"] == "incomplete"
    assert [test["status"] for test in made["setup_tests"]][:1] == tests
    assert [task["code"] for task in made["status"]["tasks"]] == ["setup_tests"]
    mended = client.patch(f"{PATH}/{made['id']}", json={"auth": {"access_token": "good"}}).json()["data"]
    assert mended["status"]["setup_state"] == "connected"
    assert mended["setup_tests"][0]["status"] == "PASSED"


def test_setup_tests_can_be_left_out_and_run_later(client: httpx.Client, create: Any) -> None:
    made = create(run_setup_tests=False)
    assert (made["status"]["setup_state"], made["setup_tests"]) == ("incomplete", [])
    for body in ({"json": {"trust_certificates": True, "trust_fingerprints": True}}, {"json": {}}, {}):
        answer = client.post(f"{PATH}/{made['id']}/test", **body)
        assert answer.json()["message"] == "Setup tests have been completed"
        assert answer.json()["data"]["status"]["setup_state"] == "connected"


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"service": None}, 400, "service: is required."),
        ({"service": "nope"}, 400, "service: Unsupported service 'nope'. Known: "),
        ({"config": {}}, 400, "config.schema: is required."),
        ({"config": {"schema": "Crm"}}, 400, "config.schema: 'Crm' must start with"),
        ({"config": {"schema": "crm", "since": "soon"}}, 400, "config.since: "),
        ({"auth": {"token": "planted"}}, 400, "auth.access_token: is required."),
        ({"sync_frequency": 7}, 400, "sync_frequency: must be one of "),
        ({"daily_sync_time": "14:00"}, 400, "daily_sync_time: counts only when"),
        ({"networking_method": "Carrier"}, 400, "networking_method: must be Directly, PrivateLink, SshTunnel or"),
        ({"networking_method": "ProxyAgent"}, 400, "proxy_agent_id: is required with networking_method ProxyAgent."),
        ({"networking_method": "PrivateLink"}, 400, "private_link_id: is required with networking_method PrivateLink."),
        ({"colour": "red"}, 400, "colour: There is no such setting."),
        ({"group_id": "nope"}, 404, "Group with id 'nope' does not exist."),
    ],
)
def test_what_cannot_be_taken_is_named_and_nothing_is_stored(
    client: httpx.Client, fields: dict[str, Any], status: int, told: str
) -> None:
    body = {"service": "picky", "config": {"schema": "crm"}, "auth": {"access_token": "good"}, **fields}
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["message"][: len(told)]) == (status, told)
    assert "planted" not in answer.text
    assert client.get(PATH).json()["data"]["items"] == []


def test_a_schema_is_filled_by_one_connection(client: httpx.Client, create: Any) -> None:
    create()
    body = {"service": "picky", "config": {"schema": "crm"}, "auth": {"access_token": "good"}}
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "Conflict")


def test_a_change_merges_config_and_leaves_the_rest(client: httpx.Client, create: Any) -> None:
    made = create(sync_frequency=1440, daily_sync_time="14:00")
    changed = client.patch(f"{PATH}/{made['id']}", json={"config": {"since": "2024-01-01"}}).json()
    assert changed["message"] == "Connection has been updated"
    assert changed["data"] == {**made, "config": {"schema": "crm", "since": "2024-01-01"}}


def test_a_state_is_not_to_be_had(client: httpx.Client, create: Any) -> None:
    path = f"{PATH}/{create()['id']}/state"
    for answer in (client.get(path), client.patch(path, json={"state": {}})):
        assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")
    assert client.get(f"{PATH}/nope/state").status_code == 404


def test_a_connection_without_credentials_can_be_changed(client: httpx.Client, create: Any) -> None:
    made = create(auth=None)
    changed = client.patch(f"{PATH}/{made['id']}", json={"config": {"since": "2024-01-01"}})
    assert changed.status_code == 200, changed.text
    assert changed.json()["data"]["config"]["since"] == "2024-01-01"
    assert changed.json()["data"]["status"]["setup_state"] == "incomplete"
    assert [test["status"] for test in changed.json()["data"]["setup_tests"]] == ["FAILED"]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"schedule_type": "INTERVAL", "interval": 60}, ("auto", 60, None)),
        ({"schedule_type": "TIME_OF_DAY", "time_of_day": "03:00"}, ("auto", 1440, "03:00")),
        ({"schedule_type": "MANUAL"}, ("manual", 360, None)),
    ],
)
def test_the_schedule_block_says_the_same_in_other_words(
    client: httpx.Client, create: Any, schedule: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    data = client.patch(f"{PATH}/{create()['id']}", json={"schedule": schedule}).json()["data"]
    assert (data["schedule_type"], data["sync_frequency"], data["daily_sync_time"]) == expected


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "Nothing was given that could be changed."),
        ({"run_setup_tests": True}, "Nothing was given that could be changed."),
        ({"trust_certificates": True, "trust_fingerprints": True}, "Nothing was given that could be changed."),
        ({"config": {"schema": "other"}}, "config.schema: is permanent"),
        ({"schedule": {"schedule_type": "CRON", "cron": "* * * * *"}}, "schedule: CRON is not available"),
        ({"schedule": {"schedule_type": "INTERVAL"}}, "schedule: interval is required with INTERVAL."),
        (
            {"schedule": {"schedule_type": "TIME_OF_DAY", "time_of_day": "01:00", "days_of_week": ["MONDAY"]}},
            "schedule: days_of_week: some days only are not available",
        ),
        ({"group_id": "default"}, "group_id: There is no such setting."),
    ],
)
def test_a_bad_change_is_told(client: httpx.Client, create: Any, change: dict[str, Any], told: str) -> None:
    answer = client.patch(f"{PATH}/{create()['id']}", json=change)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(told)


def test_everything_again_can_be_asked_for_and_taken_back(
    client: httpx.Client, create: Any, database: Database
) -> None:
    made = create()
    with database.transaction() as changing:
        changing.execute(
            text(
                "UPDATE penstock.connections SET succeeded_at = now(), is_historical_sync = false, resync_requested = false"
            )
        )
    for wanted in (True, False):
        data = client.patch(f"{PATH}/{made['id']}", json={"is_historical_sync": wanted}).json()["data"]
        assert data["status"]["is_historical_sync"] is wanted


def test_pausing_leaves_an_event_of_its_own(client: httpx.Client, create: Any, database: Database) -> None:
    made = create()
    for paused in (True, False):
        assert client.patch(f"{PATH}/{made['id']}", json={"paused": paused}).json()["data"]["paused"] is paused
    with database.transaction() as reading:
        kinds = reading.scalars(text("SELECT kind FROM penstock.events ORDER BY id")).all()
    assert kinds == ["created", "paused", "resumed"]


def test_lists_are_by_group_and_by_exact_name(client: httpx.Client, create: Any) -> None:
    create("crm")
    create("crm_2")

    def names(path: str, **query: str) -> list[str]:
        return sorted(item["schema"] for item in client.get(path, params=query).json()["data"]["items"])

    assert names(PATH) == names(PATH, group_id="default") == ["crm", "crm_2"]
    assert names(PATH, schema="crm") == ["crm"]
    assert names(PATH, schema="cr") == []


def test_a_deleted_connection_is_gone(client: httpx.Client, create: Any) -> None:
    made = create()
    answer = client.delete(f"{PATH}/{made['id']}")
    assert answer.json() == {"code": "Success", "message": f"Connection with id '{made['id']}' has been deleted"}
    for method in ("GET", "DELETE"):
        assert client.request(method, f"{PATH}/{made['id']}").json()["code"] == "NotFound_Connection"


@pytest.mark.parametrize("seed", range(5))
def test_a_connection_that_is_deleted_in_the_middle_of_other_calls_is_gone_or_there(
    client: httpx.Client, create: Any, seed: int
) -> None:
    path = f"{PATH}/{create()['id']}"
    calls: list[tuple[str, str, Any]] = [
        ("DELETE", path, None),
        ("PATCH", path, {"paused": True}),
        ("POST", f"{path}/sync", {}),
        ("POST", f"{path}/resync", {}),
        ("DELETE", path, None),
        ("POST", f"{path}/connect-card", {"connect_card_config": {"redirect_uri": "https://your.site"}}),
        ("PATCH", path, {"config": {"since": "2024-01-01"}}),
        ("POST", f"{path}/schemas/reload", {}),
        ("PATCH", f"{path}/schemas", {"schema_change_handling": "BLOCK_ALL"}),
        ("POST", f"{path}/test", {}),
        ("DELETE", path, None),
        ("GET", path, None),
    ]
    random.Random(seed).shuffle(calls)
    with ThreadPoolExecutor(len(calls)) as pool:
        answers = list(pool.map(lambda call: client.request(call[0], call[1], json=call[2]), calls))
    assert [answer.text for answer in answers if answer.status_code >= 500] == []
    assert sorted(answer.status_code for answer in answers if answer.request.method == "DELETE") == [200, 404, 404]


def test_the_status_tells_the_last_sync(client: httpx.Client, create: Any, database: Database) -> None:
    made = create()
    with database.transaction() as changing:
        changing.execute(
            text(
                "INSERT INTO penstock.syncs (connection_id, trigger, historical, outcome, error_code, error, notices)"
                " VALUES (:id, 'manual', true, 'failed', 'credentials_rejected', 'Reconnect.',"
                """ '[{"code": "loaded", "message": "A column was widened.", "stream": "a"}]')"""
            ),
            {"id": made["id"]},
        )
        at = changing.execute(
            text(
                "UPDATE penstock.connections SET failed_at = now(), rescheduled_for = now(), setup_state = 'broken' RETURNING failed_at"
            )
        ).scalar_one()
    one = client.get(f"{PATH}/{made['id']}").json()["data"]
    listed = client.get(PATH).json()["data"]["items"]
    assert listed == [one]
    assert (one["failed_at"], one["status"]["rescheduled_for"]) == (timestamp(at), timestamp(at))
    assert one["status"]["sync_state"] == "rescheduled"
    assert one["status"]["tasks"] == [{"code": "reconnect", "message": "Reconnect.", "details": None}]
    assert one["status"]["warnings"] == [{"code": "loaded", "message": "A column was widened.", "details": None}]
    (sync,) = client.get(f"{PATH}/{made['id']}/sync-history").json()["data"]["items"]
    assert (sync["status"], sync["reason"], sync["historical"]) == ("FAILURE_WITH_TASK", "Reconnect.", True)


def test_the_history_tells_to_the_microsecond_when_a_sync_ended(
    client: httpx.Client, create: Any, database: Database
) -> None:
    made = create()
    with database.transaction() as changing:
        changing.execute(
            text(
                "INSERT INTO penstock.syncs (connection_id, trigger, historical, outcome, started_at, finished_at)"
                " VALUES (:id, 'manual', true, 'succeeded', '2026-01-01 00:00:00.000001Z', '2026-01-01 00:00:01.234567Z'),"
                " (:id, 'manual', false, 'running', now(), NULL)"
            ),
            {"id": made["id"]},
        )
    running, succeeded = client.get(f"{PATH}/{made['id']}/sync-history").json()["data"]["items"]
    assert (running["end"], succeeded["end"]) == (None, "2026-01-01T00:00:01.234567Z")


def test_credentials_are_stored_sealed_and_never_answered(
    client: httpx.Client, create: Any, database: Database, vault: Vault
) -> None:
    made = create(auth={"access_token": "planted"})
    with database.transaction() as reading:
        sealed = reading.scalars(text("SELECT auth FROM penstock.connections")).one()
    assert vault.open(sealed) == {"access_token": "planted"}
    assert "auth" not in client.get(f"{PATH}/{made['id']}").json()["data"]
