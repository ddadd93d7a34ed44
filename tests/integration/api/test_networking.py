"""Tunnels, certificates, proxies and private links over the REST interface, from the body to the rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from support.front import Identity, front
from support.http_proxy import PASSWORD, USER, HttpProxy
from support.ssh_server import USER as SSH_USER
from support.ssh_server import SshServer

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.server import running_sandbox
from engine.api.destinations import DestinationDocument
from engine.api.endpoints import PrivateLinkDocument, ProxyDocument
from engine.contract import Address
from engine.network.forwarding import running
from engine.network.trust import certificate
from engine.state.database import Database
from engine.state.secrets import Vault
from engine.sync.run import run_sync

Run = Callable[[Any], Address]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts servers that end with the test."""
    with ExitStack() as stack:
        yield lambda server: stack.enter_context(running(server))


@pytest.fixture
def warehouse(state_url: str, run: Run) -> dict[str, Any]:
    """The test's own database behind a TCP port, as a client says it."""
    known = conninfo_to_dict(state_url)
    address = run(front(state_url))
    return {
        "host": address.host,
        "port": address.port,
        "database": known["dbname"],
        "user": known["user"],
        "password": known.get("password") or "none",
    }


@pytest.fixture
def group(client: httpx.Client) -> str:
    return str(client.post("/v1/groups", json={"name": "Sales"}).json()["data"]["id"])


def made(client: httpx.Client, group: str, config: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"group_id": group, "service": "postgres_warehouse", "time_zone_offset": "0", "config": config, **fields}
    answer = client.post("/v1/destinations", json=body)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()["data"]
    return document


