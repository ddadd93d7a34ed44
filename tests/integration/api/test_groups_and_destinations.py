"""Groups, destinations, users, the account and the kinds of sources."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import TypeAdapter
from sqlalchemy import text

from engine.api.account import AccountDocument, UserDocument
from engine.api.destinations import DestinationDocument, TestedDestinationDocument
from engine.api.groups import GroupDocument
from engine.api.metadata import DescribedKindDocument, KindDocument
from engine.connections import destinations
from engine.state.database import Database

GROUPS = "/v1/groups"
DESTINATIONS = "/v1/destinations"


@pytest.fixture
def group(client: httpx.Client) -> str:
    made = client.post(GROUPS, json={"name": "Sales"})
    assert (made.status_code, made.json()["message"]) == (201, "Group has been created")
    return str(GroupDocument.model_validate(made.json()["data"]).id)


@pytest.fixture
def warehouse(state_url: str) -> dict[str, Any]:
    """How the test's own database is reached, as a client says it."""
    parts = urlsplit(state_url)
    host = dict(pair.split("=", 1) for pair in parts.query.split("&") if pair).get("host") or parts.hostname
    return {
        "host": str(host).replace("%2F", "/"),
        "port": parts.port or 5432,
        "database": parts.path.strip("/"),
        "user": parts.username,
        "password": parts.password or "planted",
        "connection_type": "Directly",
        "auth_method": "PASSWORD",
        "always_encrypted": False,
    }


def shown(config: dict[str, Any]) -> dict[str, Any]:
    """A config as it is answered: without the password, and the port as text, as the Go client decodes it."""
    return {**config, "password": "******", "port": str(config["port"])}


def test_the_default_group_is_there_with_the_state_database_as_destination(client: httpx.Client) -> None:
    (group,) = client.get(GROUPS).json()["data"]["items"]
    (destination,) = client.get(DESTINATIONS).json()["data"]["items"]
    assert (group["id"], destination["id"], destination["group_id"]) == ("default", "default", "default")
    DestinationDocument.model_validate(destination)
    assert (destination["service"], destination["setup_status"]) == ("postgres_warehouse", "CONNECTED")
    assert set(destination["config"]) == {"host", "port", "database", "user"}
    assert destination["config"]["port"].isdecimal()
    assert client.get(f"{DESTINATIONS}/default").json()["data"] == destination


def test_groups_are_made_renamed_and_deleted(client: httpx.Client, group: str) -> None:
    assert client.get(f"{GROUPS}/{group}").json()["data"]["name"] == "Sales"
    assert client.patch(f"{GROUPS}/{group}", json={"name": "Marketing"}).json()["data"]["name"] == "Marketing"
    assert client.post(GROUPS, json={"name": "Marketing"}).status_code == 409
    assert client.patch(f"{GROUPS}/default", json={"name": "Marketing"}).status_code == 409
    assert client.delete(f"{GROUPS}/{group}").json()["message"] == f"Group with id '{group}' has been deleted"
    assert client.get(f"{GROUPS}/{group}").json()["code"] == "NotFound_Group"
    assert client.delete(f"{GROUPS}/default").status_code == 409


@pytest.mark.parametrize(
    ("body", "told"), [({}, "name: is required."), ({"name": " "}, "name: must not be empty."), ({"name": 1}, "name: ")]
)
def test_a_group_needs_a_name(client: httpx.Client, body: Any, told: str) -> None:
    answer = client.post(GROUPS, json=body)
    assert (answer.status_code, answer.json()["message"][: len(told)]) == (400, told)


