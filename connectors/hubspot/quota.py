"""Being a good guest: HubSpot's limits as budgets that everything which talks to one account shares."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.contract import Host, QuotaSpent

DEFAULT_LIMIT = 100
"""Requests per ten seconds of the smallest plan; the first answer's headers tell the account's own limit."""
SEARCHES_PER_SECOND = 4
"""Search has its own limit of five a second, shared by every app of the account, and sends no rate headers."""
ASSOCIATION_READS = 100
"""Batch reads of associations are exempt from the ten-second limit; HubSpot's guide caps them at 100 per ten seconds."""
DAILY_RESERVE = 0.05
"""The part of the daily quota that is left for the account's other integrations."""
CLOCKS_DIFFER = timedelta(minutes=10)
"""A reset that lies less far back may be still to come by HubSpot's clock."""
SOON = timedelta(minutes=1)
"""When to ask again whether such a reset has come."""


class Lane(Enum):
    """Which limit a call counts against."""

    GENERAL = "ten-secondly"
    SEARCH = "search"
    ASSOCIATIONS = "associations"


class Quota:
    """The limits of one account, as its answers tell them.

    `resets_at` is asked once, when the daily quota is spent; it tells when HubSpot starts a new day. From then on nobody
    calls any more.
    """

    def __init__(self, host: Host, account: str, resets_at: Callable[[], datetime]) -> None:
        self.account = account
        self._host = host
        self._resets_at = resets_at
        self._reserve_left = ""
        """What tells that only the others' reserve is left."""
        self._spent: QuotaSpent | None = None
        self._spending = threading.Lock()
        self._limit = DEFAULT_LIMIT
        self._seconds = 10.0

    @property
    def per_second(self) -> float:
        """How many general calls a second the account allows."""
        return self._limit / self._seconds

    def acquire(self, lane: Lane) -> None:
        """Wait for a place in the lane's budget.

        Raises:
            QuotaSpent: the day's quota is spent, but for what is kept for others.
        """
        if self._spent or self._reserve_left:
            raise self.spent(self._reserve_left)
        match lane:
            case Lane.GENERAL:
                self._host.acquire(self.account, lane.value, limit=self._limit, seconds=self._seconds)
            case Lane.SEARCH:
                self._host.acquire(self.account, lane.value, limit=SEARCHES_PER_SECOND, seconds=1.0)
            case Lane.ASSOCIATIONS:
                limit = max(ASSOCIATION_READS, self._limit)
                self._host.acquire(self.account, lane.value, limit=limit, seconds=self._seconds)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take the limits from an answer's headers, and whether what is left of the day is the others' reserve."""
        limit, interval = (
            _number(headers, "X-HubSpot-RateLimit-Max"),
            _number(headers, "X-HubSpot-RateLimit-Interval-Milliseconds"),
        )
        if limit:
            self._limit = limit
            self._seconds = (interval or 10_000) / 1000
        daily, left = (
            _number(headers, "X-HubSpot-RateLimit-Daily"),
            _number(headers, "X-HubSpot-RateLimit-Daily-Remaining"),
        )
        if daily and left is not None and left < daily * DAILY_RESERVE:
            self._reserve_left = (
                f"Only {left:,} of the {daily:,} HubSpot API calls of the day are left; they are kept for the account's "
                "other integrations."
            )

    def hold(self, lane: Lane, seconds: float) -> None:
        """HubSpot said that the lane is full: nobody calls for so long."""
        self._host.hold(self.account, lane.value, seconds=seconds)

    def spent(self, reason: str) -> QuotaSpent:
        """The error that ends a sync until the quota is fresh."""
        with self._spending:
            if self._spent is None:
                self._spent = QuotaSpent(reason, policy="DAILY", retry_at=self._resets_at())
            return self._spent


def next_reset(told: Iterable[datetime], time_zone: str | None, now: datetime) -> datetime:
    """When a daily quota that is spent is fresh again, in UTC: as HubSpot told, else at midnight in the account's time zone.

    Where neither is known it is the next full hour: somewhere that is midnight.
    """
    still_to_come = [at for at in told if at > now - CLOCKS_DIFFER]
    if still_to_come:
        return max(min(still_to_come), now + SOON)
    try:
        zone = ZoneInfo(time_zone or "")
    except (ZoneInfoNotFoundError, ValueError):
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    tomorrow = (now - CLOCKS_DIFFER).astimezone(zone).date() + timedelta(days=1)
    return max(datetime.combine(tomorrow, time(), zone).astimezone(UTC), now + SOON)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    try:
        return int(headers[name])
    except (KeyError, ValueError):
        return None
