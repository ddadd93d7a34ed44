"""Connect Cards as HTTP: what the API gives, what the pages let in, and what comes out of it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from sqlalchemy import text
from structlog.typing import EventDict
from support.card import SITE, Stage
from support.rig import eventually

from connectors.hubspot.authorization import SCOPES
from connectors.hubspot.sandbox.account import CLIENT_ID, CLIENT_SECRET
from connectors.hubspot.sandbox.faults import Fault, FaultKind
from engine.schedule import facts
from engine.schedule.due import is_due

APP = {"client_id": "a", "client_secret": "own"}
CONFIG = {"redirect_uri": SITE}


def begin(browser: httpx.Client, uri: str) -> str:
    """Open the card and go on to HubSpot; gives HubSpot's address."""
    assert browser.get(uri).status_code == 200
    token = parse_qs(urlsplit(uri).query)["auth"][0]
    answer = browser.post("/connect-card/authorize", data={"auth": token})
    assert answer.status_code == 200, answer.text
    found = re.search(r'href="([^"]+/oauth/authorize[^"]+)"', answer.text)
    assert found
    return found[1].replace("&amp;", "&")


def consent(authorize: str, decision: str = "grant") -> str:
    """What HubSpot sends the person back to."""
    answer = httpx.post(authorize, data={"decision": decision})
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def connect(browser: httpx.Client, uri: str) -> str:
    """Go the whole way; gives the last page."""
    browser.get(consent(begin(browser, uri)))
    return str(eventually(lambda: (page := browser.get(uri).text) and 'data-result=""' not in page and page))


def events(stage: Stage) -> list[str]:
    with stage.database.transaction() as reading:
        return list(reading.scalars(text("SELECT kind FROM penstock.events ORDER BY id")))


# What the API gives


def test_creating_a_connection_with_a_card_config_gives_a_card(stage: Stage) -> None:
    made = stage.create()
    assert made["connect_card_config"] == CONFIG
    assert (made["status"]["setup_state"], made["setup_tests"]) == ("incomplete", [])
    card = made["connect_card"]
    assert card["uri"] == f"{stage.url}/connect-card/setup?auth={card['token']}"
    again = stage.client.get(f"/v1/connections/{made['id']}").json()["data"]
    assert "connect_card" not in again


@pytest.mark.parametrize("path", ["connections", "connectors"])
def test_a_card_can_be_made_at_any_time(stage: Stage, browser: httpx.Client, path: str) -> None:
    made = stage.create(connect_card_config=None, run_setup_tests=False)
    assert "connect_card" not in made
    config = {"redirect_uri": "https://elsewhere.example/x", "hide_setup_guide": True}
    answer = stage.client.post(f"/v1/{path}/{made['id']}/connect-card", json={"connect_card_config": config})
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert (data["connector_id"], data["connect_card_config"]) == (made["id"], config)
    assert set(data["connect_card"]) == {"token", "uri"}
    page = browser.get(data["connect_card"]["uri"]).text
    assert "What will be read" not in page
    assert "elsewhere.example" in page
    kept = stage.client.post(f"/v1/{path}/{made['id']}/connect-card").json()["data"]
    assert kept["connect_card_config"] == config


def test_a_changed_card_config_gives_a_card_too(stage: Stage) -> None:
    made = stage.create(connect_card_config=None, run_setup_tests=False)
    change = {"connect_card_config": CONFIG}
    assert "connect_card" in stage.client.patch(f"/v1/connections/{made['id']}", json=change).json()["data"]


