"""Limits, faults, and the doors by which another process changes the sandbox."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from support.sandbox_http import Caller
from typer.testing import CliRunner

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.cli import app
from connectors.hubspot.sandbox.faults import Fault, FaultKind
from connectors.hubspot.sandbox.limits import Limits
from connectors.hubspot.sandbox.oauth import Token
from connectors.hubspot.sandbox.server import RunningSandbox, listening_socket, running_sandbox

CONTACTS = "/crm/objects/2026-03/contacts"


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(Account(contacts=30, companies=4, deals=4)) as running:
        yield running


@pytest.fixture
def caller(sandbox: RunningSandbox) -> Iterator[Caller]:
    caller = Caller(sandbox.url, sandbox.token)
    yield caller
    caller.close()


def test_the_ten_secondly_limit_counts_down_and_then_refuses(caller: Caller, sandbox: RunningSandbox) -> None:
    sandbox.configure(limit=3)
    left = [caller.get(CONTACTS).headers["x-hubspot-ratelimit-remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = caller.get(CONTACTS)
    assert refused.status == 429
    assert refused.body["message"] == "You have reached your ten_secondly_rolling limit."
    assert (refused.body["policyName"], refused.body["errorType"]) == ("TEN_SECONDLY_ROLLING", "RATE_LIMIT")
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    sandbox.configure(retry_after=False)
    assert "retry-after" not in caller.get(CONTACTS).headers
    assert caller.search("contacts").status == 200, "search does not count"
    body = {"inputs": [{"id": "1"}]}
    assert caller.post("/crm/v4/associations/contacts/deals/batch/read", body).status == 207, (
        "nor do associations in batches"
    )


def test_each_token_has_a_window_of_its_own(caller: Caller, sandbox: RunningSandbox) -> None:
    sandbox.configure(limit=1)
    assert [caller.get(CONTACTS).status for _ in range(2)] == [200, 429]
    other = Caller(sandbox.url, sandbox.grant()["access_token"])
    answer = other.get(CONTACTS)
    assert answer.status == 200
    assert "x-hubspot-ratelimit-daily" not in answer.headers, "an OAuth app has no daily limit"
    other.close()


def test_search_has_five_a_second(caller: Caller, sandbox: RunningSandbox) -> None:
    sandbox.configure(search_limit=5)
    answers = [caller.search("contacts", limit=1) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert answers[-1].body["message"] == "You have reached your secondly limit."
    assert answers[-1].body["policyName"] == "SECONDLY"


def test_the_daily_limit_is_over_at_midnight_in_the_accounts_time_zone(caller: Caller, sandbox: RunningSandbox) -> None:
    sandbox.configure(daily_limit=2)
    assert [caller.get(CONTACTS).status for _ in range(3)] == [200, 200, 429]
    assert caller.search("contacts").body["policyName"] == "DAILY"
    sandbox.configure(daily_limit=3)
    [usage] = caller.get("/account-info/2026-03/api-usage/daily/private-apps").body["results"]
    assert (usage["usageLimit"], usage["currentUsage"]) == (3, 3)
    assert usage["resetsAt"].endswith("T05:00:00.000Z")
    sandbox.advance(86_400)
    assert caller.get(CONTACTS).status == 200


def test_a_window_rolls() -> None:
    limits = Limits(2, None, None, retry_after=True, now=lambda: 0)
    token = Token(set(), text="t")
    limits.take(token, search=False, exempt=False)
    [window] = limits._windows.values()
    window.taken[0] -= 9.5
    limits.take(token, search=False, exempt=False)
    window.taken[0] -= 0.6
    assert limits.take(token, search=False, exempt=False)["X-HubSpot-RateLimit-Remaining"] == "0"


@pytest.mark.parametrize(
    ("fault", "status", "json_body"),
    [
        (Fault(status=500), 500, True),
        (Fault(status=423), 423, True),
        (Fault(status=477, retry_after=60), 477, True),
        (Fault(status=502), 502, False),
        (Fault(status=524), 524, False),
        (Fault(status=429, policy="DAILY"), 429, True),
        (Fault(status=400, body={"status": "error", "message": "no"}), 400, True),
        (Fault(status=503, body="<html>soon</html>"), 503, False),
    ],
)
def test_a_fault_is_answered_once_instead_of_the_request(
    caller: Caller, sandbox: RunningSandbox, fault: Fault, status: int, json_body: bool
) -> None:
    sandbox.fault(fault)
    answer = caller.get(CONTACTS)
    assert answer.status == status
    assert isinstance(answer.body, dict) == json_body
    assert answer.headers.get("retry-after") == ("60" if fault.retry_after else "1" if fault.policy else None)
    assert caller.get(CONTACTS).status == 200


def test_faults_look_for_their_path_and_skip_some(caller: Caller, sandbox: RunningSandbox) -> None:
    sandbox.fault(Fault(path="deals", times=2, skip=1, status=500))
    statuses = [(caller.get(CONTACTS).status, caller.get("/crm/v3/objects/deals").status) for _ in range(4)]
    assert statuses == [(200, 200), (200, 500), (200, 500), (200, 200)]


@pytest.mark.parametrize("kind", [FaultKind.TRUNCATE, FaultKind.RESET, FaultKind.HANG])
def test_a_connection_may_break(caller: Caller, sandbox: RunningSandbox, kind: FaultKind) -> None:
    sandbox.fault(Fault(kind, seconds=0.05))
    with pytest.raises(urllib3.exceptions.HTTPError) as caught:
        caller.get(CONTACTS)
    assert {
        FaultKind.TRUNCATE: "IncompleteRead",
        FaultKind.RESET: "ConnectionResetError",
        FaultKind.HANG: "RemoteDisconnected",
    }[kind] in repr(caught.value)
    assert caller.get(CONTACTS).status == 200


@pytest.mark.parametrize("fault", [Fault(FaultKind.LATENCY, seconds=0.2), Fault(FaultKind.SLOW, seconds=0.2)])
def test_an_answer_may_take_its_time(caller: Caller, sandbox: RunningSandbox, fault: Fault) -> None:
    sandbox.fault(fault)
    started = time.monotonic()
    assert len(caller.get(CONTACTS, limit=30).ids) == 30
    assert time.monotonic() - started >= 0.19


def test_random_faults_come_at_their_rate_and_repeat_with_the_seed() -> None:
    def mixed() -> list[Any]:
        account = Account(contacts=1, fault_rate=0.3, seed=4)
        return [account.faults.next("GET", CONTACTS) for _ in range(300)]

    faults = mixed()
    assert 60 < sum(fault is not None for fault in faults) < 120
    assert faults == mixed()


def test_a_sandbox_stops_although_a_request_hangs(sandbox: RunningSandbox) -> None:
    with running_sandbox() as running:
        running.fault(Fault(FaultKind.HANG, seconds=60))
        connection = urllib3.HTTPConnectionPool(running.url.removeprefix("http://"), retries=False)
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            connection.request("GET", CONTACTS, timeout=0.1)
        started = time.monotonic()
    assert time.monotonic() - started < 2


def test_another_process_changes_the_world(caller: Caller, sandbox: RunningSandbox) -> None:
    first = sandbox.ids("contacts")[0]

    def call(method: str, **arguments: Any) -> Any:
        answer = caller.post(f"/sandbox/{method}", arguments)
        assert answer.status == 200, answer.body
        return answer.body["result"]

    call("update", object_type="contacts", record_id=first, properties={"city": "Arica"})
    assert call("get", object_type="contacts", record_id=first)["properties"]["city"] == "Arica"
    assert set(call("shuffle", object_type="deals", seed=1, updates=2)) == {"updated", "archived", "merged", "created"}
    call("configure", index_lag=2.5, short_pages=True)
    assert sandbox.short_pages
    call("advance", seconds=10)
    assert call("grant")["expires_in"] == 1800
    assert caller.post("/sandbox/faults", {"kind": "status", "status": 503, "times": 1}).status == 204
    assert caller.get(CONTACTS).status == 503
    assert caller.delete("/sandbox/faults").status == 204
    assert caller.post("/sandbox/faults", {"kind": "meteor"}).status == 400
    assert caller.post("/sandbox/update", {"object_type": "contacts"}).status == 400
    assert caller.post("/sandbox/lock").status == 404
    assert caller.get("/sandbox/state").body["records"]["contacts"] == {"live": 30, "archived": 0, "properties": 60}


def test_the_truth_is_every_record_as_a_line_of_json(caller: Caller, sandbox: RunningSandbox) -> None:
    ids = sandbox.ids("contacts")
    sandbox.archive("contacts", ids[1])
    sandbox.purge("contacts", ids[2])
    records = [json.loads(line) for line in caller.get("/sandbox/truth/contacts").body.splitlines()]
    assert [int(record["id"]) for record in records] == [ids[0], *ids[3:], ids[1]]
    assert all(len(record["properties"]) == 60 for record in records)
    assert records[-1]["archived"]
    assert records[0] == sandbox.get("contacts", ids[0])
    company = sandbox.ids("companies")[0]
    assert records[0]["associations"]["companies"] == [{"id": str(company), "typeIds": [1, 28, 279]}]


def test_the_command_says_where_it_listens_and_lets_its_token_in() -> None:
    command = [
        sys.executable,
        "-m",
        "connectors.hubspot.sandbox",
        "--contacts",
        "7",
        "--port",
        "0",
        "--token",
        "secret-1",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        found = re.fullmatch(r"HubSpot sandbox at (http://127\.0\.0\.1:\d+) with token secret-1\n", line)
        assert found, line
        caller = Caller(found[1], "secret-1")
        assert len(caller.get(CONTACTS, limit=100).ids) == 7
        caller.close()
        process.terminate()
        assert process.stdout.read() == ""


def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    with listening_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["--port", str(port)])
    assert result.exit_code == 2
    assert f"Cannot listen at 127.0.0.1:{port}" in result.output
