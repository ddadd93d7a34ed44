"""The one door to HubSpot: every call of a sync goes through one `Client`, its pool, its tokens and its quota."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

from msgspec.json import Decoder, encode

from connectors.hubspot import wire
from connectors.hubspot.config import HubSpotAuth
from connectors.hubspot.failures import (
    BAD_TOKEN_FORMAT,
    LOCKED_WAIT,
    LONG_WAIT,
    SECONDLY_WAIT,
    TEN_SECONDLY_WAIT,
    Failure,
    Kind,
    read_failure,
)
from connectors.hubspot.paths import Paths
from connectors.hubspot.quota import Lane, Quota, next_reset
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.tokens import RefreshedToken, StaticToken, Tokens
from connectors.hubspot.transport import Transport
from connectors.hubspot.values import to_milliseconds
from engine.contract import CredentialsRejected, Host, QuotaSpent

T = TypeVar("T")
Body = Mapping[str, Any] | None

TRIES = 7
"""Tries of a call that fails for reasons that pass; with the waits between them a good minute."""
FEW_TRIES = 3
"""The same while a person waits: a few seconds."""
LIMIT_TRIES = 30
"""Tries of a call that a limit turns away: others may be using the account."""
DOUBTS = 3
"""Times that a token which was good before is rejected before that is believed: HubSpot has said 401 to good ones."""
ON_ITS_WAY = timedelta(minutes=2)
"""How long an answer can have been on its way: more than its timeout."""
LONGEST_PAUSE = 20.0
"""Seconds between two tries at the most."""

REFUSED_GRANT = (400, 401)
"""What the token endpoint answers, by RFC 6749, when the grant or the client is not valid."""

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ACCOUNT = Decoder(wire.Account)
_USAGE = Decoder(wire.DailyUsage)
_TOKEN = Decoder(wire.TokenAnswer)


class Client:
    """Calls HubSpot within the account's quota, with the retries each kind of failure asks for. Thread-safe.

    Raises, from every call: CredentialsRejected, AccessDenied, QuotaSpent, SourceRefused, SourceUnavailable, and
    Cancelled while it waits.
    """

    def __init__(self, auth: HubSpotAuth, settings: HubSpotSettings, host: Host) -> None:
        self.paths = Paths.of(settings.api_version)
        self.tries = TRIES
        self._host = host
        self._transport = Transport(settings.api_url, host.proxy())
        self._tokens = self._tokens_for(auth)
        self.quota = Quota(host, f"hubspot-app:{_fingerprint(auth)}", self._quota_resets_at)
        self._account: wire.Account | None = None
        self._ahead = timedelta()
        """By how much HubSpot's clock is ahead of ours."""

    def _tokens_for(self, auth: HubSpotAuth) -> Tokens:
        if auth.access_token is not None:
            return StaticToken(auth.access_token, self._host)
        return RefreshedToken(auth, self._host, self._exchange)

    def account(self) -> wire.Account:
        """The account behind the credentials; asked once. From then on the quota is the account's own."""
        if self._account is None:
            self._account = self.get(self.paths.account, {}, _ACCOUNT, doing="asking for the account's details")
            self.quota.account = f"hubspot:{self._account.portal_id}"
        return self._account

    def now(self) -> datetime:
        """HubSpot's time, as its answers have it; ours where they tell none, or about the same."""
        return self._host.now() + self._ahead

    def get(self, path: str, query: Mapping[str, str], decoder: Decoder[T], *, doing: str) -> T:
        """A GET. `doing` says for an error what was being done."""
        # a comma need not be escaped; without any escape Python is done at once with two kilobytes of property names
        target = f"{path}?{urlencode(query, safe=',')}" if query else path
        return self._call("GET", target, None, decoder, Lane.GENERAL, doing=doing)

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        decoder: Decoder[T],
        *,
        doing: str,
        lane: Lane = Lane.GENERAL,
        in_part: bool = False,
    ) -> T:
        """A POST that reads; all of HubSpot's search and batch reads are, so it is as safe to repeat as a GET.

        An answer that does not have all inputs, and says that others failed, is a failure; with `in_part` it is the
        answer if it stays so.
        """
        return self._call("POST", path, body, decoder, lane, in_part=in_part, doing=doing)

    def close(self) -> None:
        """Give back the connections."""
        self._transport.close()

    def _call(
        self,
        method: str,
        target: str,
        body: Body,
        decoder: Decoder[T],
        lane: Lane,
        *,
        in_part: bool = False,
        doing: str,
    ) -> T:
        sent = None if body is None else encode(body)
        tries = limited = rejected = 0
        while True:
            self.quota.acquire(lane)
            token = self._tokens.current()
            outcome, headers = self._once(method, target, _bearer(token), sent, decoder)
            self.quota.learn(headers)
            self._learn_time(headers)
            if not isinstance(outcome, Failure):
                return outcome
            match outcome.kind:
                case Kind.REJECTED_TOKEN if rejected < DOUBTS and (self._tokens.renewed(token) or self._account):
                    rejected += 1
                    self._sit_out(outcome, _pause(rejected, outcome.kind))
                case Kind.DAILY_LIMIT:
                    raise self.quota.spent("HubSpot's daily limit of API calls is reached.")
                case Kind.BURST_LIMIT | Kind.SEARCH_LIMIT if limited < LIMIT_TRIES:
                    limited += 1
                    self._make_room(outcome, lane)
                case Kind.LOCKED | Kind.MIGRATION | Kind.HICCUP if tries < self.tries:
                    tries += 1
                    self._sit_out(outcome, _pause(tries, outcome.kind))
                case _ if in_part and outcome.part is not None:
                    part: T = outcome.part
                    return part
                case _:
                    raise outcome.error(doing)

    def _once(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, decoder: Decoder[T]
    ) -> tuple[T, Mapping[str, str]] | tuple[Failure, Mapping[str, str]]:
        """One request, and the answer's headers. What broke on the way counts as an answer of status 0."""
        self._host.called()
        try:
            answer = self._transport.send(method, target, headers, body)
        except ConnectionError as error:
            return Failure(0, Kind.HICCUP, str(error), None, {}), {}
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            failure = read_failure(answer)
            if answer.status == BAD_TOKEN_FORMAT and self._account:  # a form that was good stays good: it is the edge
                failure = replace(failure, kind=Kind.HICCUP)
            return failure, answer.headers
        try:
            decoded = wire.decode(answer.body, decoder)
        except ValueError as error:
            return Failure(answer.status, Kind.HICCUP, str(error), None, {}), answer.headers
        failed = wire.failed_input(decoded)
        if failed is not None:
            return Failure(answer.status, Kind.HICCUP, failed, None, {}, part=decoded), answer.headers
        return decoded, answer.headers

    def _learn_time(self, headers: Mapping[str, str]) -> None:
        """Both clocks are taken to be right when they differ by no more than an answer takes on its way.

        Else it is the end of the second that HubSpot tells.
        """
        try:
            ahead = parsedate_to_datetime(headers["Date"]).astimezone(UTC) + timedelta(seconds=1) - self._host.now()
        except (KeyError, ValueError):
            return
        self._ahead = ahead if abs(ahead) > ON_ITS_WAY else timedelta()

    def _make_room(self, failure: Failure, lane: Lane) -> None:
        burst = failure.kind is Kind.BURST_LIMIT
        seconds = failure.retry_after or (TEN_SECONDLY_WAIT if burst else SECONDLY_WAIT)
        self.quota.hold(lane, min(seconds, LONG_WAIT))
        self._sit_out(failure, seconds)

    def _sit_out(self, failure: Failure, at_least: float) -> None:
        seconds = max(failure.retry_after or 0.0, at_least)
        if seconds > LONG_WAIT:
            raise QuotaSpent(
                f"HubSpot asks to come back in {seconds / 60:.0f} minutes (HTTP {failure.status}).",
                policy="MIGRATION" if failure.kind is Kind.MIGRATION else "RETRY_AFTER",
                retry_at=self._host.now() + timedelta(seconds=seconds),
            )
        self._host.wait(seconds)

    def _exchange(self, form: Mapping[str, str]) -> tuple[str, float, str | None]:
        """Ask the token endpoint; it has no quota and no bearer."""
        tries = 0
        while True:
            outcome, _ = self._once("POST", self.paths.token, _FORM, urlencode(form).encode(), _TOKEN)
            if not isinstance(outcome, Failure):
                return outcome.access_token, outcome.expires_in, outcome.refresh_token
            if outcome.status in REFUSED_GRANT:
                raise CredentialsRejected(
                    f"HubSpot does not accept the refresh token or the client's id and secret "
                    f"({outcome.body.get('status') or outcome.body.get('error') or outcome.status}: {outcome.message}). "
                    "Reconnect the HubSpot account.",
                    status=outcome.status,
                )
            tries += 1
            if outcome.kind is Kind.FINAL or tries > self.tries:
                raise outcome.error("renewing the access token")
            self._sit_out(outcome, _pause(tries, outcome.kind))

    def _quota_resets_at(self) -> datetime:
        usage, _ = self._once("GET", self.paths.daily_usage, _bearer(self._tokens.current()), None, _USAGE)
        told = _resets(usage) if isinstance(usage, wire.DailyUsage) else ()
        return next_reset(told, self._account.time_zone if self._account else None, self._host.now())


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def _resets(usage: wire.DailyUsage) -> Iterator[datetime]:
    for limit in usage.results:
        with suppress(ValueError, OverflowError):
            yield datetime.fromtimestamp(to_milliseconds(limit.resets_at or "") / 1000, UTC)


def _pause(tries: int, kind: Kind) -> float:
    """Seconds before the next try: doubling from half a second, with jitter so that threads do not march in step."""
    seconds = min(LONGEST_PAUSE, 0.5 * 2.0 ** (tries - 1)) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
    return seconds if kind in {Kind.HICCUP, Kind.REJECTED_TOKEN} else max(seconds, LOCKED_WAIT)


def _fingerprint(auth: HubSpotAuth) -> str:
    """Tells one set of credentials from another, for the budget of the calls made before the account is known."""
    secret = auth.access_token or auth.refresh_token
    return hashlib.sha256(secret.get_secret_value().encode() if secret else b"").hexdigest()[:16]
