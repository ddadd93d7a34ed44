"""Webhooks: made after a test event, sent what happens, signed, again after a failure, off after a day of them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from support.receiver import Receiver, receiving
from support.rig import Rig

from engine.api.webhooks import WebhookDocument
from engine.connections import webhooks
from engine.connections.delays import note_delays
from engine.connections.delivery import WebhookSender
from engine.connections.outbox import KNOWN_EVENTS
from engine.connections.posting import Posted
from engine.settings import Settings
from engine.state.database import Database
from engine.state.secrets import Vault

PATH = "/v1/webhooks"
SECRET = "planted-webhook-secret"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def sender(database: Database, vault: Vault, settings: Settings) -> WebhookSender:
    return WebhookSender(database, vault, settings)


@pytest.fixture
def hook(client: httpx.Client, receiver: Receiver) -> dict[str, Any]:
    """An active webhook for everything, which has taken its test event."""
    body = {"url": receiver.url, "events": list(KNOWN_EVENTS), "secret": SECRET}
    answer = client.post(f"{PATH}/account", json=body)
    assert answer.status_code == 200, answer.text
    receiver.bodies.clear()
    receiver.headers.clear()
    made: dict[str, Any] = answer.json()["data"]
    return made


def deliveries(database: Database) -> list[Any]:
    with database.transaction() as reading:
        return list(reading.execute(text("SELECT *, next_at - now() AS wait FROM penstock.webhook_deliveries")))


def test_a_webhook_is_made_after_a_test_event(client: httpx.Client, receiver: Receiver, database: Database) -> None:
    body = {"url": receiver.url, "events": ["sync_end"], "active": True, "secret": SECRET}
    answer = client.post(f"{PATH}/account", json=body)
    made = answer.json()["data"]
    WebhookDocument.model_validate(made)
    assert (answer.status_code, made["type"], made["group_id"], made["created_by"]) == (
        200,
        "account",
        None,
        "operator",
    )
    assert {name: made[name] for name in body} == {**body, "secret": "******"}
    assert (receiver.events[0]["event"], receiver.events[0]["connector_id"]) == ("test_event", "_connector_1")
    assert client.get(f"{PATH}/{made['id']}").json()["data"] == made
    assert client.get(PATH).json()["data"]["items"] == [made]
    with database.transaction() as reading:
        assert SECRET not in str(reading.execute(text("SELECT * FROM penstock.webhooks")).all())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"events": ["nope"]}, "events.0: There is no such event. Known: sync_start, "),
        ({"events": []}, "events: "),
        ({"url": "http:///x"}, "url: must have a host"),
        ({"url": "ftp://example.org"}, "url: must start with https://."),
        ({"url": "http://a:b@127.0.0.1/"}, "url: must have a host, and no user or password."),
        ({"url": "http://127.0.0.1:99999/"}, "url: is no address."),
        ({"url": "not a url", "active": False}, "url: must start with https://."),
        ({"url": "https://a:b@example.org/", "active": False}, "url: must have a host, and no user or password."),
        ({"url": "http://127.0.0.1/ok\r\nX: y", "active": False}, "url: must have no blanks or control characters."),
        ({"url": "https://example.org/a b", "active": False}, "url: must have no blanks or control characters."),
        ({"url": "http://127.0.0.1:1/"}, "url: It does not take a test event. It did not answer"),
        ({"url": "http://nowhere.invalid/"}, "url: The host 'nowhere.invalid' is not found."),
        ({"colour": 1}, "colour: There is no such setting."),
    ],
)
def test_a_webhook_that_cannot_be_taken_is_told(
    client: httpx.Client, receiver: Receiver, change: dict[str, Any], told: str
) -> None:
    answer = client.post(f"{PATH}/account", json={"url": receiver.url, "events": ["sync_end"], **change})
    assert (answer.status_code, answer.json()["message"][: len(told)]) == (400, told)
    assert client.get(PATH).json()["data"]["items"] == []


def test_an_event_that_cannot_be_made_up_is_told(client: httpx.Client, hook: dict[str, Any]) -> None:
    answer = client.post(f"{PATH}/{hook['id']}/test", json={"event": "nope"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("event: There is no such event. Known: sync_start, ")


@pytest.mark.parametrize(("status", "location"), [(500, None), (404, None), (302, "/elsewhere")])
def test_an_address_that_takes_no_test_event_gets_no_webhook(
    client: httpx.Client, receiver: Receiver, status: int, location: str | None
) -> None:
    receiver.status, receiver.location = status, location
    body = {"url": receiver.url, "events": ["sync_end"]}
    answer = client.post(f"{PATH}/account", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")
    assert f"status {status}" in answer.json()["message"]
    assert len(receiver.bodies) == 1  # and a redirect is not followed
    made = client.post(f"{PATH}/account", json={**body, "active": False}).json()["data"]
    assert client.patch(f"{PATH}/{made['id']}", json={"active": True}).status_code == 400
    receiver.status = 204
    assert client.patch(f"{PATH}/{made['id']}", json={"active": True}).json()["data"]["active"] is True


def test_private_addresses_need_the_operators_leave(
    client: httpx.Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, services: Any
) -> None:
    monkeypatch.setattr(services.webhooks, "_private", False)
    for url in (receiver.url, "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://169.254.169.254/"):
        answer = client.post(f"{PATH}/account", json={"url": url, "events": ["sync_end"]})
        assert answer.status_code == 400, url
    assert "PENSTOCK_WEBHOOK_PRIVATE_ADDRESSES" in answer.json()["message"]
    assert receiver.bodies == []


def test_what_happens_is_sent_signed_and_once(
    *, client: httpx.Client, create: Any, hook: Any, receiver: Receiver, sender: WebhookSender, database: Database
) -> None:
    made = create()
    path = f"/v1/connections/{made['id']}"
    client.patch(path, json={"paused": True})
    client.patch(path, json={"paused": False, "sync_frequency": 60})
    client.post(f"{path}/sync")
    client.post(f"{path}/resync")
    client.delete(path)
    while sender.send_due():
        pass
    assert sorted(event["event"] for event in receiver.events) == sorted(
        [
            *("create_connector", "connection_successful", "pause_connector", "resume_connector", "edit_connector"),
            *("force_update_connector", "resync_connector", "delete_connector"),
        ]
    )
    for body, headers in zip(receiver.bodies, receiver.headers, strict=True):
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Fivetran-Signature-256"] == signature
        assert headers["Host"] in receiver.url
    first = next(event for event in receiver.events if event["event"] == "create_connector")
    assert (first["connector_id"], first["connector_name"], first["connector_type"]) == (made["id"], "crm", "picky")
    assert first["group_id"] == first["destination_group_id"] == "default"
    assert deliveries(database) == []


def test_a_delay_is_told_once_and_again_when_it_comes_back(create: Any, hook: Any, database: Database) -> None:
    create(schema="late", sync_frequency=60, run_setup_tests=False)
    create(schema="resting", sync_frequency=60, paused=True, run_setup_tests=False)

    def told() -> list[str]:
        note_delays(database)
        return [
            delivery.payload["connector_name"]
            for delivery in deliveries(database)
            if delivery.payload["event"] == "connection_delayed"
        ]

    def succeeded(ago: str) -> None:
        with database.transaction() as changing:
            changing.execute(
                text("UPDATE penstock.connections SET succeeded_at = now() - CAST(:ago AS interval)"), {"ago": ago}
            )

    assert told() == []
    succeeded("6 hours")
    assert told() == told() == ["late"]
    succeeded("1 hour")
    assert told() == ["late"]
    succeeded("6 hours")
    assert told() == ["late", "late"]


def test_only_what_was_asked_for_is_sent(
    client: httpx.Client, create: Any, receiver: Receiver, sender: WebhookSender, database: Database
) -> None:
    group = client.post("/v1/groups", json={"name": "other"}).json()["data"]["id"]
    for path, events in ((f"group/{group}", ["create_connector"]), ("group/default", ["delete_connector"])):
        assert client.post(f"{PATH}/{path}", json={"url": receiver.url, "events": events}).status_code == 200
    off = {"url": receiver.url, "events": ["create_connector"], "active": False}
    client.post(f"{PATH}/account", json=off)
    create()
    assert deliveries(database) == []
    assert client.post(f"{PATH}/group/nope", json={"url": receiver.url, "events": ["sync_end"]}).status_code == 404


def test_an_event_that_is_not_taken_is_sent_again_later_and_later(
    *, create: Any, hook: Any, receiver: Receiver, sender: WebhookSender, database: Database, client: httpx.Client
) -> None:
    create(run_setup_tests=False)
    receiver.status = 503
    for attempt in (1, 2, 3):
        assert sender.send_due() == 1
        (waiting,) = deliveries(database)
        assert (waiting.attempts, round(waiting.wait.total_seconds() / 60)) == (attempt, 5 * attempt)
        assert sender.send_due() == 0
        with database.transaction() as changing:
            changing.execute(text("UPDATE penstock.webhook_deliveries SET next_at = now()"))
    receiver.status = 200
    assert sender.send_due() == 1
    assert deliveries(database) == []
    assert client.get(f"{PATH}/{hook['id']}").json()["data"]["active"] is True


def test_a_webhook_that_takes_nothing_for_a_day_is_turned_off(
    *, create: Any, hook: Any, receiver: Receiver, sender: WebhookSender, database: Database, client: httpx.Client
) -> None:
    create()
    with database.transaction() as changing:
        changing.execute(text("UPDATE penstock.webhook_deliveries SET created_at = now() - interval '24 hours'"))
    receiver.status = 500
    sender.send_due()
    assert deliveries(database) == []
    assert client.get(f"{PATH}/{hook['id']}").json()["data"]["active"] is False


def test_a_webhook_is_changed_tested_and_deleted(client: httpx.Client, hook: Any, receiver: Receiver) -> None:
    path = f"{PATH}/{hook['id']}"
    changed = client.patch(path, json={"events": ["sync_end"], "secret": "******"}).json()["data"]
    assert changed == {**hook, "events": ["sync_end"]}
    assert receiver.bodies == []
    for body, event in (({"json": {"event": "sync_end"}}, "sync_end"), ({}, "test_event")):
        data = client.post(f"{path}/test", **body).json()["data"]
        assert data == {"succeed": True, "status": 200, "message": "It answered with the status 200."}
        assert receiver.events[-1]["event"] == event
    signature = hmac.new(SECRET.encode(), receiver.bodies[-1], hashlib.sha256).hexdigest()
    assert receiver.headers[-1]["X-Fivetran-Signature-256"] == signature  # a mask that is given back changes nothing
    receiver.status = 500
    assert client.post(f"{path}/test").json()["data"]["succeed"] is False
    assert client.patch(path, json={}).status_code == 400
    assert client.delete(path).json()["message"] == f"Webhook with id '{hook['id']}' has been deleted"
    for method in ("GET", "DELETE", "PATCH"):
        body = {"json": {"active": False}} if method == "PATCH" else {}
        assert client.request(method, path, **body).json()["code"] == "NotFound_Webhook"


def test_a_webhook_that_is_deleted_while_a_change_is_tested_stays_deleted(
    client: httpx.Client, hook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken_once_it_is_gone(*_: Any, **__: Any) -> Posted:
        assert client.delete(f"{PATH}/{hook['id']}").status_code == 200
        return Posted(200, "Taken.")

    monkeypatch.setattr(webhooks, "post", taken_once_it_is_gone)
    changed = client.patch(f"{PATH}/{hook['id']}", json={"url": "https://example.org/"})
    assert (changed.status_code, changed.json()["code"]) == (404, "NotFound_Webhook")
    assert client.get(PATH).json()["data"]["items"] == []


@pytest.mark.parametrize(
    ("config", "data"),
    [
        ({}, {"status": "SUCCESSFUL"}),
        ({"fail_at": 1, "failure": "unavailable"}, {"status": "FAILURE"}),
        ({"fail_at": 1, "failure": "credentials"}, {"status": "FAILURE_WITH_TASK"}),
        ({"fail_at": 1, "failure": "quota"}, {"status": "RESCHEDULED"}),
    ],
)
def test_syncs_tell_that_they_begin_and_how_they_end(rig: Rig, config: dict[str, Any], data: dict[str, Any]) -> None:
    connection_id = rig.connect(**config)
    rig.execute(
        "INSERT INTO penstock.webhooks (id, url, events) VALUES ('w', 'https://example.org', %s)",
        '["sync_start", "sync_end"]',
    )
    outcome = rig.sync()
    sent = [row["payload"] for row in rig.rows("SELECT payload FROM penstock.webhook_deliveries ORDER BY id")]
    assert [(event["event"], event["sync_id"], event["connector_id"]) for event in sent] == [
        ("sync_start", str(outcome.progress.sync_id), connection_id),
        ("sync_end", str(outcome.progress.sync_id), connection_id),
    ]
    assert sent[1]["data"]["status"] == data["status"]
    assert ("reason" in sent[1]["data"]) == bool(outcome.error)
