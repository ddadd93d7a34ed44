"""How much a caller may ask for: requests by the hour, and tries with wrong credentials. Counted in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

REQUESTS_PER_HOUR = 400_000
"""Requests of one key. A client that loops is stopped by it, one that works is not."""

WRONG_PER_MINUTE = 10
"""Tries with one key from one address."""

WRONG_FROM_ADDRESS = 100
"""The same with whatever keys: one client with a wrong secret must not lock out the others of its machine."""

_MOST = 10_000
"""Counters that are kept at once; a flood of made-up keys must not fill the memory."""


@dataclass(slots=True)
class _Count:
    used: int
    ends_at: float


class Window:
    """So many in each window of so many seconds, for each name that is counted. Thread-safe."""

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[Hashable, _Count] = {}

    def take(self, name: Hashable) -> tuple[int, int]:
        """Count one; gives how many are left, below zero if it was too many, and the seconds until all are there again."""
        with self._lock:
            now = self._clock()
            count = self._counts.get(name)
            if count is None or count.ends_at <= now:
                self._make_room(now)
                count = self._counts[name] = _Count(0, now + self._seconds)
            count.used += 1
            return self.limit - count.used, _whole(count.ends_at - now)

    def closed_for(self, name: Hashable) -> int:
        """The seconds until the name may try again; 0 when it may now."""
        with self._lock:
            now = self._clock()
            count = self._counts.get(name)
            if count is None or count.ends_at <= now or count.used < self.limit:
                return 0
            return _whole(count.ends_at - now)

    def _make_room(self, now: float) -> None:
        if len(self._counts) < _MOST:
            return
        self._counts = {name: count for name, count in self._counts.items() if count.ends_at > now}
        while len(self._counts) >= _MOST:
            del self._counts[next(iter(self._counts))]


def _whole(seconds: float) -> int:
    return max(1, int(seconds) + 1)
