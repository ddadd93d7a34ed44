"""What is synced of a source, looked at and chosen over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from support.http import serving
from support.rig import Rig

from engine.api.app import create_app
from engine.api.services import Services

Call = Callable[..., Any]


@pytest.fixture
def call(rig: Rig) -> Iterator[Call]:
    """Makes a call and gives the answer's data, or with another `status` its code."""
    services = Services.of(rig.database, rig.vault, rig.settings)
    key, secret = services.keys.create("test")
    auth = (key.id, secret.get_secret_value())
    with serving(create_app({}, list, services)) as url, httpx.Client(base_url=url, auth=auth, timeout=30) as client:

        def ask(method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
            answer = client.request(method, f"/v1{path}", json=body)
            assert answer.status_code == status, answer.text
            return answer.json().get("data") if status == 200 else answer.json()["code"]

        yield ask


def enabled(config: Any) -> dict[str, bool]:
    return {name: table["enabled"] for name, table in config["schemas"]["paged"]["tables"].items()}


@pytest.mark.parametrize("kind", ["connections", "connectors"])
def test_a_config_is_made_looked_at_and_changed(rig: Rig, call: Call, kind: str) -> None:
    path = f"/{kind}/{rig.connect(streams=['a', 'b'])}/schemas"
    assert call("GET", path, status=404) == "NotFound_SchemaConfig"
    assert call("PATCH", path, {"schemas": {}}, status=404) == "NotFound_SchemaConfig"
    loaded = call("POST", f"{path}/reload", {"exclude_mode": "PRESERVE"})
    assert loaded == call("GET", path)
    assert loaded["schemas"]["paged"]["name_in_destination"] == "test"
    assert enabled(loaded) == {"a": True, "b": True}
    body = {"schema_change_handling": "ALLOW_COLUMNS", "schemas": {"paged": {"tables": {"b": {"enabled": False}}}}}
    changed = call("PATCH", path, body)
    assert (changed["schema_change_handling"], enabled(changed)) == ("ALLOW_COLUMNS", {"a": True, "b": False})
    rig.sync()
    assert len(rig.loaded("a")) == 50
    assert rig.loaded("b") == []
    assert enabled(call("PATCH", f"{path}/paged", {"tables": {"a": {"enabled": False}}})) == {"a": False, "b": False}
    assert enabled(call("PATCH", f"{path}/test/tables/b", {"enabled": True})) == {"a": False, "b": True}
    call("PATCH", f"{path}/paged/tables/b/columns/name", {"hashed": True})
    columns = call("GET", f"{path}/paged/tables/b/columns")["columns"]
    assert [(name, column["hashed"], column["is_primary_key"]) for name, column in columns.items()] == [
        ("id", False, True),
        ("name", True, False),
    ]
    assert list(call("GET", path)["schemas"]["paged"]["tables"]["b"]["columns"]) == ["name"]
    rig.sync()
    assert {len(row["name"]) for row in rig.rows("SELECT name FROM test.b")} == {64}


def test_a_config_can_be_made_before_the_first_sync(rig: Rig, call: Call) -> None:
    path = f"/connections/{rig.connect(streams=['a', 'b'])}/schemas"
    body = {"schema_change_handling": "BLOCK_ALL", "schemas": {"paged": {"tables": {"b": {"enabled": True}}}}}
    assert enabled(call("POST", path, body)) == {"a": False, "b": True}
    rig.configure(streams=["a", "b", "c"])
    rig.sync()
    assert enabled(call("GET", path)) == {"a": False, "b": True, "c": False}
    assert enabled(call("POST", f"{path}/reload", {"exclude_mode": "INCLUDE"})) == {"a": True, "b": True, "c": True}
    assert enabled(call("POST", f"{path}/reload", {"exclude_mode": "EXCLUDE"})) == {"a": False, "b": False, "c": False}
    rig.configure(streams=["b"])
    settings = call("POST", f"{path}/reload")["schemas"]["paged"]["tables"]["a"]["enabled_patch_settings"]
    assert (settings["allowed"], settings["reason_code"]) == (False, "DELETED")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PATCH", "/PAGED", {"enabled": False}, 404, "NotFound_Schema"),
        ("PATCH", "/paged/tables/A", {"enabled": False}, 404, "NotFound_Table"),
        ("PATCH", "/paged/tables/a/columns/Name", {"enabled": False}, 404, "NotFound_Column"),
        ("GET", "/paged/tables/A/columns", None, 404, "NotFound_Table"),
        ("GET", "/nobodys/tables/a/columns", None, 404, "NotFound_Schema"),
        ("PATCH", "/paged/tables/a/columns/id", {"enabled": False}, 400, "InvalidInput"),
        ("PATCH", "/paged/tables/a/columns/id", {"hashed": True}, 400, "InvalidInput"),
        ("PATCH", "/paged/tables/a", {"sync_mode": "LIVE"}, 400, "InvalidInput"),
        ("PATCH", "/paged/tables/a", {"renamed": True}, 400, "InvalidInput"),
        ("PATCH", "", {"schemas": {"paged": {"tables": {"A": {"enabled": False}}}}}, 400, "InvalidInput"),
        ("PATCH", "", {"schema_change_handling": "ALLOW"}, 400, "InvalidInput"),
        ("POST", "/reload", {"exclude_mode": "SOME"}, 400, "InvalidInput"),
    ],
)
def test_what_is_wrong_is_said(
    rig: Rig, call: Call, method: str, path: str, body: Any, *, status: int, code: str
) -> None:
    schemas = f"/connections/{rig.connect()}/schemas"
    before = call("POST", f"{schemas}/reload")
    assert call(method, f"{schemas}{path}", body, status=status) == code
    assert call("GET", schemas) == before


