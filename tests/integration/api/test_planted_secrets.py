"""No secret that a request brings comes out again: not in an answer, a log line, an event or a state table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from structlog.typing import EventDict
from support.receiver import receiving

from engine.connections.delivery import WebhookSender
from engine.settings import Settings
from engine.state.database import Database
from engine.state.secrets import Vault

PLANTED = "pl4nted"
"""Part of every secret of this test."""


Call = Callable[..., dict[str, Any]]


@pytest.fixture
def said() -> list[str]:
    """Every answer."""
    return []


@pytest.fixture
def call(client: httpx.Client, said: list[str]) -> Call:
    def request(method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        answer = client.request(method, path, json=body, **options)
        said.append(f"{answer.status_code} {answer.headers} {answer.text}")
        data: dict[str, Any] = answer.json().get("data") or {}
        return data

    return request


def token(number: int) -> dict[str, str]:
    return {"access_token": f"{PLANTED}-token-{number}"}


def speak_of_connections(call: Call) -> str:
    """Make, change and fail to make connections; gives the path of one."""
    body = {"service": "picky", "config": {"schema": "crm"}, "auth": token(1)}
    made = call("POST", "/v1/connections", body)
    path = f"/v1/connections/{made['id']}"
    call("POST", "/v1/connections", body)  # a conflict
    call("POST", "/v1/connections", {**body, "auth": {"token": f"{PLANTED}-misspelt"}})
    call("POST", "/v1/connections", {**body, "auth": f"{PLANTED}-no-object"})
    call("POST", "/v1/connections", {**body, "auth": {**token(2), f"{PLANTED}-key": 1}, "sync_frequency": 7})
    call("POST", "/v1/connections", {**body, "auth": [f"{PLANTED}-list"]})
    hubspot = {"service": "hubspot", "config": {"schema": "hub"}}
    call("POST", "/v1/connections", {**hubspot, "auth": {"refresh_token": f"{PLANTED}-refresh"}})
    access = {"client_id": "a", "client_secret": f"{PLANTED}-client", "more": f"{PLANTED}-more"}
    call(
        "POST", "/v1/connections", {**hubspot, "auth": {"refresh_token": f"{PLANTED}-refresh", "client_access": access}}
    )
    call("PATCH", path, {"auth": token(3), "config": {"since": "2024-01-01"}})
    call("PATCH", path, {"auth": {"access_token": 7, "other": f"{PLANTED}-other"}})
    for method, end in (("POST", "/test"), ("POST", "/sync"), ("GET", ""), ("GET", "/sync-history")):
        call(method, f"{path}{end}")
    call("GET", "/v1/connections")
    return path


def speak_of_destinations(call: Call) -> None:
    group = call("POST", "/v1/groups", {"name": "other"})["id"]
    warehouse = {"host": "127.0.0.1", "port": 1, "database": "d", "user": "u", "password": f"{PLANTED}-password"}
    destination = {"group_id": group, "service": "postgres_warehouse", "time_zone_offset": "0"}
    call("POST", "/v1/destinations", {**destination, "config": {**warehouse, "port": f"{PLANTED}-port"}})
    call("POST", "/v1/destinations", {**destination, "config": {"url": f"postgresql://u:{PLANTED}@a@b/c"}})
    call("POST", "/v1/destinations", {**destination, "config": warehouse})
    call("PATCH", f"/v1/destinations/{group}", {"config": {"password": f"{PLANTED}-password-2"}})
    call("POST", f"/v1/destinations/{group}/test")
    call("GET", "/v1/destinations")


def speak_of_proxies(call: Call, path: str) -> None:
    proxy = {"id": "p", "display_name": "P", "url": f"http://user:{PLANTED}-proxy@127.0.0.1:1"}
    call("POST", "/v1/proxy", {**proxy, "url": f"{PLANTED}://no"})
    call("POST", "/v1/proxy", {**proxy, "url": {"a": f"{PLANTED}-object"}})
    for _twice in range(2):
        call("POST", "/v1/proxy", proxy)
    call("GET", "/v1/proxy")
    hubspot = {"service": "hubspot", "config": {"schema": "hub"}, "auth": token(5)}
    call("POST", "/v1/connections", {**hubspot, "networking_method": "ProxyAgent", "proxy_agent_id": "p"})
    call("PATCH", path, {"networking_method": "ProxyAgent", "proxy_agent_id": "p"})
    call("DELETE", "/v1/proxy/p")
    call("PATCH", "/v1/destinations/other", {"networking_method": "ProxyAgent", "proxy_agent_id": "p"})


def test_no_planted_secret_comes_out(
    *,
    client: httpx.Client,
    call: Call,
    said: list[str],
    database: Database,
    vault: Vault,
    settings: Settings,
    logs: list[EventDict],
) -> None:
    path = speak_of_connections(call)
    speak_of_destinations(call)
    speak_of_proxies(call, path)
    with receiving() as receiver:
        hook = {"url": receiver.url, "events": ["edit_connector"], "secret": f"{PLANTED}-signing"}
        made_hook = call("POST", "/v1/webhooks/account", hook)
        call("POST", "/v1/webhooks/account", {**hook, "url": "ftp://x", "secret": f"{PLANTED}-2"})
        call("POST", "/v1/webhooks/account", {**hook, "secret": {"a": f"{PLANTED}-3"}})
        call("PATCH", f"/v1/webhooks/{made_hook['id']}", {"secret": f"{PLANTED}-signing-2"})
        call("POST", f"/v1/webhooks/{made_hook['id']}/test")
        call("PATCH", path, {"auth": token(4)})
        WebhookSender(database, vault, settings).send_due()
        call("GET", "/v1/webhooks")
        posted = f"{receiver.bodies} {receiver.headers}"

    call("GET", "/v1/connections", auth=("somebody", f"{PLANTED}-guess"))
    said.append(client.post("/v1/connections", content=f'{{"auth": "{PLANTED}').text)
    said.append(client.post("/v1/connections", content=f'"{PLANTED}"').text)

    with database.transaction() as reading:
        names = reading.scalars(
            text("SELECT relname FROM pg_class WHERE relnamespace = 'penstock'::regnamespace AND relkind IN ('r', 'v')")
        ).all()
        stored = {name: str(reading.execute(text(f'SELECT * FROM penstock."{name}"')).all()) for name in names}
    assert len(said) > 25
    assert stored["connections"] != "[]"
    assert stored["events"] != "[]"
    assert [line for line in said if PLANTED in line] == []
    assert [line for line in map(str, logs) if PLANTED in line] == []
    assert [name for name, rows in stored.items() if PLANTED in rows] == []
    assert PLANTED not in posted