def retested(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    document: dict[str, Any] = client.post(f"{path}/test", json=body).json()["data"]
    return document


def test_a_tunnel_from_the_first_request_to_the_approval(
    client: httpx.Client, group: str, warehouse: dict[str, Any], run: Run
) -> None:
    server = SshServer()
    address = run(server.running())
    named = {"tunnel_host": address.host, "tunnel_port": address.port, "tunnel_user": SSH_USER}
    destination = made(client, group, {**warehouse, "connection_type": "SshTunnel", **named})
    assert destination["setup_status"] == "INCOMPLETE"
    key = client.get(f"/v1/groups/{group}/public-key").json()["data"]["public_key"]
    assert destination["config"]["public_key"] == key
    server.lets_in.append(key)
    finding = destination["setup_tests"][0]
    assert (finding["title"], finding["status"]) == ("Validating fingerprint", "FAILED")
    path = f"/v1/destinations/{group}"
    assert client.post(f"{path}/fingerprints", json=finding["details"]).status_code == 201
    assert retested(client, path)["setup_status"] == "CONNECTED"
    assert client.delete(f"{path}/fingerprints/{quote(server.fingerprint, safe='')}").status_code == 200
    assert retested(client, path)["setup_status"] == "BROKEN"
    assert retested(client, path, trust_fingerprints=True)["setup_status"] == "CONNECTED"
    (approved,) = client.get(f"{path}/fingerprints").json()["data"]["items"]
    assert (approved["hash"], approved["public_key"]) == (server.fingerprint, server.public_key)
    # what an answer shows may be sent back
    shown = client.get(path).json()["data"]["config"]
    assert client.patch(path, json={"config": shown}).json()["data"]["setup_status"] == "CONNECTED"


def test_a_certificate_is_approved_by_hand_or_by_the_first_test(
    *, client: httpx.Client, group: str, warehouse: dict[str, Any], state_url: str, run: Run, tmp_path: Path
) -> None:
    identity = Identity("warehouse")
    address = run(front(state_url, identity.context(tmp_path)))
    config = {**warehouse, "host": address.host, "port": address.port, "always_encrypted": True}
    path = f"/v1/destinations/{group}"
    assert made(client, group, config)["setup_tests"][0]["title"] == "Validating certificate"
    found = certificate(identity.der)
    body = {"hash": found.hash, "encoded_cert": found.content}
    assert client.post(f"{path}/certificates", json=body).status_code == 201
    assert retested(client, path)["setup_status"] == "CONNECTED"
    client.delete(path)
    assert made(client, group, config, trust_certificates=True)["setup_status"] == "CONNECTED"
    (approved,) = client.get(f"{path}/certificates").json()["data"]["items"]
    assert approved["sha256"] == found.hash


def test_a_connection_may_have_a_way_of_its_own(
    client: httpx.Client, create: Any, group: str, warehouse: dict[str, Any], run: Run
) -> None:
    server = SshServer()
    address = run(server.running())
    named = {"tunnel_host": address.host, "tunnel_port": address.port, "tunnel_user": SSH_USER}
    destination = made(client, group, {**warehouse, **named})
    assert (destination["setup_status"], server.asked) == ("CONNECTED", [])
    server.lets_in.append(client.get(f"/v1/groups/{group}/public-key").json()["data"]["public_key"])
    refused = create(group_id=group, networking_method="SshTunnel")
    assert refused["status"]["setup_state"] == "incomplete"
    path = f"/v1/connections/{refused['id']}"
    assert client.get(f"{path}/fingerprints").json()["data"]["items"] == []
    assert retested(client, path, trust_fingerprints=True)["status"]["setup_state"] == "connected"
    assert len(client.get(f"{path}/fingerprints").json()["data"]["items"]) == 1
    assert client.get(f"/v1/destinations/{group}/fingerprints").json()["data"]["items"] == []
    assert server.asked


def test_a_connection_goes_to_the_private_address_it_names(
    client: httpx.Client, create: Any, group: str, warehouse: dict[str, Any]
) -> None:
    assert made(client, group, {**warehouse, "host": "warehouse.invalid"})["setup_status"] == "INCOMPLETE"
    link = {"id": "vpce-1", "name": "Warehouse", "host": f"127.0.0.1:{warehouse['port']}"}
    answer = client.post("/v1/private-links", json=link)
    assert (answer.status_code, answer.json()["code"]) == (201, "Created")
    assert PrivateLinkDocument.model_validate(answer.json()["data"]).host == link["host"]
    private = {"networking_method": "PrivateLink", "private_link_id": "vpce-1"}
    assert create(group_id=group, **private)["status"]["setup_state"] == "connected"
    in_use = client.delete("/v1/private-links/vpce-1")
    assert (in_use.status_code, in_use.json()["message"]) == (
        409,
        "'crm' goes through it (PrivateLink). Change that first.",
    )
    path = f"/v1/destinations/{group}"
    for change in (private, {"networking_method": "Directly", "config": {"connection_type": "PrivateLink"}}):
        assert client.patch(path, json=change).json()["data"]["setup_status"] == "CONNECTED"
    assert (
        client.patch(path, json={"config": {"connection_type": "Directly"}}).json()["data"]["setup_status"] == "BROKEN"
    )
    DestinationDocument.model_validate(client.get(f"/v1/destinations/{group}").json()["data"])


def test_the_source_is_called_through_the_proxy_it_names(
    client: httpx.Client, database: Database, vault: Vault, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = HttpProxy()
    address = run(proxy.running())
    url = f"http://{USER}:{quote(PASSWORD, safe='')}@{address.host}:{address.port}"
    answer = client.post("/v1/proxy", json={"id": "office", "display_name": "Office", "url": url})
    shown = ProxyDocument.model_validate(answer.json()["data"])
    assert (answer.status_code, shown.url) == (201, f"http://{USER}:******@{address.host}:{address.port}")
    with running_sandbox(Account(contacts=3, companies=2, deals=2)) as hubspot:
        monkeypatch.setenv("PENSTOCK_HUBSPOT_API_URL", hubspot.url)
        body = {
            "service": "hubspot",
            "config": {"schema": "crm"},
            "auth": {"access_token": hubspot.account.token},
            "networking_method": "ProxyAgent",
            "proxy_agent_id": "office",
        }
        created = client.post("/v1/connections", json=body).json()["data"]
        assert created["status"]["setup_state"] == "connected", created["setup_tests"]
        calls = len(proxy.asked)
        assert calls == hubspot.account.calls
        outcome = run_sync(database, vault, created["id"], "manual", stop=threading.Event())
        assert outcome.outcome == "succeeded", outcome.error
        assert calls < len(proxy.asked) == hubspot.account.calls
        assert client.delete("/v1/proxy/office").status_code == 409
        direct = client.patch(f"/v1/connections/{created['id']}", json={"networking_method": "Directly"})
        assert direct.json()["data"]["status"]["setup_state"] == "connected"
        assert len(proxy.asked) < hubspot.account.calls
    assert client.delete("/v1/proxy/office").status_code == 200
    assert client.get("/v1/proxy/office").json()["code"] == "NotFound_Proxy"


def test_the_password_of_a_proxy_is_stored_sealed(client: httpx.Client, database: Database) -> None:
    body = {"display_name": "Office", "url": "http://user:planted@proxy.example.com:3128"}
    made_id = client.post("/v1/proxy", json=body).json()["data"]["id"]
    (listed,) = client.get("/v1/proxy").json()["data"]["items"]
    assert (listed["id"], listed["url"]) == (made_id, "http://user:******@proxy.example.com:3128")
    with database.autocommit() as reading:
        assert "planted" not in str(reading.execute(text("SELECT * FROM penstock.endpoints")).all())
    again = client.post("/v1/proxy", json={**body, "id": made_id})
    assert (again.status_code, again.json()["message"]) == (409, f"id: There is a proxy '{made_id}' already.")


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("proxy", {"display_name": "x", "url": "ftp://proxy"}, "url: must be http://host:port"),
        ("proxy", {"display_name": "x", "url": "http://proxy:port"}, "url: must be http://host:port"),
        ("proxy", {"display_name": "x", "url": "http://proxy/path"}, "url: must be http://host:port"),
        ("proxy", {"url": "http://proxy"}, "display_name: is required."),
        ("private-links", {"name": "x", "host": "http://host"}, "host: must be host or host:port."),
        ("private-links", {"name": "x", "host": "host:99999"}, "host: must be host or host:port."),
        ("private-links", {"name": "x", "host": "host", "id": "a b"}, "id: "),
        ("connections", {"networking_method": "ProxyAgent"}, "proxy_agent_id: is required with networking_method"),
        (
            "connections",
            {"networking_method": "ProxyAgent", "proxy_agent_id": "none"},
            "proxy_agent_id: There is no proxy 'none'. Register it first: POST /v1/proxy.",
        ),
        (
            "connections",
            {"networking_method": "PrivateLink", "private_link_id": "none"},
            "private_link_id: There is no private link 'none'.",
        ),
    ],
)
def test_what_cannot_be_taken_is_told_and_nothing_is_stored(
    client: httpx.Client, path: str, body: dict[str, Any], told: str
) -> None:
    if path == "connections":
        body = {"service": "picky", "config": {"schema": "crm"}, "auth": {"access_token": "good"}, **body}
    answer = client.post(f"/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["message"][: len(told)]) == (400, told)
    assert client.get(f"/v1/{path}").json()["data"]["items"] == []