def test_without_an_app_there_is_no_card(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_HUBSPOT_CLIENT_ID")
    body: dict[str, Any] = {"service": "hubspot", "config": {"schema": "crm"}, "connect_card_config": CONFIG}
    answer = stage.client.post("/v1/connections", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("auth.client_access: is required for a Connect Card, unless PENSTOCK_")
    assert stage.client.get("/v1/connections").json()["data"]["items"] == []
    made = stage.create(auth={"client_access": APP})
    assert (made["status"]["setup_state"], made["setup_tests"]) == ("incomplete", [])


def test_a_reader_cannot_make_cards(stage: Stage) -> None:
    made = stage.create()
    key, secret = stage.services.keys.create("reader", ["read"])
    path = f"/v1/connections/{made['id']}/connect-card"
    answer = stage.client.post(path, json={}, auth=(key.id, secret.get_secret_value()))
    assert answer.status_code == 403


# The way there and back


def test_hubspot_is_asked_for_what_is_read_and_nothing_else(stage: Stage, browser: httpx.Client) -> None:
    authorize = begin(browser, stage.card())
    asked = dict(parse_qsl(urlsplit(authorize).query))
    assert authorize.startswith(f"{stage.hubspot.url}/oauth/authorize?")
    assert asked["client_id"] == CLIENT_ID
    assert asked["redirect_uri"] == f"{stage.url}/connect-card/callback"
    assert set(asked["scope"].split(" ")) == set(SCOPES)
    assert all(scope == "oauth" or scope.endswith(".read") for scope in SCOPES)
    assert CLIENT_SECRET not in authorize


def test_who_connects_leaves_a_connection_that_is_connected_and_due(stage: Stage, browser: httpx.Client) -> None:
    made = stage.create()
    page = connect(browser, made["connect_card"]["uri"])
    assert "HubSpot is connected" in page
    assert f"id={made['id']}&amp;outcome=connected" in page
    stored = stage.stored()
    assert stored.setup_state == "connected"
    auth = stage.credentials()
    assert auth["client_access"] == {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    assert auth["refresh_token"] not in str(vars(stored))
    found = facts.of_one(stage.database, stored.id, staggered=True)
    assert found
    assert is_due(found.schedule, found.last, found.now)
    assert events(stage) == ["created", "card_issued", "access_granted", "tested"]
    shown = stage.client.get(f"/v1/connections/{made['id']}").json()["data"]
    assert shown["status"]["setup_state"] == "connected"


def test_a_paused_connection_stays_so(stage: Stage, browser: httpx.Client) -> None:
    assert "it is paused" in connect(browser, stage.card(paused=True))
    found = facts.of_one(stage.database, stage.stored().id, staggered=True)
    assert found
    assert not is_due(found.schedule, found.last, found.now)


def test_a_connection_of_its_own_app_keeps_it(stage: Stage, browser: httpx.Client) -> None:
    authorize = begin(browser, stage.card(auth={"client_access": APP}))
    assert dict(parse_qsl(urlsplit(authorize).query))["client_id"] == "a"


def test_of_the_operators_own_app_the_newest_secret_counts(stage: Stage, browser: httpx.Client) -> None:
    uri = stage.card(auth={"client_access": {"client_id": CLIENT_ID, "client_secret": "outdated"}})
    assert "HubSpot is connected" in connect(browser, uri)
    assert stage.credentials()["client_access"]["client_secret"] == CLIENT_SECRET


def test_a_connection_that_was_synced_before_goes_on_at_once(stage: Stage, browser: httpx.Client) -> None:
    connect(browser, stage.card())
    with stage.database.transaction() as changing:
        changing.execute(
            text(
                "INSERT INTO penstock.syncs (connection_id, trigger, historical, outcome, error_code, finished_at)"
                " SELECT id, 'schedule', false, 'failed', 'credentials_rejected', now() FROM penstock.connections"
            )
        )
        changing.execute(text("UPDATE penstock.connections SET setup_state = 'broken'"))
    uri = stage.client.post("/v1/connections/crm/connect-card").json()["data"]["connect_card"]["uri"]
    assert "HubSpot is connected" in connect(browser, uri)
    with stage.database.transaction() as reading:
        assert reading.execute(text("SELECT status FROM penstock.procrastinate_jobs")).scalars().all() == ["todo"]


# What is not let in


def closed(answer: httpx.Response, status: int, title: str) -> None:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert f"<h1>{title}</h1>" in answer.text


def test_a_used_card_connects_nothing_any_more(stage: Stage, browser: httpx.Client) -> None:
    uri = stage.card()
    connect(browser, uri)
    token = parse_qs(urlsplit(uri).query)["auth"][0]
    closed(browser.post("/connect-card/authorize", data={"auth": token}), 410, "This link is used up")


def test_a_newer_card_takes_the_place_of_an_older_one(stage: Stage, browser: httpx.Client) -> None:
    old = stage.card()
    back = consent(begin(browser, old))
    new = stage.client.post("/v1/connections/crm/connect-card").json()["data"]["connect_card"]["uri"]
    closed(browser.get(old), 410, "This link is not good any more")
    closed(browser.get(back), 400, "Start again from your link")
    assert stage.stored().auth is None
    assert "HubSpot is connected" in connect(browser, new)


def test_a_card_goes_with_its_connection(stage: Stage, browser: httpx.Client) -> None:
    uri = stage.card()
    stage.client.delete("/v1/connections/crm")
    closed(browser.get(uri), 410, "This link is not good any more")


def test_a_card_opens_its_own_connection_only(stage: Stage, browser: httpx.Client) -> None:
    stage.create("other")
    connect(browser, stage.card())
    assert (stage.stored("crm").setup_state, stage.stored("other").setup_state) == ("connected", "incomplete")


@pytest.mark.parametrize("token", ["", "x", "eyJhbGciOiJub25lIn0.e30.", "%00", "ä"])
def test_a_token_that_was_not_made_here_opens_nothing(stage: Stage, browser: httpx.Client, token: str) -> None:
    if token != "%00":  # which no address can hold
        closed(browser.get(f"/connect-card/setup?auth={token}"), 404, "There is nothing here")
    closed(browser.post("/connect-card/authorize", data={"auth": token}), 404, "There is nothing here")


@pytest.mark.parametrize("query", ["", "state=", "state=x&code=y", "state=x.y&code=y", "error=access_denied"])
def test_who_has_begun_nothing_gets_nothing(stage: Stage, browser: httpx.Client, query: str) -> None:
    stage.create()
    closed(browser.get(f"/connect-card/callback?{query}"), 400, "Start again from your link")


def test_what_comes_back_is_taken_from_the_browser_that_began_only(stage: Stage, browser: httpx.Client) -> None:
    back = consent(begin(browser, stage.card()))
    with httpx.Client() as other:
        closed(other.get(back), 400, "Start again from your link")
    assert stage.stored().auth is None
    assert browser.get(back).status_code == 200
    assert stage.stored().auth is not None


def test_a_state_that_was_changed_is_not_taken(stage: Stage, browser: httpx.Client) -> None:
    back = consent(begin(browser, stage.card()))
    page = browser.get(re.sub(r"state=(\w+)\.[^&]+", r"state=\1.other", back))
    assert "for an earlier try, or came twice. Start again." in page.text
    assert stage.stored().auth is None


def test_of_two_beginnings_the_last_one_counts(stage: Stage, browser: httpx.Client) -> None:
    uri = stage.card()
    first = consent(begin(browser, uri))
    second = consent(begin(browser, uri))
    assert "for an earlier try" in browser.get(first).text
    assert stage.stored().auth is None
    browser.get(second)
    assert stage.stored().auth is not None


def test_a_state_is_good_for_one_time(stage: Stage, browser: httpx.Client) -> None:
    back = consent(begin(browser, stage.card()))
    stage.hubspot.fault(Fault(FaultKind.RESET, path="/token"))
    assert "HubSpot gave no answer" in browser.get(back).text
    assert "HubSpot gave no answer" in browser.get(back).text  # it would now
    assert stage.stored().auth is None


def test_coming_back_twice_leads_to_what_the_first_time_has_come_to(stage: Stage, browser: httpx.Client) -> None:
    back = consent(begin(browser, stage.card()))
    browser.get(back)
    assert eventually(lambda: "outcome=connected" in browser.get(back).text)
    assert events(stage).count("access_granted") == 1


def test_an_error_of_hubspots_is_told_and_nothing_of_it_is_put_into_the_page(
    stage: Stage, browser: httpx.Client
) -> None:
    uri = stage.card()
    state = dict(parse_qsl(urlsplit(begin(browser, uri)).query))["state"]
    page = browser.get("/connect-card/callback", params={"state": state, "error": "<b>server</b>"}).text
    assert "HubSpot sent no access back. Start again." in page
    state = dict(parse_qsl(urlsplit(begin(browser, uri)).query))["state"]
    page = browser.get("/connect-card/callback", params={"state": state, "error": "server_error"}).text
    assert "HubSpot sent no access back (server_error). Start again." in page


# What every page keeps to


def test_a_crash_is_a_page_too(stage: Stage, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.services.cards, "open", None)
    answer = browser.get(stage.card())
    closed(answer, 500, "That cannot be done now")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_every_answer_is_sealed(stage: Stage, browser: httpx.Client) -> None:
    uri = stage.card()
    pages = [
        browser.get(uri),
        browser.get(f"{uri}x"),
        browser.get("/connect-card/callback"),
        browser.get("/connect-card/nothing"),
        browser.get("/connect-card/static/style.css"),
        browser.post("/connect-card/authorize", data={"auth": parse_qs(urlsplit(uri).query)["auth"][0]}),
        browser.get("/connect-card/callback?state=x", follow_redirects=False),
    ]
    for answer in pages:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for answer in pages[:4]:
        outside = set(re.findall(r'(?:src|href|action)="(https?://[^/"]+)', answer.text)) - {"http://127.0.0.1:9"}
        assert outside == set()
        assert "<style" not in answer.text
        assert not re.search(r"<script(?! src)|\son\w+=|style=", answer.text)


def test_the_cookie_is_for_these_pages_and_no_script(stage: Stage, browser: httpx.Client) -> None:
    token = stage.create()["connect_card"]["token"]
    cookie = browser.post("/connect-card/authorize", data={"auth": token}).headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/connect-card", "SameSite=lax"} <= set(cookie.split("; "))


@pytest.mark.parametrize("name", ["redirect_uri", "schema"])
def test_what_is_put_into_a_page_is_escaped(stage: Stage, browser: httpx.Client, name: str) -> None:
    made = stage.create()
    planted = '"><script>alert(1)</script>'
    with stage.database.transaction() as changing:
        if name == "schema":
            changing.execute(text("UPDATE penstock.connections SET schema = :planted"), {"planted": planted})
        else:
            config = "jsonb_build_object('redirect_uri', CAST(:uri AS text))"
            change = text(f"UPDATE penstock.connections SET connect_card_config = {config}")
            changing.execute(change, {"uri": f"https://a{planted}.example/{planted}"})
    page = browser.get(made["connect_card"]["uri"])
    assert page.status_code == 200
    assert "<script>" not in page.text


def test_no_secret_is_logged_or_stored_in_the_clear(stage: Stage, browser: httpx.Client, logs: list[EventDict]) -> None:
    made = stage.create()
    back = consent(begin(browser, made["connect_card"]["uri"]))
    browser.get(back)
    eventually(lambda: stage.stored().setup_state == "connected")
    answered = dict(parse_qsl(urlsplit(back).query))
    secrets = [made["connect_card"]["token"], answered["code"], answered["state"], *browser.cookies.values()]
    secrets += [CLIENT_SECRET, stage.credentials()["refresh_token"]]
    with stage.database.transaction() as reading:
        tables = ("connections", "connect_cards", "events", "setup_tests")
        stored = str([reading.execute(text(f"SELECT * FROM penstock.{table}")).all() for table in tables])
    assert len(secrets) == 6
    assert [secret for secret in secrets if secret in stored] == []
    assert [line for line in map(str, logs) if any(secret in line for secret in secrets)] == []
