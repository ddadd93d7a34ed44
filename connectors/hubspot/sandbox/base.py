"""The generated records of one object type: ids and dates as functions of a record's number, so that nothing is stored.

Both functions can be inverted, which makes a page by id and a window by modification date cost what they return,
whatever the number of records.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterator

from connectors.hubspot.sandbox.times import DAY

_SPAN = 3 * 365 * DAY
_LEAP = 1_700_000_003
_SEGMENTS = ((0.0, 37), (0.3, 4099), (0.6, 211))
"""Where in the records (as a share) a stretch of ids begins, and the mean gap in it: id ranges are uneven on purpose."""

_MODIFIED_BLOCKS = 12


def _shuffle(size: int) -> int:
    """A factor near the golden section of `size`: multiplying by it, modulo `size`, shuffles a block of that size."""
    return next(factor for factor in itertools.count(max(1, size * 618 // 1000)) if math.gcd(factor, size) == 1)


class Base:
    """`count` records, numbered from 0; ids rise with the number, modification dates do so only from block to block."""

    def __init__(self, count: int, *, until: int, first_id: int, sparse: bool) -> None:
        self.count = count
        self._start = until - _SPAN
        stretches = _SEGMENTS if sparse else ((0.0, 1),)
        self._firsts: list[int] = []
        self._ids: list[int] = []
        self._gaps: list[int] = []
        next_id = first_id if sparse else 1
        for position, (share, gap) in enumerate(stretches):
            first = int(count * share)
            if position:
                next_id = self._ids[-1] + (first - self._firsts[-1]) * self._gaps[-1] + _LEAP
            self._firsts.append(first)
            self._ids.append(next_id)
            self._gaps.append(gap)
        self.end_id = next_id + (count - self._firsts[-1]) * self._gaps[-1]
        """No generated id reaches this one."""
        self._block = max(1, -(-count // _MODIFIED_BLOCKS))
        sizes = {self._block, count % self._block} - {0}
        self._factors = {size: _shuffle(size) for size in sizes}
        self._inverses = {size: pow(self._factors[size], -1, size) for size in sizes}
        self._spread = count + self._block

    def from_number(self, number: int) -> Iterator[tuple[int, int]]:
        """Numbers with their ids, ascending, from `number` on."""
        segment = bisect_right(self._firsts, number) - 1
        ends = [*self._firsts[1:], self.count]
        for index in range(segment, len(self._firsts)):
            first, start, gap = self._firsts[index], self._ids[index], self._gaps[index]
            for n in range(max(number, first), ends[index]):
                yield n, start + (n - first) * gap + (n * 2_654_435_761 >> 8) % gap

    def id(self, number: int) -> int:
        """The id of a record."""
        segment = bisect_right(self._firsts, number) - 1
        gap = self._gaps[segment]
        return self._ids[segment] + (number - self._firsts[segment]) * gap + (number * 2_654_435_761 >> 8) % gap

    def number_from(self, record_id: int) -> int:
        """The lowest number whose id is `record_id` or higher; `count` when there is none."""
        segment = bisect_right(self._ids, record_id) - 1
        if segment < 0:
            return 0
        end = self._firsts[segment + 1] if segment + 1 < len(self._firsts) else self.count
        number = self._firsts[segment] + (record_id - self._ids[segment]) // self._gaps[segment]
        if number >= end:
            return end
        return number if self.id(number) >= record_id else number + 1

    def number(self, record_id: int) -> int | None:
        """The number of the record with this id, if it is a generated one."""
        number = self.number_from(record_id)
        return number if number < self.count and self.id(number) == record_id else None

    def created(self, number: int) -> int:
        """When it was created, in milliseconds."""
        return self._start + number * _SPAN // self._spread

    def modified(self, number: int) -> int:
        """When it was last modified: one block later than it was created, in another order within the block."""
        block, offset = divmod(number, self._block)
        size = min(self._block, self.count - block * self._block)
        rank = block * self._block + offset * self._factors[size] % size
        return self._start + (rank + self._block) * _SPAN // self._spread

    def rank_from(self, ms: int) -> int:
        """How many records were modified before `ms`."""
        rank = -((self._start - ms) * self._spread // _SPAN) - self._block
        return min(max(rank, 0), self.count)

    def at_rank(self, rank: int) -> int:
        """The number of the record that comes at this place in the order of modification."""
        block, offset = divmod(rank, self._block)
        size = min(self._block, self.count - block * self._block)
        return block * self._block + offset * self._inverses[size] % size
