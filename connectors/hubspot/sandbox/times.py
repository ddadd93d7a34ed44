"""Times as HubSpot writes them: milliseconds since 1970 inside, ISO text with three decimals outside."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache

SECOND = 1000
DAY = 86_400 * SECOND


@lru_cache(maxsize=4096)
def _day(days: int) -> bytes:
    return datetime.fromtimestamp(days * 86_400, UTC).date().isoformat().encode()


_MINUTES = [b"T%02d:%02d:" % divmod(minute, 60) for minute in range(1440)]
_SECONDS = [b"%02d." % second for second in range(60)]
_THOUSANDTHS = [b"%03dZ" % thousandth for thousandth in range(1000)]


def iso_bytes(ms: int) -> bytes:
    """`2026-01-02T03:04:05.678Z`, put together from tables: a page of records needs two hundred of them."""
    days, rest = divmod(ms, DAY)
    minutes, rest = divmod(rest, 60_000)
    seconds, rest = divmod(rest, SECOND)
    return _day(days) + _MINUTES[minutes] + _SECONDS[seconds] + _THOUSANDTHS[rest]


def iso(ms: int) -> str:
    """The same as text."""
    return iso_bytes(ms).decode()


def day(ms: int) -> str:
    """The day in UTC, `2026-01-02`."""
    return _day(ms // DAY).decode()


def milliseconds(moment: datetime) -> int:
    """An aware datetime as milliseconds since 1970; what is finer is cut off."""
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * SECOND)


def parse(text: str) -> int | None:
    """Milliseconds from what a client may write: epoch milliseconds, a day, or ISO 8601; None when it is none of them."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


class Clock:
    """The account's clock: the real one, or one that stands at a moment; moved by whoever tests with it."""

    def __init__(self, stands_at: int | None = None) -> None:
        self._stands_at = stands_at
        self._offset = 0

    def now(self) -> int:
        """Milliseconds since 1970."""
        at = time.time_ns() // 1_000_000 if self._stands_at is None else self._stands_at
        return at + self._offset

    def advance(self, seconds: float) -> None:
        """Move it (back, if negative)."""
        self._offset += round(seconds * SECOND)
