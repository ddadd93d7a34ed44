"""How requests are spaced so that no window of a rate limit ever holds more than the limit. Pure arithmetic.

Slots lie one spacing apart, `limit` of them take a little longer than the window, and a slot is used at its time or
at most `slack` later. So between the uses of any slot and of the one `limit` places after it there is at least a
window, whoever uses them: limit * spacing - slack = seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

STRETCH = 1.03
"""Requests come at 1/1.03 (97 %) of the limit. The rest is the slack that late threads and networks need."""

BLOCK_SECONDS = 0.25
"""Slots that lie this close together are reserved at once, to save round trips to the database."""

MAX_BLOCK = 50


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of `limit` requests in every `seconds`."""

    limit: int
    seconds: float

    @property
    def spacing(self) -> float:
        """Seconds from one slot to the next, in whole microseconds as PostgreSQL counts them."""
        return math.ceil(self.seconds * STRETCH / self.limit * 1e6) / 1e6

    @property
    def slack(self) -> float:
        """Seconds that a slot may be used late."""
        return self.limit * self.spacing - self.seconds

    @property
    def credit(self) -> float:
        """How long ago the first of a reserved block may have been: a part of the slack, so that idle time is not lost."""
        return self.slack / 2

    @property
    def block(self) -> int:
        """How many slots are reserved at once."""
        return min(MAX_BLOCK, max(1, int(BLOCK_SECONDS / self.spacing)))


class Block:
    """Reserved slots, from `first` on one spacing apart, used up in order. The clock is the caller's."""

    def __init__(self, pace: Pace, first: float) -> None:
        self.pace = pace
        self._next = first
        self._left = pace.block

    def take(self, now: float) -> float | None:
        """The next slot that can still be used; None when there is none left."""
        while self._left:
            slot = self._next
            self._next += self.pace.spacing
            self._left -= 1
            if now <= slot + self.pace.slack:
                return slot
        return None