def test_a_destination_is_made_tested_and_shown_without_its_password(
    client: httpx.Client, group: str, warehouse: dict[str, Any], database: Database
) -> None:
    body = {
        "group_id": group,
        "service": "postgres_warehouse",
        "time_zone_offset": "+3",
        "region": "SOMEWHERE",
        "daylight_saving_time_enabled": True,
        "private_link_id": "a",
        "proxy_agent_id": "b",
        "hybrid_deployment_agent_id": "c",
        "local_processing_agent_id": "d",
        "networking_method": "Directly",
        "trust_certificates": True,
        "trust_fingerprints": True,
        "run_setup_tests": True,
        "config": warehouse,
    }
    answer = client.post(DESTINATIONS, json=body)
    assert (answer.status_code, answer.json()["code"]) == (201, "Created")
    made = answer.json()["data"]
    TestedDestinationDocument.model_validate(made)
    assert made["config"] == shown(warehouse)
    not_shown = {"trust_certificates", "trust_fingerprints", "run_setup_tests", "config"}
    assert {name: made[name] for name in body if name not in not_shown} == {
        name: value for name, value in body.items() if name not in not_shown
    }
    assert (made["setup_status"], {test["status"] for test in made["setup_tests"]}) == ("CONNECTED", {"PASSED"})
    with database.transaction() as reading:
        assert str(warehouse["password"]) not in str(reading.execute(text("SELECT * FROM penstock.destinations")).all())
    again = client.post(DESTINATIONS, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "Conflict")


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"service": "snowflake"}, 400, "service: Unsupported service 'snowflake'."),
        ({"time_zone_offset": "13"}, 400, "time_zone_offset: must be whole hours"),
        ({"time_zone_offset": "-12"}, 400, "time_zone_offset: must be whole hours"),
        ({"time_zone_offset": "x"}, 400, "time_zone_offset: must be whole hours"),
        ({"time_zone_offset": None}, 400, "time_zone_offset: is required."),
        ({"config": {}}, 400, "config: give url, or host, database and user"),
        ({"config": {"colour": 1}}, 400, "config.colour: There is no such setting."),
        ({"config": {"connection_type": "SshTunnel"}}, 400, "config: tunnel_host and tunnel_user are required"),
        ({"networking_method": "ProxyAgent"}, 400, "proxy_agent_id: is required with networking_method ProxyAgent."),
        (
            {"networking_method": "PrivateLink", "private_link_id": "none"},
            400,
            "private_link_id: There is no private link 'none'.",
        ),
        ({"group_id": "nope"}, 404, "Group with id 'nope' does not exist."),
    ],
)
def test_a_destination_that_cannot_be_taken_is_told(
    *, client: httpx.Client, group: str, warehouse: dict[str, Any], fields: dict[str, Any], status: int, told: str
) -> None:
    config = {**warehouse, **fields["config"]} if fields.get("config") else fields.get("config", warehouse)
    body = {"group_id": group, "service": "postgres_warehouse", "time_zone_offset": "0", **fields, "config": config}
    answer = client.post(DESTINATIONS, json=body)
    assert (answer.status_code, answer.json()["message"][: len(told)]) == (status, told)
    assert client.get(f"{DESTINATIONS}/{group}").status_code == 404


def test_a_destination_that_is_not_there_is_stored_as_incomplete_and_mended(
    client: httpx.Client, group: str, warehouse: dict[str, Any]
) -> None:
    body = {"group_id": group, "service": "postgres_warehouse", "time_zone_offset": "0"}
    made = client.post(DESTINATIONS, json={**body, "config": {**warehouse, "database": "nope"}}).json()["data"]
    assert made["setup_status"] == "INCOMPLETE"
    assert made["setup_tests"][0]["status"] == "FAILED"
    change = {"config": {"database": warehouse["database"], "password": "******"}, "time_zone_offset": "-5"}
    mended = client.patch(f"{DESTINATIONS}/{group}", json=change).json()["data"]
    assert (mended["setup_status"], mended["time_zone_offset"]) == ("CONNECTED", "-5")
    assert mended["config"] == shown(warehouse)
    for sent in ({"json": {"trust_certificates": True}}, {}):
        assert client.post(f"{DESTINATIONS}/{group}/test", **sent).json()["data"]["setup_status"] == "CONNECTED"
    assert client.patch(f"{DESTINATIONS}/{group}", json={"run_setup_tests": True}).status_code == 400


