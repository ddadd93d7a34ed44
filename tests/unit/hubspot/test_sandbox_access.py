"""Tokens, OAuth, scopes, and the settings around the records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.sandbox_http import Answer, Caller

from connectors.hubspot.sandbox.account import CLIENT_ID, CLIENT_SECRET, Account
from connectors.hubspot.sandbox.server import RunningSandbox, running_sandbox

CLIENT = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
CALLBACK = "http://127.0.0.1:9/callback"


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(Account(contacts=5, companies=2, deals=2)) as running:
        yield running


@pytest.fixture
def caller(sandbox: RunningSandbox) -> Iterator[Caller]:
    caller = Caller(sandbox.url, sandbox.token)
    yield caller
    caller.close()


def listed(sandbox: RunningSandbox, token: str | None, path: str = "/crm/v3/objects/contacts") -> Answer:
    caller = Caller(sandbox.url, token)
    try:
        return caller.get(path)
    finally:
        caller.close()


def refresh(caller: Caller, refresh_token: str, changes: dict[str, str] | None = None) -> Answer:
    fields = {**CLIENT, "grant_type": "refresh_token", "refresh_token": refresh_token, **(changes or {})}
    return caller.form("/oauth/2026-03/token", fields)


@pytest.mark.parametrize("token", [None, "", "no-such-token"])
def test_without_a_valid_token_nobody_comes_in(sandbox: RunningSandbox, token: str | None) -> None:
    answer = listed(sandbox, token)
    assert (answer.status, answer.body["category"]) == (401, "INVALID_AUTHENTICATION")
    assert answer.headers["x-hubspot-auth-failure"] == "401 Unauthorized"


def test_a_revoked_static_token_is_not_let_in(sandbox: RunningSandbox) -> None:
    sandbox.add_token("pat-na1-other", ["crm.objects.contacts.read"])
    assert listed(sandbox, "pat-na1-other").status == 200
    sandbox.revoke("pat-na1-other")
    assert listed(sandbox, "pat-na1-other").status == 401


def test_a_person_consents_and_the_app_gets_tokens(caller: Caller, sandbox: RunningSandbox) -> None:
    asked = {"client_id": CLIENT_ID, "redirect_uri": CALLBACK, "scope": "crm.objects.contacts.read", "state": "s&1"}
    page = caller.get("/oauth/authorize", **asked)
    assert page.status == 200
    assert b"crm.objects.contacts.read" in page.body
    query = urlsplit(f"?{'&'.join(f'{k}={v}' for k, v in asked.items() if k != 'state')}&state=s%261").query
    back = caller.form(f"/oauth/authorize?{query}", {"decision": "grant"})
    answered = parse_qs(urlsplit(back.headers["location"]).query)
    assert (back.status, answered["state"]) == (302, ["s&1"])
    code = {**CLIENT, "grant_type": "authorization_code", "redirect_uri": CALLBACK, "code": answered["code"][0]}
    wrong = caller.form("/oauth/v3/token", {**code, "client_secret": "x"})
    assert (wrong.status, wrong.body["status"]) == (400, "BAD_CLIENT_SECRET")
    tokens = caller.form("/oauth/v3/token", code)
    assert tokens.status == 200
    assert tokens.body["expires_in"] == 1800
    assert tokens.body["scopes"] == ["crm.objects.contacts.read", "oauth"]
    assert listed(sandbox, tokens.body["access_token"]).status == 200
    again = caller.form("/oauth/v3/token", code)
    assert (again.status, again.body["status"]) == (400, "BAD_AUTH_CODE")


def test_a_person_denies(caller: Caller) -> None:
    query = f"client_id={CLIENT_ID}&redirect_uri={CALLBACK}?a=1&scope=oauth&state=xyz"
    back = caller.form(f"/oauth/authorize?{query}", {"decision": "deny"})
    answered = parse_qs(urlsplit(back.headers["location"]).query)
    assert (answered["error"], answered["state"], answered["a"]) == (["access_denied"], ["xyz"], ["1"])


@pytest.mark.parametrize(
    "asked",
    [
        {"client_id": "x", "redirect_uri": CALLBACK, "scope": "oauth"},
        {"client_id": CLIENT_ID, "redirect_uri": "javascript:alert(1)", "scope": "oauth"},
        {"client_id": CLIENT_ID, "redirect_uri": CALLBACK},
    ],
)
def test_what_an_app_asks_for_must_make_sense(caller: Caller, asked: dict[str, str]) -> None:
    assert caller.get("/oauth/authorize", **asked).status == 400


def test_an_access_token_expires_and_is_refreshed(caller: Caller, sandbox: RunningSandbox) -> None:
    tokens = sandbox.grant()
    assert listed(sandbox, tokens["access_token"]).status == 200
    sandbox.advance(1800 + 12 * 60)
    expired = listed(sandbox, tokens["access_token"])
    assert (expired.status, expired.body["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert expired.body["message"] == "The OAuth token used to make this call expired 12 minute(s) ago."
    assert expired.body["context"]["expire time"][0].endswith("Z")
    renewed = refresh(caller, tokens["refresh_token"]).body
    assert renewed["refresh_token"] == tokens["refresh_token"]
    assert listed(sandbox, renewed["access_token"]).status == 200


def test_a_rotated_refresh_token_replaces_the_old_one(caller: Caller, sandbox: RunningSandbox) -> None:
    sandbox.configure(rotate_refresh_tokens=True, expires_in=5)
    first = sandbox.grant()
    second = refresh(caller, first["refresh_token"]).body
    assert second["refresh_token"] != first["refresh_token"]
    assert second["expires_in"] == 5
    assert refresh(caller, first["refresh_token"]).status == 400
    assert refresh(caller, second["refresh_token"]).status == 200


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"refresh_token": "x"}, "BAD_REFRESH_TOKEN", "invalid_grant"),
        ({"client_id": "x"}, "BAD_CLIENT_ID", "invalid_client"),
        ({"client_secret": "x"}, "BAD_CLIENT_SECRET", "invalid_client"),
        ({"grant_type": "password"}, "BAD_GRANT_TYPE", "unsupported_grant_type"),
    ],
)
def test_a_bad_refresh_says_what_was_bad(
    caller: Caller, sandbox: RunningSandbox, changes: dict[str, str], status: str, error: str
) -> None:
    answer = refresh(caller, sandbox.grant()["refresh_token"], changes)
    assert (answer.status, answer.body["status"], answer.body["error"]) == (400, status, error)


def test_a_revoked_refresh_token_ends_what_came_from_it(caller: Caller, sandbox: RunningSandbox) -> None:
    tokens = sandbox.grant()
    assert caller.form("/oauth/v3/token/revoke", {**CLIENT, "token": tokens["refresh_token"]}).status == 204
    assert listed(sandbox, tokens["access_token"]).status == 401
    answer = refresh(caller, tokens["refresh_token"])
    assert (answer.status, answer.body["status"]) == (400, "BAD_REFRESH_TOKEN")


def test_version_1_of_the_token_endpoint_tells_less(caller: Caller, sandbox: RunningSandbox) -> None:
    fields = {**CLIENT, "grant_type": "refresh_token", "refresh_token": sandbox.grant()["refresh_token"]}
    assert set(caller.form("/oauth/v1/token", fields).body) == {
        "token_type",
        "refresh_token",
        "access_token",
        "expires_in",
    }


@pytest.mark.parametrize(
    ("kind", "field"), [("access_token", "token"), ("access_token", "access_token"), ("refresh_token", "refresh_token")]
)
def test_introspection_takes_either_field(caller: Caller, sandbox: RunningSandbox, kind: str, field: str) -> None:
    tokens = sandbox.grant(["crm.objects.deals.read"])
    about = caller.form("/oauth/v3/token/introspect", {**CLIENT, "token_type_hint": kind, field: tokens[kind]}).body
    assert about["active"] is True
    assert (about["token_use"], about["scopes"]) == (kind, ["crm.objects.deals.read", "oauth"])
    assert caller.form("/oauth/v3/token/introspect", {**CLIENT, "token": "x"}).body == {"active": False}


@pytest.mark.parametrize(
    ("scope", "method", "path", "named"),
    [
        ("crm.objects.deals.read", "get", "/crm/v3/objects/deals", ["crm.objects.deals.read"]),
        ("crm.objects.deals.write", "post", "/crm/v3/objects/deals", ["crm.objects.deals.write"]),
        ("crm.objects.deals.read", "post", "/crm/objects/2026-03/0-3/search", ["crm.objects.deals.read"]),
        ("crm.objects.owners.read", "get", "/crm/v3/owners", ["crm.objects.owners.read"]),
        (
            "crm.objects.companies.read",
            "post",
            "/crm/v4/associations/deals/companies/batch/read",
            ["crm.objects.companies.read"],
        ),
    ],
)
def test_a_missing_scope_is_named(
    caller: Caller, sandbox: RunningSandbox, *, scope: str, method: str, path: str, named: list[str]
) -> None:
    sandbox.remove_scope(scope)
    answer = getattr(caller, method)(path)
    assert (answer.status, answer.body["category"]) == (403, "MISSING_SCOPES")
    assert answer.body["errors"][0]["context"]["requiredGranularScopes"] == named
    assert caller.get("/crm/v3/objects/contacts").status == 200
    sandbox.add_scope(scope)
    assert getattr(caller, method)(path).status != 403


def test_properties_and_pipelines_want_either_scope(caller: Caller, sandbox: RunningSandbox) -> None:
    sandbox.remove_scope("crm.objects.deals.read")
    assert caller.get("/crm/v3/properties/deals").status == 200
    sandbox.remove_scope("crm.schemas.deals.read")
    for path in ("/crm/v3/properties/deals", "/crm/v3/pipelines/deals"):
        answer = caller.get(path)
        assert answer.status == 403
        assert len(answer.body["errors"][0]["context"]["requiredGranularScopes"]) == 2


def test_owners_are_active_or_archived_and_in_teams(caller: Caller) -> None:
    first = caller.get("/crm/owners/2026-03", limit=6)
    second = caller.get("/crm/owners/2026-03", limit=6, after=first.after)
    active: list[dict[str, Any]] = first.body["results"] + second.body["results"]
    assert len(active) == 9
    assert second.after is None
    assert [len(owner.get("teams", ())) for owner in active[:3]] == [0, 2, 1]
    [gone] = caller.get("/crm/v3/owners/", archived="true").body["results"]
    assert (gone["userId"], gone["archived"]) == (None, True)
    assert gone["userIdIncludingInactive"]
    assert "archivedAt" not in gone
    assert caller.get("/crm/v3/owners", email="owner3@example.com").body["results"] == [active[2]]
    assert caller.get(f"/crm/v3/owners/{active[4]['id']}").body == active[4]


def test_pipelines_have_stages_whose_metadata_is_text(caller: Caller) -> None:
    pipelines = caller.get("/crm/pipelines/2026-03/deals").body["results"]
    assert [pipeline["id"] for pipeline in pipelines] == ["default", "75830914"]
    stages = caller.get("/crm/v3/pipelines/deals/default/stages").body["results"]
    assert stages == caller.get("/crm/v3/pipelines/deals/default").body["stages"]
    assert stages[5]["metadata"] == {"isClosed": "true", "probability": "1.0"}
    assert caller.get("/crm/v3/pipelines/contacts").body == {"results": []}


def test_the_account_tells_about_itself(caller: Caller, sandbox: RunningSandbox) -> None:
    assert caller.get("/account-info/v3/details").body["timeZone"] == "US/Eastern"
    sandbox.archive("contacts", sandbox.ids("contacts")[0])
    usage = caller.get("/crm/limits/2026-03/records").body["hubspotDefinedObjectTypes"]
    assert {one["objectTypeId"]: one["usage"] for one in usage} == {"0-1": 4, "0-2": 2, "0-3": 2}
