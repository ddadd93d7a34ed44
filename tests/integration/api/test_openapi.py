"""What /openapi.json says: complete, described, and what the answers are like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

METHODS = {"get", "post", "patch", "delete"}


@pytest.fixture
def document(anonymous: httpx.Client) -> dict[str, Any]:
    answer = anonymous.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            yield f"{method.upper()} {path}", operation


def test_every_call_is_there_and_says_what_it_does(document: dict[str, Any]) -> None:
    found = dict(operations(document))
    for name, operation in found.items():
        assert operation["summary"], name
        assert operation["description"], name
        for parameter in operation.get("parameters", []):
            assert parameter["in"] == "path" or parameter["description"], name
    one = "/v1/connections/{connection_id}"
    assert set(found) >= {
        *("POST /v1/connections", "GET /v1/connections", f"GET {one}", f"PATCH {one}", f"DELETE {one}"),
        *(f"POST {one}/{action}" for action in ("sync", "force", "resync", "test", "schemas/tables/resync")),
        *("GET /v1/groups/{group_id}/connections", "POST /v1/destinations", "GET /v1/users", "GET /v1/account/info"),
        *(
            "GET /v1/metadata/connector-types/{service}",
            "POST /v1/webhooks/account",
            "POST /v1/webhooks/{webhook_id}/test",
        ),
    }
    assert not [name for name in found if "/v1/connectors" in name]


def test_every_field_is_described(document: dict[str, Any]) -> None:
    silent = []
    for name, schema in document["components"]["schemas"].items():
        if name.startswith("picky"):  # a test's own source
            continue
        for field, described in schema.get("properties", {}).items():
            if not described.get("description"):
                silent.append(f"{name}.{field}")
    assert silent == []


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> Iterator[str]:
        match value:
            case {"$ref": str(reference)}:
                yield reference
            case dict():
                for item in value.values():
                    yield from references(item)
            case list():
                for item in value:
                    yield from references(item)

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


def test_calls_that_need_a_key_say_so_and_what_they_answer_without(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "/v1/" not in name:
            continue
        open_to_all = "/metadata/connector-types" in name
        assert ("security" in operation) is not open_to_all, name
        assert {"400", "401", "403", "406", "429", "503"} <= set(operation["responses"]), name
        assert "422" not in operation["responses"], name
        if name.startswith(("POST", "PATCH")) and not name.endswith(("/{table}/resync", "/state")):
            assert "requestBody" in operation, name
            assert {"413", "415"} <= set(operation["responses"]), name
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "basic"


def test_bodies_tell_what_an_installed_source_wants(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["hubspot_config"]["properties"]) >= {"historical_sync_time_frame", "backward_sync_limit_date"}
    assert "hubspot_auth" in schemas["ConnectionBody"]["properties"]["auth"]["description"]
    assert schemas["ConnectionBody"]["properties"]["sync_frequency"]["enum"][:3] == [1, 5, 15]
