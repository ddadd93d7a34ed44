"""Rate limits: ten-secondly per token, secondly for search, daily for the account; and the 429s of each."""

from __future__ import annotations

import math
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.hubspot.sandbox.http import Refused, answer, error_body
from connectors.hubspot.sandbox.oauth import Token
from connectors.hubspot.sandbox.times import DAY

UNLIMITED = 1_000_000
"""What the sandbox announces, and allows, where it limits nothing."""

TEN_SECONDS = 10.0
UTC_OFFSET = -5 * 3_600_000
"""The account's time zone is US/Eastern, winter and summer: its day begins at 05:00 UTC."""


@dataclass(slots=True)
class _Window:
    """At most `limit` requests in any `seconds`."""

    seconds: float
    taken: deque[float] = field(default_factory=deque)

    def take(self, limit: int, at: float) -> float | None:
        """Take one; or the seconds until one is free."""
        while self.taken and self.taken[0] <= at - self.seconds:
            self.taken.popleft()
        if len(self.taken) >= limit:
            return self.taken[0] + self.seconds - at
        self.taken.append(at)
        return None


class Limits:
    """The account's limits. None: nothing is limited by that rule."""

    def __init__(
        self,
        ten_secondly: int | None,
        search: int | None,
        daily: int | None,
        *,
        retry_after: bool,
        now: Callable[[], int],
    ) -> None:
        self.ten_secondly = ten_secondly
        self.search = search
        self.daily = daily
        self.retry_after = retry_after
        """Whether a 429 says when to come back; HubSpot's does not always."""
        self._now = now
        self._windows: dict[str, _Window] = {}
        self._search = _Window(1.0)
        self._day = -1
        self._calls = 0
        self.refused = 0
        """Requests that a limit turned away."""

    @property
    def calls_today(self) -> int:
        """Calls with static tokens since midnight in the account's time zone."""
        self._turn_day()
        return self._calls

    @property
    def resets_at(self) -> int:
        """The next midnight in the account's time zone, in milliseconds."""
        self._turn_day()
        return (self._day + 1) * DAY - UTC_OFFSET

    def take(self, token: Token, *, search: bool, exempt: bool) -> dict[str, str]:
        """Count a request, and give the headers that tell what is left.

        Raises:
            Refused: 429, with the policy that is spent.
        """
        at = self._now() / 1000
        private = token.expires_at is None
        if private and self.daily is not None and self.calls_today >= self.daily:
            raise self.refusal("DAILY", (self.resets_at - self._now()) / 1000)
        if search:
            if self.search is not None and (wait := self._search.take(self.search, at)) is not None:
                raise self.refusal("SECONDLY", wait)
            self._calls += private
            return {}
        left = UNLIMITED
        if self.ten_secondly is not None and not exempt:
            window = self._windows.setdefault(token.text if private else "app", _Window(TEN_SECONDS))
            if (wait := window.take(self.ten_secondly, at)) is not None:
                raise self.refusal("TEN_SECONDLY_ROLLING", wait)
            left = self.ten_secondly - len(window.taken)
        self._calls += private
        return self._headers(left, private=private)

    def refusal(self, policy: str, wait: float) -> Refused:
        """The 429 of a policy (TEN_SECONDLY_ROLLING, SECONDLY, DAILY)."""
        self.refused += 1
        name = policy.lower()
        body = error_body(
            f"You have reached your {name} limit.",
            errorType="RATE_LIMIT",
            policyName=policy,
            requestId=str(uuid.uuid4()),
        )
        if policy == "TEN_SECONDLY_ROLLING":
            body["groupName"] = "publicapi:private-apps-api-calls-ten-secondly:4812377"
        response = answer(body, 429)
        if self.retry_after:
            response.headers["Retry-After"] = str(max(1, math.ceil(wait)))
        return Refused(response)

    def _headers(self, left: int, *, private: bool) -> dict[str, str]:
        headers = {
            "X-HubSpot-RateLimit-Max": str(self.ten_secondly or UNLIMITED),
            "X-HubSpot-RateLimit-Remaining": str(left),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }
        if private:
            daily = UNLIMITED if self.daily is None else self.daily
            headers["X-HubSpot-RateLimit-Daily"] = str(daily)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(0, daily - self._calls))
        return headers

    def _turn_day(self) -> None:
        today = (self._now() + UTC_OFFSET) // DAY
        if today != self._day:
            self._day, self._calls = today, 0
