"""Being a good guest: HubSpot's limits as budgets that everything which talks to one account shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


class Lane(Enum):
    """Which limit a call counts against."""

    GENERAL = "ten-secondly"
    SEARCH = "search"
    ASSOCIATIONS = "associations"


class Quota:
    """The limits of one account, as its answers tell them.

    `resets_at` is asked only when the daily quota is spent; it tells when HubSpot starts a new day.
    """

    def __init__(self, host: Host, account: str, resets_at: Callable[[], datetime]) -> None:
        self.account = account
        self._host = host
        self._resets_at = resets_at
        self._limit = DEFAULT_LIMIT
        self._seconds = 10.0

    @property
    def per_second(self) -> float:
        """How many general calls a second the account allows."""
        return self._limit / self._seconds

    def acquire(self, lane: Lane) -> None:
        """Wait for a place in the lane's budget."""
        match lane:
            case Lane.GENERAL:
                self._host.acquire(self.account, lane.value, limit=self._limit, seconds=self._seconds)
            case Lane.SEARCH:
                self._host.acquire(self.account, lane.value, limit=SEARCHES_PER_SECOND, seconds=1.0)
            case Lane.ASSOCIATIONS:
                limit = max(ASSOCIATION_READS, self._limit)
                self._host.acquire(self.account, lane.value, limit=limit, seconds=self._seconds)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take the limits from an answer's headers.

        Raises:
            QuotaSpent: what is left of the day's quota is the others' reserve.
        """
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
            raise self.spent(
                f"Only {left:,} of the {daily:,} HubSpot API calls of the day are left; they are kept for the account's "
                "other integrations."
            )

    def hold(self, lane: Lane, seconds: float) -> None:
        """HubSpot said that the lane is full: nobody calls for so long."""
        self._host.hold(self.account, lane.value, seconds=seconds)

    def spent(self, reason: str) -> QuotaSpent:
        """The error that ends a sync until the quota is fresh."""
        at = self._resets_at()
        return QuotaSpent(
            f"{reason} The sync goes on by itself at {at:%Y-%m-%d %H:%M} UTC.", policy="DAILY", retry_at=at
        )


def next_midnight(time_zone: str | None, now: datetime) -> datetime:
    """When HubSpot's day ends: midnight in the account's time zone (UTC when it is not known), in UTC."""
    try:
        zone = ZoneInfo(time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    try:
        return int(headers[name])
    except (KeyError, ValueError):
        return None
