"""Syncs that are started by request: through the queue, by a worker, and however often asked for once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from support.http import serving
from support.rig import Rig, eventually
from support.working import working

from engine.api.app import create_app
from engine.api.services import Services
from engine.queue import worker

SLOW: dict[str, Any] = {"pages": 400, "size": 1, "seconds": 0.1}

TRIGGERED = "Sync has been successfully triggered for connection with id '{}'"


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POLL_EVERY", 0.2)
    monkeypatch.setattr("engine.sync.reader.AT_LEAST_EVERY", 0.0)
    monkeypatch.setattr("engine.sync.run.BUSY_SECONDS", 0.2)


@pytest.fixture
def http(rig: Rig) -> Iterator[httpx.Client]:
    services = Services.of(rig.database, rig.vault, rig.settings)
    key, secret = services.keys.create("test")
    auth = (key.id, secret.get_secret_value())
    with serving(create_app({}, list, services)) as url, httpx.Client(base_url=url, auth=auth, timeout=30) as client:
        yield client


@pytest.fixture
def post(http: httpx.Client) -> Callable[..., dict[str, Any]]:
    def call(path: str, body: Any = None, *, status: int = 200) -> dict[str, Any]:
        answer = http.post(path, json=body) if body is not None else http.post(path)
        assert answer.status_code == status, answer.text
        said: dict[str, Any] = answer.json()
        return said

    return call


def jobs(rig: Rig) -> list[str]:
    return [row["trigger"] for row in rig.rows("SELECT args->>'trigger' AS trigger FROM penstock.procrastinate_jobs")]


def outcomes(rig: Rig) -> list[str]:
    return [sync["outcome"] for sync in rig.syncs()]


@pytest.mark.parametrize(
    ("action", "body"), [("sync", {"force": False}), ("sync", {}), ("sync", None), ("force", None)]
)
def test_a_sync_is_triggered_and_seen_to_have_ended(
    rig: Rig, http: httpx.Client, post: Any, action: str, body: Any
) -> None:
    connection_id = rig.connect(manual=True)
    with working(rig):
        for path in ("connections", "connectors"):
            before = http.get(f"/v1/connections/{connection_id}").json()["data"]["succeeded_at"] or ""
            answer = post(f"/v1/{path}/{connection_id}/{action}", body)
            assert answer == {"code": "Success", "message": TRIGGERED.format(connection_id)}
            after = eventually(
                lambda before=before: (
                    ((now := http.get(f"/v1/connections/{connection_id}").json()["data"])["succeeded_at"] or "")
                    > before
                    and now
                )
            )
            assert (after["failed_at"], after["status"]["sync_state"]) == (None, "scheduled")
            assert after["status"]["is_historical_sync"] is False
            assert after["source_sync_details"] == {"last_synced": after["succeeded_at"]}
    assert [sync["trigger"] for sync in rig.syncs()] == ["manual", "manual"]


def test_a_repeated_request_never_starts_two(rig: Rig, post: Any) -> None:
    connection_id = rig.connect(manual=True, **SLOW)
    for _ in range(3):
        post(f"/v1/connections/{connection_id}/sync")
    assert jobs(rig) == ["manual"]
    with working(rig):
        eventually(lambda: outcomes(rig) == ["running"])
        post(f"/v1/connections/{connection_id}/sync")
        assert jobs(rig) == ["manual"]
        rig.execute("UPDATE penstock.syncs SET stop_requested = true")
        eventually(lambda: outcomes(rig) == ["cancelled"])


def test_a_job_whose_sync_has_not_begun_yet_is_that_sync(rig: Rig, post: Any) -> None:
    connection_id = rig.connect(manual=True)
    post(f"/v1/connections/{connection_id}/sync")
    rig.execute("UPDATE penstock.procrastinate_jobs SET status = 'doing'")  # a worker has just taken it
    post(f"/v1/connections/{connection_id}/sync")
    assert jobs(rig) == ["manual"]
    rig.execute(  # its sync has begun and ended; only the job is not swept away yet
        "INSERT INTO penstock.syncs (connection_id, trigger, historical, outcome) VALUES (%s, 'manual', true, 'succeeded')",
        connection_id,
    )
    post(f"/v1/connections/{connection_id}/sync")
    assert jobs(rig) == ["manual", "manual"]


def test_force_stops_a_running_sync_and_another_goes_on(rig: Rig, http: httpx.Client, post: Any) -> None:
    connection_id = rig.connect(manual=True, **SLOW)
    with working(rig):
        post(f"/v1/connections/{connection_id}/sync")
        eventually(lambda: len(rig.loaded()) >= 3)
        assert http.get(f"/v1/connections/{connection_id}").json()["data"]["status"]["sync_state"] == "syncing"
        rig.configure(seconds=0)
        post(f"/v1/connections/{connection_id}/sync", {"force": True})
        eventually(lambda: outcomes(rig) == ["cancelled", "succeeded"])
    assert rig.loaded() == list(range(400))


def test_a_connection_is_deleted_in_the_middle_of_its_sync(rig: Rig, http: httpx.Client, post: Any) -> None:
    connection_id = rig.connect(manual=True, **SLOW)
    with working(rig):
        post(f"/v1/connections/{connection_id}/sync")
        eventually(lambda: len(rig.loaded()) >= 3)
        answer = http.delete(f"/v1/connections/{connection_id}")
        assert answer.json() == {
            "code": "Success",
            "message": f"Connection with id '{connection_id}' has been deleted",
        }
        loaded = rig.loaded()
        assert http.get(f"/v1/connections/{connection_id}").status_code == 404
    assert rig.loaded() == loaded


def test_a_sync_that_does_not_stop_keeps_its_connection(
    rig: Rig, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.connections.control.LEAVING_SECONDS", 0.3)
    connection_id = rig.connect(manual=True)
    rig.execute(
        "INSERT INTO penstock.syncs (connection_id, trigger, historical) VALUES (%s, 'manual', true)", connection_id
    )
    answer = http.delete(f"/v1/connections/{connection_id}")
    assert (answer.status_code, "has not stopped yet" in answer.json()["message"]) == (409, True)
    assert http.get(f"/v1/connections/{connection_id}").status_code == 200


def test_everything_is_read_again_once_asked(rig: Rig, http: httpx.Client, post: Any) -> None:
    connection_id = rig.connect(manual=True)
    rig.sync()
    with working(rig):
        post(f"/v1/connections/{connection_id}/resync", {})
        eventually(lambda: outcomes(rig) == ["succeeded", "succeeded"])
    assert [(sync["trigger"], sync["historical"], sync["records_read"]) for sync in rig.syncs()][1] == (
        "resync",
        True,
        50,
    )
    assert http.get(f"/v1/connections/{connection_id}").json()["data"]["status"]["is_historical_sync"] is False


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("resync", {"scope": {"test": ["b"]}}),
        ("schemas/tables/resync", {"test": ["b"]}),
        ("schemas/tables/resync", {"paged": ["b"]}),
        ("schemas/test/tables/b/resync", None),
    ],
)
def test_tables_are_read_again_alone(rig: Rig, post: Any, path: str, body: Any) -> None:
    connection_id = rig.connect(manual=True, streams=["a", "b"])
    rig.sync()
    with working(rig):
        post(f"/v1/connections/{connection_id}/{path}", body)
        eventually(lambda: outcomes(rig) == ["succeeded", "succeeded"])
    read = rig.rows("SELECT stream, records_read FROM penstock.sync_streams WHERE sync_id = 2 ORDER BY stream")
    assert read == [{"stream": "a", "records_read": 0}, {"stream": "b", "records_read": 50}]
    assert rig.syncs()[1]["historical"] is False
    assert rig.one("SELECT resync_streams FROM penstock.connections")["resync_streams"] == []


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("resync", {"scope": {}}, "scope: "),
        ("resync", {"scope": {"test": []}}, "scope.test: "),
        ("resync", {"scope": {"test": ["nope"]}}, "test: There is no table 'nope'."),
        ("resync", {"scope": {"nope": ["a"]}}, "nope: There is no such schema."),
        ("schemas/tables/resync", {}, ""),
        ("sync", {"force": "a bit"}, "force: must be true or false."),
        ("sync", {"colour": 1}, "colour: There is no such setting."),
    ],
)
def test_what_cannot_be_read_again_is_told(rig: Rig, post: Any, path: str, body: Any, told: str) -> None:
    connection_id = rig.connect()
    answer = post(f"/v1/connections/{connection_id}/{path}", body, status=400)
    assert answer["message"].startswith(told), answer
    assert jobs(rig) == []


@pytest.mark.parametrize(
    ("path", "code"),
    [("nope/tables/a", "NotFound_Schema"), ("test/tables/A", "NotFound_Table"), ("test/tables/nope", "NotFound_Table")],
)
def test_a_table_of_the_path_that_is_not_there_is_not_found(rig: Rig, post: Any, path: str, code: str) -> None:
    connection_id = rig.connect()
    assert post(f"/v1/connections/{connection_id}/schemas/{path}/resync", None, status=404)["code"] == code
    assert jobs(rig) == []


def test_what_a_paused_connection_is_to_read_again_waits_for_it(rig: Rig, http: httpx.Client, post: Any) -> None:
    connection_id = rig.connect(paused=True, manual=True)
    rig.sync()
    post(f"/v1/connections/{connection_id}/resync")
    assert jobs(rig) == []
    assert http.patch(f"/v1/connections/{connection_id}", json={"paused": False}).status_code == 200
    assert jobs(rig) == ["resync"]


def test_a_connection_without_credentials_is_not_synced(rig: Rig, post: Any) -> None:
    connection_id = rig.connect()
    with rig.database.transaction() as changing:
        changing.execute(text("UPDATE penstock.connections SET auth = NULL"))
    for action in ("sync", "resync"):
        answer = post(f"/v1/connections/{connection_id}/{action}", status=400)
        assert answer["message"].startswith("auth: There are no credentials yet")
