from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.hubspot.config import HubSpotAuth
from connectors.hubspot.quota import Lane, Quota, next_reset
from connectors.hubspot.tokens import RefreshedToken, StaticToken
from engine.contract import CredentialsRejected, QuotaSpent

AUTH = {"refresh_token": "r1", "client_access": {"client_id": "id", "client_secret": "shh"}}


class RecordingHost:
    """Keeps credentials, and notes what is asked of it."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = dict(AUTH)
        self.acquired: list[tuple[str, str, int, float]] = []
        self.clock = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.clock

    def credentials(self) -> Mapping[str, Any]:
        return self.kept

    def keep_credentials(self, auth: Mapping[str, Any]) -> None:
        self.kept = dict(auth)

    def proxy(self) -> None:
        return None

    def acquire(self, account: str, policy: str, *, limit: int, seconds: float) -> None:
        self.acquired.append((account, policy, limit, seconds))

    def hold(self, account: str, policy: str, *, seconds: float) -> None: ...

    def wait(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)

    def called(self) -> None: ...


class Endpoint:
    """A token endpoint that accepts the refresh tokens it is told to."""

    def __init__(self, *accepted: str, seconds: float = 1800, rotate: bool = False) -> None:
        self.accepted = set(accepted)
        self.seconds = seconds
        self.rotate = rotate
        self.calls = 0

    def __call__(self, form: Mapping[str, str]) -> tuple[str, float, str | None]:
        self.calls += 1
        if form["refresh_token"] not in self.accepted:
            raise CredentialsRejected("BAD_REFRESH_TOKEN")
        returned = f"r{self.calls + 1}" if self.rotate else form["refresh_token"]
        self.accepted.add(returned)
        return f"a{self.calls}", self.seconds, returned


def _tokens(endpoint: Endpoint, host: RecordingHost) -> RefreshedToken:
    return RefreshedToken(HubSpotAuth.model_validate(AUTH), host, endpoint)


@pytest.mark.parametrize(("seconds", "good_for"), [(1800, 1500), (5, 4), (60, 48)])
def test_a_token_is_renewed_before_it_runs_out(seconds: float, good_for: float) -> None:
    host, endpoint = RecordingHost(), Endpoint("r1", seconds=seconds)
    tokens = _tokens(endpoint, host)
    assert tokens.current() == "a1"
    host.clock += timedelta(seconds=good_for - 0.1)
    assert tokens.current() == "a1"
    host.clock += timedelta(seconds=0.2)
    assert tokens.current() == "a2"


def test_whatever_refresh_token_comes_back_is_kept_before_the_access_token_is_used() -> None:
    host, endpoint = RecordingHost(), Endpoint("r1", rotate=True)
    tokens = _tokens(endpoint, host)
    assert tokens.renewed(tokens.current())
    assert tokens.current() == "a2"
    assert host.kept == {**AUTH, "refresh_token": "r3"}


def test_a_rejected_token_is_renewed_once_for_all_threads() -> None:
    endpoint = Endpoint("r1")
    tokens = _tokens(endpoint, RecordingHost())
    rejected = tokens.current()
    barrier = threading.Barrier(8)
    got: list[str] = []

    def renew() -> None:
        barrier.wait()
        assert tokens.renewed(rejected)
        got.append(tokens.current())

    threads = [threading.Thread(target=renew) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["a2"] * 8
    assert endpoint.calls == 2


def test_a_race_lost_against_another_worker_is_harmless() -> None:
    host = RecordingHost()
    host.kept = {**AUTH, "refresh_token": "theirs"}
    assert _tokens(Endpoint("theirs"), host).current() == "a2"


def test_another_worker_that_has_not_stored_its_token_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    host = RecordingHost()

    def wait(seconds: float) -> None:
        if seconds:
            host.kept = {**AUTH, "refresh_token": "theirs"}

    monkeypatch.setattr(host, "wait", wait)
    assert _tokens(Endpoint("theirs"), host).current() == "a2"


def test_a_renewed_refresh_token_does_not_replace_what_somebody_else_has_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, endpoint = RecordingHost(), Endpoint("r1", rotate=True)
    reconnected = {"refresh_token": "new", "client_access": {"client_id": "other", "client_secret": "app"}}

    def exchange(form: Mapping[str, str]) -> tuple[str, float, str | None]:
        host.kept = dict(reconnected)
        return endpoint(form)

    assert RefreshedToken(HubSpotAuth.model_validate(AUTH), host, exchange).current() == "a1"
    assert host.kept == reconnected


def test_a_revoked_refresh_token_is_rejected_and_not_sent_again() -> None:
    endpoint = Endpoint()
    tokens = _tokens(endpoint, RecordingHost())
    for _ in range(3):
        with pytest.raises(CredentialsRejected):
            tokens.current()
    assert endpoint.calls == 1


def test_a_static_token_is_another_one_once_a_person_has_stored_it() -> None:
    host = RecordingHost()
    host.kept = {"access_token": "old"}
    token = StaticToken(SecretStr("old"), host)
    assert not token.renewed("old")
    host.kept = {"access_token": "new"}
    assert token.renewed("old")
    assert token.current() == "new"


RESET = datetime(2026, 11, 21, 5, tzinfo=UTC)


def _quota(host: RecordingHost) -> Quota:
    return Quota(host, "hubspot:1", lambda: RESET)


def test_the_limit_is_the_smallest_plans_until_hubspot_tells() -> None:
    host = RecordingHost()
    quota = _quota(host)
    quota.acquire(Lane.GENERAL)
    quota.learn({"X-HubSpot-RateLimit-Max": "190", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"})
    quota.learn({})
    quota.acquire(Lane.GENERAL)
    quota.acquire(Lane.SEARCH)
    assert host.acquired == [
        ("hubspot:1", "ten-secondly", 100, 10.0),
        ("hubspot:1", "ten-secondly", 190, 10.0),
        ("hubspot:1", "search", 4, 1.0),
    ]


@pytest.mark.parametrize(("left", "spent"), [("650000", False), ("32500", False), ("32499", True), ("0", True)])
def test_a_reserve_of_the_day_is_left_for_others(left: str, spent: bool) -> None:
    quota = _quota(RecordingHost())
    quota.learn({"X-HubSpot-RateLimit-Daily": "650000", "X-HubSpot-RateLimit-Daily-Remaining": left})
    if not spent:
        quota.acquire(Lane.SEARCH)
        return
    with pytest.raises(QuotaSpent, match="calls of the day are left") as raised:
        quota.acquire(Lane.SEARCH)
    assert raised.value.retry_at == RESET


def test_once_the_quota_is_spent_nobody_calls_and_its_reset_is_asked_once() -> None:
    host, asked = RecordingHost(), []

    def resets_at() -> datetime:
        asked.append(1)
        return RESET

    quota = Quota(host, "hubspot:1", resets_at)
    quota.spent("HubSpot's daily limit of API calls is reached.")
    for lane in Lane:
        with pytest.raises(QuotaSpent, match="daily limit"):
            quota.acquire(lane)
    assert (host.acquired, asked) == ([], [1])


def at(day: int, *time: int) -> datetime:
    return datetime(2026, 11, day, *time, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "zone", "now", "expected"),
    [
        ([at(21, 5)], "US/Eastern", at(20, 12, 30), at(21, 5)),
        ([at(21, 5), at(20, 13)], "US/Eastern", at(20, 12, 30), at(20, 13)),
        # not told, or told what is over: midnight in the account's time zone
        ([], "US/Eastern", at(20, 12, 30), at(21, 5)),
        ([at(19, 5)], "US/Eastern", at(20, 12, 30), at(21, 5)),
        ([], "Asia/Tokyo", at(20, 12, 30), at(20, 15)),
        ([], "UTC", at(20, 12, 30), at(21, 0)),
        # our clock is ahead of HubSpot's, which has not begun the new day
        ([at(21, 5)], "US/Eastern", at(21, 5, 0, 2), at(21, 5, 1, 2)),
        ([], "US/Eastern", at(21, 5, 0, 2), at(21, 5, 1, 2)),
        ([], "US/Eastern", at(21, 5, 20), at(22, 5)),
        # nothing is known: the next full hour is midnight somewhere
        ([], None, at(20, 12, 30), at(20, 13)),
        ([], "Mars/Olympus", at(20, 23, 59, 59), at(21, 0)),
    ],
)
def test_a_spent_quota_is_fresh_when_hubspot_begins_a_new_day(
    told: list[datetime], zone: str | None, now: datetime, expected: datetime
) -> None:
    assert next_reset(told, zone, now) == expected
