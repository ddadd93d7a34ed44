"""What a client makes of a row of answers: what it waits, what it gives or raises, and how often it calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.hubspot import wire
from connectors.hubspot.client import Client
from connectors.hubspot.config import HubSpotAuth
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.transport import Answer
from engine.contract import CredentialsRejected, PenstockError, QuotaSpent, SourceRefused, SourceUnavailable

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STATIC = {"access_token": "pat"}
OAUTH = {"refresh_token": "r1", "client_access": {"client_id": "id", "client_secret": "shh"}}
DECODER = msgspec.json.Decoder(dict[str, Any])


class Host:
    """Waiting takes no time, but moves the clock."""

    def __init__(self, auth: Mapping[str, Any]) -> None:
        self.auth = dict(auth)
        self.clock = NOW
        self.waited: list[float] = []
        self.calls = 0

    def now(self) -> datetime:
        return self.clock

    def wait(self, seconds: float) -> None:
        if seconds:
            self.waited.append(seconds)
        self.clock += timedelta(seconds=seconds)

    def acquire(self, account: str, policy: str, *, limit: int, seconds: float) -> None: ...

    def hold(self, account: str, policy: str, *, seconds: float) -> None: ...

    def called(self) -> None:
        self.calls += 1

    def credentials(self) -> Mapping[str, Any]:
        return self.auth

    def keep_credentials(self, auth: Mapping[str, Any]) -> None:
        self.auth = dict(auth)

    def proxy(self) -> None:
        return None


class Api:
    """Answers a path with what stands first for it, and with the last one for ever."""

    def __init__(self, **answers: list[Answer | str]) -> None:
        answers.setdefault("account", [ok(portalId=7, timeZone="US/Eastern")])
        self._answers = answers
        self.asked: list[str] = []

    def send(self, _method: str, target: str, headers: Mapping[str, str], _body: bytes | None = None) -> Answer:
        name = next((name for name in self._answers if name in target), "x")
        self.asked.append(f"{name} {headers.get('Authorization', '')}".strip())
        answers = self._answers[name]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, str):
            raise ConnectionError(answer)
        return answer


def ok(**body: Any) -> Answer:
    return Answer(200, {}, json.dumps(body).encode())


def no(status: int, body: Any = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, json.dumps(body or {"message": "no"}).encode())


def client(host: Host, api: Api, monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client(HubSpotAuth.model_validate(host.auth), HubSpotSettings(api_url="http://hubspot.test"), host)
    monkeypatch.setattr(made._transport, "send", api.send)
    return made


def get(asking: Client) -> dict[str, Any]:
    return asking.get("/x", {}, DECODER, doing="reading x")


FINE = ok(fine=True)

SURVIVED: dict[str, tuple[list[Answer | str], list[float]]] = {
    "a gateway's HTML": ([Answer(502, {}, b"<html>"), Answer(503, {}, b"<html>")], [0.5, 1.0]),
    "a web server that is down": ([Answer(521, {}, b"<html>"), Answer(523, {}, b"")], [0.5, 1.0]),
    "no answer in time": ([Answer(524, {}, b"<html>"), "no answer came in time"], [0.5, 1.0]),
    "a line that breaks": (["the connection broke off"] * 3, [0.5, 1.0, 2.0]),
    "a name that is unknown for a while": (["the name x cannot be resolved"] * 4, [0.5, 1.0, 2.0, 4.0]),
    "half an answer": ([Answer(200, {}, b'{"results": [')], [0.5]),
    "locked": ([no(423)], [2.0]),
    "moving house, soon over": ([no(477, Retry_After="90")], [90.0]),
    "a 401 to a good token": ([no(401)], [0.5]),
    "two 401s to a good token": ([no(401), no(401)], [0.5, 1.0]),
    "a 530 to a token of good form": ([Answer(530, {}, b"<html>error code: 1016</html>")] * 3, [0.5, 1.0, 2.0]),
}


@pytest.mark.parametrize(("answers", "waited"), SURVIVED.values(), ids=SURVIVED)
def test_what_passes_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, answers: list[Answer | str], waited: list[float]
) -> None:
    host = Host(STATIC)
    asking = client(host, Api(x=[*answers, FINE]), monkeypatch)
    asking.account()
    assert get(asking) == {"fine": True}
    assert host.waited == pytest.approx(waited, rel=0.26)


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Mon, 23 Nov 2026 12:00:00 GMT", timedelta(days=3, seconds=1)),
        ("Fri, 20 Nov 2026 09:00:00 GMT", timedelta(hours=-3, seconds=1)),
        ("Fri, 20 Nov 2026 12:00:59 GMT", timedelta()),
        ("soon", timedelta()),
        (None, timedelta()),
    ],
)
def test_the_time_is_hubspots_where_ours_is_another(
    monkeypatch: pytest.MonkeyPatch, date: str | None, ahead: timedelta
) -> None:
    asking = client(Host(STATIC), Api(x=[FINE._replace(headers={"Date": date} if date else {})]), monkeypatch)
    get(asking)
    assert asking.now() == NOW + ahead


def test_an_answer_in_part_is_taken_where_it_is_of_use_and_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(STATIC)
    body = {"results": [], "errors": [{"category": "INTERNAL_ERROR", "message": "try later"}]}
    decoder = msgspec.json.Decoder(wire.AssociationsAnswer)
    asking = client(host, Api(x=[ok(**body)]), monkeypatch)
    with pytest.raises(SourceUnavailable, match="try later"):
        asking.post("/x", {}, decoder, doing="reading x")
    asked = host.calls
    answer = asking.post("/x", {}, decoder, doing="reading x", in_part=True)
    assert [error.category for error in answer.errors or ()] == ["INTERNAL_ERROR"]
    assert host.calls == 2 * asked > 2


ENDED: dict[str, tuple[list[Answer | str], type[PenstockError], str, int]] = {
    "a gateway": ([Answer(502, {}, b"<html>")], SourceUnavailable, "did not recover from HTTP 502 when reading x", 8),
    "no network": (["h:1 cannot be reached"], SourceUnavailable, "gave no answer of use when reading x: h:1 cannot", 8),
    "half answers": ([Answer(200, {}, b"{")], SourceUnavailable, "no answer of use when reading x: an answer that is", 8),
    "moving house": ([no(477, Retry_After="86400")], QuotaSpent, "come back in 1440 minutes", 1),
    "a token revoked on the way": ([no(401)], CredentialsRejected, "does not accept the credentials .HTTP 401", 4),
    "a gateway that says 530": ([Answer(530, {}, b"")], SourceUnavailable, "did not recover from HTTP 530", 8),
    "a refusal": ([no(400)], SourceRefused, "refused with HTTP 400", 1),
}  # fmt: skip


@pytest.mark.parametrize(("answers", "error", "said", "calls"), ENDED.values(), ids=ENDED)
def test_what_does_not_pass_ends_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, answers: list[Answer | str], error: type[PenstockError], said: str, calls: int
) -> None:
    host = Host(STATIC)
    asking = client(host, Api(x=answers), monkeypatch)
    asking.account()
    with pytest.raises(error, match=said):
        get(asking)
    assert host.calls == 1 + calls
    assert sum(host.waited) < 120


@pytest.mark.parametrize("status", [401, 530])
def test_a_token_that_never_was_good_is_told_at_once(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    host = Host(STATIC)
    with pytest.raises(CredentialsRejected, match=f"HTTP {status}.*Check that the token is complete"):
        client(host, Api(account=[no(status)]), monkeypatch).account()
    assert (host.calls, host.waited) == (1, [])


def test_a_static_token_that_a_person_replaces_meanwhile_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(STATIC)
    api = Api(x=[no(401), FINE])
    asking = client(host, api, monkeypatch)
    host.auth = {"access_token": "new"}
    assert get(asking) == {"fine": True}
    assert api.asked == ["x Bearer pat", "x Bearer new"]


def token(number: int, seconds: int = 1800) -> Answer:
    return ok(access_token=f"a{number}", refresh_token="r1", expires_in=seconds, token_type="bearer")


def test_a_401_renews_the_token_before_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(token=[token(1), token(2)], x=[no(401), FINE])
    assert get(client(Host(OAUTH), api, monkeypatch)) == {"fine": True}
    assert api.asked == ["token", "x Bearer a1", "token", "x Bearer a2"]


def test_a_token_that_runs_out_while_a_call_waits_is_renewed_for_the_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(token=[token(1, 100), token(2, 100)], x=[no(477, Retry_After="90"), FINE])
    assert get(client(Host(OAUTH), api, monkeypatch)) == {"fine": True}
    assert api.asked == ["token", "x Bearer a1", "token", "x Bearer a2"]


@pytest.mark.parametrize(
    ("answers", "error", "said", "calls"),
    [
        ([no(400, {"status": "BAD_REFRESH_TOKEN", "message": "expired"})], CredentialsRejected, "BAD_REFRESH_TOKEN.*Reconnect", 1),
        ([no(400, {"error": "invalid_client"})], CredentialsRejected, "invalid_client", 1),
        ([Answer(401, {}, b"<html>")], CredentialsRejected, "401", 1),
        ([Answer(403, {}, b"<html>blocked</html>")], PenstockError, "renewing the access token", 1),
        ([Answer(404, {}, b"")], SourceRefused, "HTTP 404 when renewing", 1),
        ([Answer(502, {}, b"<html>")], SourceUnavailable, "HTTP 502 when renewing", 8),
        (["the connection broke off"], SourceUnavailable, "when renewing the access token: the connection broke", 8),
        ([Answer(200, {}, b"<html>")], SourceUnavailable, "when renewing the access token: an answer that is no", 8),
        ([no(429, Retry_After="3600")], QuotaSpent, "60 minutes", 1),
    ],
)  # fmt: skip
def test_what_the_token_endpoint_answers_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, answers: list[Answer | str], error: type[PenstockError], said: str, calls: int
) -> None:
    host = Host(OAUTH)
    with pytest.raises(error, match=said):
        get(client(host, Api(token=answers), monkeypatch))
    assert host.calls == calls


def usage(*resets_at: str | None) -> Answer:
    return ok(results=[{"name": "private-apps", "resetsAt": at} for at in resets_at])


DAILY = no(429, {"policyName": "DAILY", "message": "You have reached your daily limit."})


@pytest.mark.parametrize(
    ("told", "retry_at"),
    [
        (usage("2026-11-21T05:00:00.123Z"), datetime(2026, 11, 21, 5, 0, 0, 123000, tzinfo=UTC)),
        (usage(None, "soon", "2026-11-20T15:00:00Z"), datetime(2026, 11, 20, 15, tzinfo=UTC)),
        (usage("2026-11-20T05:00:00Z"), datetime(2026, 11, 21, 5, tzinfo=UTC)),
        (DAILY, datetime(2026, 11, 21, 5, tzinfo=UTC)),
        (no(403), datetime(2026, 11, 21, 5, tzinfo=UTC)),
        ("the connection broke off", datetime(2026, 11, 21, 5, tzinfo=UTC)),
        (Answer(200, {}, b"<html>"), datetime(2026, 11, 21, 5, tzinfo=UTC)),
    ],
    ids=["told", "told among nonsense", "told what is over", "limited too", "no access", "broken", "nonsense"],
)
def test_a_spent_day_ends_the_sync_until_hubspots_next_one(
    monkeypatch: pytest.MonkeyPatch, told: Answer | str, retry_at: datetime
) -> None:
    host, api = Host(STATIC), Api(usage=[told], x=[DAILY])
    asking = client(host, api, monkeypatch)
    asking.account()
    for _ in range(3):
        with pytest.raises(QuotaSpent) as raised:
            get(asking)
        assert raised.value.retry_at == retry_at
    assert [each.split()[0] for each in api.asked] == ["account", "x", "usage"]


def test_a_day_that_is_spent_before_the_account_is_known_is_asked_about_every_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host(STATIC)
    with pytest.raises(QuotaSpent) as raised:
        client(host, Api(account=[DAILY], usage=[DAILY]), monkeypatch).account()
    assert raised.value.retry_at == NOW + timedelta(hours=1)
    assert host.calls == 2