@pytest.mark.parametrize("asked", [("PATCH", ""), ("POST", "/test")])
def test_a_destination_that_is_deleted_while_it_is_tested_stays_deleted(
    client: httpx.Client, group: str, warehouse: dict[str, Any], monkeypatch: pytest.MonkeyPatch, asked: tuple[str, str]
) -> None:
    method, path = asked
    body = {"group_id": group, "service": "postgres_warehouse", "time_zone_offset": "0", "config": warehouse}
    client.post(DESTINATIONS, json=body)

    def found_once_it_is_gone(_destination: Any) -> list[Any]:
        assert client.delete(f"{DESTINATIONS}/{group}").status_code == 200
        return []

    monkeypatch.setattr(destinations, "results", found_once_it_is_gone)
    sent = {"config": warehouse} if method == "PATCH" else {}
    answer = client.request(method, f"{DESTINATIONS}/{group}{path}", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound_Destination")
    assert client.get(f"{DESTINATIONS}/{group}").status_code == 404


def test_two_changes_of_a_destination_both_stay(
    client: httpx.Client, group: str, warehouse: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"group_id": group, "service": "postgres_warehouse", "time_zone_offset": "0", "config": warehouse}
    client.post(DESTINATIONS, json=body)

    def changed_meanwhile(_destination: Any) -> list[Any]:
        other = {"time_zone_offset": "+7", "config": {"port": 7}, "run_setup_tests": False}
        assert client.patch(f"{DESTINATIONS}/{group}", json=other).status_code == 200
        return []

    monkeypatch.setattr(destinations, "results", changed_meanwhile)
    changed = client.patch(f"{DESTINATIONS}/{group}", json={"config": {"host": "h"}, "region": "EU"}).json()["data"]
    assert (changed["time_zone_offset"], changed["region"]) == ("+7", "EU")
    assert (changed["config"]["host"], changed["config"]["port"]) == ("h", "7")


def test_a_group_and_a_destination_with_connections_stay(
    client: httpx.Client, create: Any, group: str, warehouse: dict[str, Any]
) -> None:
    body = {"service": "picky", "group_id": group, "config": {"schema": "crm"}, "auth": {"access_token": "good"}}
    refused = client.post("/v1/connections", json=body)
    assert (refused.status_code, "has no destination yet" in refused.json()["message"]) == (400, True)
    client.post(
        DESTINATIONS,
        json={"group_id": group, "service": "postgres_warehouse", "time_zone_offset": "0", "config": warehouse},
    )
    made = create(group_id=group)
    create("other")
    for path in ("connections", "connectors", "connectors/"):
        (item,) = client.get(f"{GROUPS}/{group}/{path}").json()["data"]["items"]
        assert item["id"] == made["id"]
    assert client.get(f"{GROUPS}/nope/connections").json()["code"] == "NotFound_Group"
    assert client.delete(f"{GROUPS}/{group}").status_code == 409
    assert client.delete(f"{DESTINATIONS}/{group}").status_code == 409
    client.delete(f"/v1/connections/{made['id']}")
    assert client.delete(f"{DESTINATIONS}/{group}").status_code == 200
    assert client.delete(f"{GROUPS}/{group}").status_code == 200


def test_the_operator_is_the_only_user(client: httpx.Client) -> None:
    (user,) = client.get("/v1/users").json()["data"]["items"]
    UserDocument.model_validate(user)
    assert client.get(f"{GROUPS}/default/users").json()["data"]["items"][0]["id"] == user["id"]
    assert client.get(f"/v1/users/{user['id']}").json()["data"]["email"] == user["email"]
    assert client.get("/v1/users/nobody").json()["code"] == "NotFound_User"
    account = AccountDocument.model_validate(client.get("/v1/account/info").json()["data"])
    assert account.user_id == user["id"]


def test_kinds_of_sources_tell_what_they_want_without_a_key(anonymous: httpx.Client) -> None:
    for path in ("/v1/metadata/connector-types", "/v1/metadata/connectors", "/public/connector-types"):
        items = TypeAdapter(list[KindDocument]).validate_python(anonymous.get(path).json()["data"]["items"])
        assert {"hubspot", "picky"} <= {item.id for item in items}
    hubspot = anonymous.get("/v1/metadata/connector-types/hubspot").json()["data"]
    DescribedKindDocument.model_validate(hubspot)
    assert set(hubspot["config"]["properties"]) >= {
        "schema",
        "historical_sync_time_frame",
        "backward_sync_limit_date",
        "tables_without_access_updated_at",
    }
    assert hubspot["config"]["required"] == ["schema"]
    access = str(hubspot["auth"]["properties"]["client_access"])
    assert "client_id" in access
    assert "$ref" not in access
    assert anonymous.get("/v1/metadata/connector-types/nope").json()["code"] == "NotFound_ConnectorType"
