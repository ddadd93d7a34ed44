"""What holds for every call: credentials, media types, paths, sizes, numbers, the form of every answer."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from structlog.typing import EventDict
from support.http import serving

from engine.api.app import create_app
from engine.api.gate import LARGEST_BODY
from engine.api.limits import WRONG_PER_MINUTE
from engine.api.services import Services
from engine.state.database import Database

LIST = "/v1/connections"


def basic(key: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{key}:{secret}'.encode()).decode()}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer token"},
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"nocolon").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
        basic("nobody", "secret"),
        basic("nul\0", "secret"),
        basic("", ""),
    ],
)
def test_without_good_credentials_nothing_is_answered(anonymous: httpx.Client, headers: dict[str, str]) -> None:
    answer = anonymous.get(LIST, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "Unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert set(answer.json()) == {"code", "message"}


def test_a_key_opens_with_its_own_secret_only_and_until_it_is_revoked(
    anonymous: httpx.Client, services: Services
) -> None:
    key, secret = services.keys.create("one")
    other, _ = services.keys.create("other")
    good = basic(key.id, secret.get_secret_value())
    assert anonymous.get(LIST, headers=good).status_code == 200
    assert anonymous.get(LIST, headers=basic(other.id, secret.get_secret_value())).status_code == 401
    services.keys.revoke(key.id)
    assert anonymous.get(LIST, headers=good).status_code == 401


def test_a_key_that_may_read_changes_nothing(anonymous: httpx.Client, services: Services) -> None:
    key, secret = services.keys.create("reader", ["read"])
    headers = basic(key.id, secret.get_secret_value())
    assert anonymous.get(LIST, headers=headers).status_code == 200
    for method in ("POST", "PATCH", "DELETE"):
        path = LIST if method == "POST" else f"{LIST}/x"
        answer = anonymous.request(method, path, headers=headers, json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "Forbidden")


def test_secrets_of_keys_are_stored_hashed_and_their_use_is_seen(
    client: httpx.Client, services: Services, database: Database
) -> None:
    _key, secret = services.keys.create("another")
    with database.transaction() as reading:
        stored = str(reading.execute(text("SELECT * FROM penstock.api_keys")).all())
    assert secret.get_secret_value() not in stored
    assert services.keys.all()[0].last_used_at is None
    client.get(LIST)
    assert services.keys.all()[0].last_used_at is not None
    assert services.keys.all()[1].last_used_at is None


def test_wrong_tries_are_stopped_for_that_key_and_for_no_other(anonymous: httpx.Client, services: Services) -> None:
    key, secret = services.keys.create("guessed")
    other, other_secret = services.keys.create("other")
    for _ in range(WRONG_PER_MINUTE):
        assert anonymous.get(LIST, headers=basic(key.id, "wrong")).status_code == 401
    answer = anonymous.get(LIST, headers=basic(key.id, secret.get_secret_value()))
    assert (answer.status_code, answer.json()["code"]) == (429, "TooManyRequests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert anonymous.get(LIST, headers=basic(other.id, other_secret.get_secret_value())).status_code == 200


@pytest.mark.parametrize("path", [LIST, "/v1/connectors"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_old_paths_and_slashes_lead_to_the_same_answer(client: httpx.Client, path: str, slash: str) -> None:
    answer = client.get(path + slash)
    assert (answer.status_code, answer.json()) == (200, {"code": "Success", "data": {"items": []}})


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200),
        ("*/*", 200),
        ("application/json", 200),
        ("application/json;version=2", 200),
        ("text/html, application/*;q=0.5", 200),
        ("text/html", 406),
        ("application/xml", 406),
    ],
)
def test_what_can_be_accepted(client: httpx.Client, accept: str | None, status: int) -> None:
    headers = {"Accept": accept} if accept else {}
    if accept is None:
        del client.headers["Accept"]
    assert client.get(LIST, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 400),
        ("application/json;version=2", 400),
        (None, 400),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
def test_bodies_are_json(client: httpx.Client, content_type: str | None, status: int) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    assert client.post(LIST, content=b"{}", headers=headers).status_code == status
    assert client.get(LIST, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "The body is no JSON"),
        (b"[]", "The body must be a JSON object."),
        (b'"\\ud800"', "The body is no JSON"),
        (b"\xff", "The body is no JSON"),
        (b"[" * 100_000, "The body is no JSON"),
        (b'{"service": "a\\u0000b"}', "The body holds a NUL character"),
        (b'{"a\\u0000b": 1}', "The body holds a NUL character"),
    ],
)
def test_a_body_that_is_none_is_told(client: httpx.Client, body: bytes, told: str) -> None:
    answer = client.post(LIST, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")
    assert answer.json()["message"].startswith(told)


def test_a_body_that_is_too_large_is_refused_also_when_it_hides_its_size(client: httpx.Client) -> None:
    large = json.dumps({"service": "x" * LARGEST_BODY}).encode()
    for content in (large, iter([large[:1000], large[1000:]])):
        answer = client.post(LIST, content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "PayloadTooLarge")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "NotFound"),
        ("PUT", LIST, 405, "MethodNotAllowed"),
        ("GET", "/v1/connections/%00", 400, "InvalidInput"),
        ("GET", "/v1/connections?schema=%00", 400, "InvalidInput"),
        ("GET", "/v1/connections?limit=0", 400, "InvalidInput"),
        ("GET", "/v1/connections?limit=1001", 400, "InvalidInput"),
        ("GET", "/v1/connections?limit=many", 400, "InvalidInput"),
        ("GET", "/v1/connections?cursor=%21", 400, "InvalidInput"),
        ("GET", "/v1/connections?cursor=AA%3D%3D", 400, "InvalidInput"),
        ("GET", "/v1/connections?group_id=nope", 404, "NotFound_Group"),
        ("GET", "/v1/connections/nope", 404, "NotFound_Connection"),
        ("GET", "/v1/connectors/nope", 404, "NotFound_Connector"),
    ],
)
def test_what_cannot_be_answered_has_its_code(
    client: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", f"{LIST}?limit=many", b""),
        ("GET", f"{LIST}?cursor=%21", b""),
        ("POST", LIST, b"{"),
        ("PATCH", "/v1/groups/nope", b"[]"),
    ],
)
def test_without_a_key_nothing_else_is_looked_at(
    anonymous: httpx.Client, method: str, path: str, content: bytes
) -> None:
    assert anonymous.request(method, path, content=content).status_code == 401


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (LIST, "GET, POST"),
        ("/v1/connectors/x", "GET, PATCH, DELETE"),
        ("/v1/connections/x/sync", "POST"),
        ("/v1/metadata/connector-types", "GET"),
    ],
)
def test_all_methods_of_a_path_are_told_where_another_one_is_tried(
    client: httpx.Client, path: str, allowed: str
) -> None:
    answer = client.put(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "path", ["/healthz", "/metrics", "/openapi.json", LIST, f"{LIST}/nope", "/v1/nothing", "/connect-card/setup"]
)
def test_head_is_get_without_a_body(client: httpx.Client, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("Content-Type", "Content-Length", "X-Rate-Limit"):
        assert head.headers.get(name) == get.headers.get(name)


def test_a_parameter_that_cannot_be_taken_is_named(client: httpx.Client) -> None:
    assert client.get(f"{LIST}?limit=0").json()["message"] == "limit: must be 1 or more."


def test_every_answer_has_a_number_and_its_limits(client: httpx.Client) -> None:
    first, second = client.get(LIST), client.get(LIST)
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert client.get(LIST, headers={"X-Request-Id": "my-own.1"}).headers["X-Request-Id"] == "my-own.1"
    assert client.get(LIST, headers={"X-Request-Id": "no good"}).headers["X-Request-Id"] != "no good"
    assert client.get("/v1/nothing").headers["X-Request-Id"]
    remaining = [int(each.headers["X-Rate-Limit-Remaining"]) for each in (first, second)]
    assert remaining[0] == remaining[1] + 1 < int(first.headers["X-Rate-Limit"])


def test_another_origin_gets_no_leave(client: httpx.Client) -> None:
    answer = client.get(LIST, headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_crash_is_told_without_what_it_was(
    client: httpx.Client, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(**_: Any) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(services.connections, "page", crash)
    answer = client.get(LIST)
    assert (answer.status_code, answer.json()["code"]) == (500, "InternalError")
    assert "planted" not in answer.text


@pytest.mark.parametrize("path", [LIST, "/metrics", "/connect-card/callback?state=a.b"])
def test_where_the_state_database_is_only_the_log_tells(
    services: Services, database: Database, logs: list[EventDict], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def statuses() -> Any:
        with database.autocommit() as reading:
            return reading.execute(text("SELECT 1")).all()

    away = Database(SecretStr("postgresql://u:p@127.0.0.1:1/d"))
    for name in ("_reading", "_writing", "_parameters"):
        monkeypatch.setattr(database, name, getattr(away, name))
    with serving(create_app({}, statuses, services)) as url:
        answer = httpx.get(f"{url}{path}", headers=basic("a", "b"))
    assert answer.status_code == 503
    assert "The state database does not answer. Try again later." in answer.text
    assert "127.0.0.1:1" not in answer.text
    assert "127.0.0.1:1 cannot be used: Connection refused" in str(logs)


def test_pages_hold_every_item_once(client: httpx.Client, create: Any) -> None:
    made = {create(f"crm_{number}")["id"] for number in range(5)}
    seen: list[str] = []
    data: dict[str, Any] = {"next_cursor": None}
    while "next_cursor" in data:
        cursor = {"cursor": data["next_cursor"]} if data["next_cursor"] else {}
        data = client.get(LIST, params={"limit": 2, **cursor}).json()["data"]
        assert len(data["items"]) <= 2
        seen += [item["id"] for item in data["items"]]
    assert len(seen) == 5
    assert set(seen) == made
