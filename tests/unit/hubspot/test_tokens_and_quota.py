from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.hubspot.config import HubSpotAuth
from connectors.hubspot.quota import Lane, Quota, next_midnight
from connectors.hubspot.tokens import RefreshedToken
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

    def acquire(self, account: str, policy: str, *, limit: int, seconds: float) -> None:
        self.acquired.append((account, policy, limit, seconds))

    def hold(self, account: str, policy: str, *, seconds: float) -> None: ...

    def wait(self, seconds: float) -> None: ...

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
    assert tokens.renewed(tokens.current()) == "a2"
    assert host.kept == {**AUTH, "refresh_token": "r3"}


def test_a_rejected_token_is_renewed_once_for_all_threads() -> None:
    endpoint = Endpoint("r1")
    tokens = _tokens(endpoint, RecordingHost())
    rejected = tokens.current()
    barrier = threading.Barrier(8)
    got: list[str | None] = []

    def renew() -> None:
        barrier.wait()
        got.append(tokens.renewed(rejected))

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


def test_a_revoked_refresh_token_is_rejected() -> None:
    with pytest.raises(CredentialsRejected):
        _tokens(Endpoint(), RecordingHost()).current()


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
    headers = {"X-HubSpot-RateLimit-Daily": "650000", "X-HubSpot-RateLimit-Daily-Remaining": left}
    if not spent:
        _quota(RecordingHost()).learn(headers)
        return
    with pytest.raises(QuotaSpent, match="2026-11-21 05:00") as raised:
        _quota(RecordingHost()).learn(headers)
    assert raised.value.retry_at == RESET


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("US/Eastern", datetime(2026, 11, 21, 5, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2026, 11, 20, 15, tzinfo=UTC)),
        (None, datetime(2026, 11, 21, tzinfo=UTC)),
        ("Mars/Olympus", datetime(2026, 11, 21, tzinfo=UTC)),
    ],
)
def test_hubspots_day_ends_at_midnight_in_the_accounts_time_zone(zone: str | None, midnight: datetime) -> None:
    assert next_midnight(zone, datetime(2026, 11, 20, 12, 30, tzinfo=UTC)) == midnight