def test_what_the_source_has_no_more_cannot_be_enabled_or_disabled(rig: Rig, call: Call) -> None:
    connection = rig.connect(streams=["a", "b"])
    schemas = f"/connections/{connection}/schemas"
    call("POST", f"{schemas}/reload")
    call("PATCH", f"/connections/{connection}", {"config": {"streams": ["a"]}, "run_setup_tests": False})
    reloaded = call("POST", f"{schemas}/reload")
    assert reloaded["schemas"]["paged"]["tables"]["b"]["enabled_patch_settings"]["allowed"] is False
    assert call("PATCH", f"{schemas}/paged/tables/b", {"enabled": False}, status=400) == "InvalidInput"
    call("PATCH", f"{schemas}/paged/tables/b", {"enabled": True})  # as it is
    assert call("GET", schemas)["schemas"]["paged"]["tables"]["b"] == reloaded["schemas"]["paged"]["tables"]["b"]


def test_schema_tables_and_columns_are_also_told_as_lists(rig: Rig, call: Call) -> None:
    connection = rig.connect(streams=["a", "b"])
    path = f"/metadata/connectors/{connection}"
    assert call("GET", f"{path}/tables", status=404) == "NotFound_SchemaConfig"
    call("POST", f"/connections/{connection}/schemas/reload")
    call("PATCH", f"/connections/{connection}/schemas/paged/tables/b", {"enabled": False})
    (schema,) = call("GET", f"{path}/schemas")["items"]
    assert (schema["name_in_source"], schema["name_in_destination"]) == ("paged", "test")
    tables = call("GET", f"{path}/tables")["items"]
    assert [(table["name_in_source"], table["name_in_destination"]) for table in tables] == [("a", "a"), ("b", "b")]
    assert {table["parent_id"] for table in tables} == {schema["id"]}
    columns = call("GET", f"{path}/columns")["items"]
    names = {table["id"]: table["name_in_source"] for table in tables}
    assert [
        (
            names[column["parent_id"]],
            column["name_in_source"],
            column["type_in_source"],
            column["type_in_destination"],
            column["is_primary_key"],
        )
        for column in columns
    ] == [
        ("a", "id", "bigint", "bigint", True),
        ("a", "name", "text", "text", False),
        ("b", "id", "bigint", "bigint", True),
        ("b", "name", "text", "text", False),
    ]
    first = call("GET", f"{path}/columns?limit=3")
    rest = call("GET", f"{path}/columns?limit=3&cursor={first['next_cursor']}")
    assert first["items"] + rest["items"] == columns
    assert "next_cursor" not in rest


def test_nobody_but_the_connection_is_missing(call: Call) -> None:
    for path in ("/connections/nobody/schemas", "/connections/nobody/schemas/paged/tables/a/columns"):
        assert call("GET", path, status=404) == "NotFound_Connection"
    assert call("GET", "/metadata/connectors/nobody/columns", status=404) == "NotFound_Connector"


def test_what_is_dropped_is_empty_after_the_next_sync(rig: Rig, call: Call) -> None:
    path = f"/connections/{rig.connect(streams=['a', 'b'])}/schemas"
    rig.sync()
    filled = "SELECT count(name) AS filled, count(*) AS rows FROM test.a"
    assert rig.one(filled) == {"filled": 50, "rows": 50}
    column = f"{path}/paged/tables/a/columns/name"
    assert call("DELETE", column, status=409) == "Conflict"
    call("PATCH", column, {"enabled": False})
    body = {"schemas": {"paged": {"tables": {"a": {"columns": ["name", "id"]}}}}}
    assert call("POST", f"{path}/drop-columns", body, status=409) == "Conflict"  # and nothing is done
    rig.sync()
    assert rig.one(filled) == {"filled": 50, "rows": 50}
    assert call("DELETE", f"{path}/paged/tables/a/columns/none", status=404) == "NotFound_Column"
    assert call("POST", f"{path}/drop-columns", {"schemas": {"paged": {"tables": {}}}}, status=400) == "InvalidInput"
    assert call("DELETE", column) is None
    rig.sync()
    assert rig.one(filled) == {"filled": 0, "rows": 50}
    call("PATCH", column, {"enabled": True})
    rig.sync()
    assert rig.one(filled) == {"filled": 50, "rows": 50}
