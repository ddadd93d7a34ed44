"""The search index of one object type: the records as search knows them, which lags behind what they are.

Two axes are in order without a scan, also over a million generated records: by id, and by modification date.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from connectors.hubspot.sandbox.base import Base
from connectors.hubspot.sandbox.records import Entry, Record, as_generated

_MANY = 500
"""From so many changes at once on, sorting anew is cheaper than inserting one by one."""

Key = tuple[int, int]
"""A position on the axis of modification dates: milliseconds and id."""


@dataclass(frozen=True, slots=True, order=True)
class _Change:
    visible_at: int
    number: int
    record_id: int = field(compare=False)
    record: Record | None = field(compare=False)


class Index:
    """What search sees. Changes become visible `lag` milliseconds after they happened, or up to `spread` later.

    A record is never shown as it was before a change that has become visible.
    """

    def __init__(self, base: Base) -> None:
        self.base = base
        self.lag = 0
        self.spread = 0
        self.version = 0
        self.changed: dict[int, Record | None] = {}
        self.by_modified: list[Key] = []
        self.hidden: list[int] = []
        """Modification dates, as generated, of the generated records that `changed` replaces."""
        self.added: list[int] = []
        self.gone: list[int] = []
        """Ids of generated records that search does not show any more."""
        self._coming: list[_Change] = []
        self._changes = 0
        self._shown: dict[int, int] = {}
        """The number of the change that is visible, by record."""

    def note(self, record_id: int, record: Record | None, now: int) -> None:
        """Take note of a record's new state (None, or an archived one: it is to disappear)."""
        shown = record if record and record.archived is None else None
        self._changes += 1
        later = (record_id * 2_654_435_761 + self._changes * 40_503) % (self.spread + 1)
        heapq.heappush(self._coming, _Change(now + self.lag + later, self._changes, record_id, shown))

    def settle(self, now: int) -> None:
        """Make visible what is due."""
        due: list[_Change] = []
        while self._coming and self._coming[0].visible_at <= now:
            change = heapq.heappop(self._coming)
            if change.number > self._shown.get(change.record_id, 0):
                self._shown[change.record_id] = change.number
                due.append(change)
        if not due:
            return
        self.version += 1
        if len(due) < _MANY:
            for change in due:
                self._apply(change)
        else:
            self.changed.update((change.record_id, change.record) for change in due)
            self._sort()

    def entry(self, record_id: int) -> Entry | None:
        """A record as search knows it, ready to be written."""
        if record_id in self.changed:
            record = self.changed[record_id]
            return None if record is None else (record_id, record.number, record)
        number = self.base.number(record_id)
        return None if number is None else (record_id, number, None)

    def record(self, record_id: int) -> Record | None:
        """A record as search knows it."""
        entry = self.entry(record_id)
        if entry is None or entry[2]:
            return entry and entry[2]
        return as_generated(self.base, self.base.number_from(record_id))

    def _apply(self, change: _Change) -> None:
        record_id, record = change.record_id, change.record
        known = record_id in self.changed
        before = self.changed.get(record_id)
        number = self.base.number(record_id)
        if before:
            del self.by_modified[bisect_left(self.by_modified, (before.modified, record_id))]
        if number is not None and not known:
            insort(self.hidden, self.base.modified(number))
        aside = self.gone if number is not None else self.added
        shown_aside = record is None if number is not None else record is not None
        position = bisect_left(aside, record_id)
        listed = position < len(aside) and aside[position] == record_id
        if shown_aside and not listed:
            aside.insert(position, record_id)
        elif listed and not shown_aside:
            del aside[position]
        if record:
            insort(self.by_modified, (record.modified, record_id))
        self.changed[record_id] = record

    def _sort(self) -> None:
        numbers = {record_id: self.base.number(record_id) for record_id in self.changed}
        self.by_modified = sorted((r.modified, r.id) for r in self.changed.values() if r)
        self.hidden = sorted(self.base.modified(number) for number in numbers.values() if number is not None)
        self.added = sorted(r.id for r in self.changed.values() if r and numbers[r.id] is None)
        self.gone = sorted(i for i, r in self.changed.items() if r is None and numbers[i] is not None)


class Axis(Protocol):
    """An order in which the index can be walked, with bounds that are inclusive."""

    def count(self, low: int, high: int) -> int:
        """How many records lie within the bounds."""

    def walk(self, low: int, high: int, *, descending: bool = False) -> Iterator[int]:
        """Their ids in order."""


class ByModified:
    """In order of modification date, ids ascending within a millisecond (descending: the reverse of all of it)."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def count(self, low: int, high: int) -> int:
        """How many records were last modified within these milliseconds."""
        index = self._index
        generated = index.base.rank_from(high + 1) - index.base.rank_from(low)
        hidden = bisect_right(index.hidden, high) - bisect_left(index.hidden, low)
        first, last = self._slice(low, high)
        return max(0, generated - hidden + last - first)

    def walk(self, low: int, high: int, *, descending: bool = False) -> Iterator[int]:
        """Ids of the records that were last modified within these milliseconds."""
        index, base = self._index, self._index.base
        ranks = range(base.rank_from(low), base.rank_from(high + 1))
        first, last = self._slice(low, high)
        step = -1 if descending else 1

        def generated() -> Iterator[Key]:
            for rank in ranks[::step]:
                number = base.at_rank(rank)
                record_id = base.id(number)
                if record_id not in index.changed:
                    yield base.modified(number), record_id

        changed = (index.by_modified[position] for position in range(first, last)[::step])
        for _, record_id in heapq.merge(generated(), changed, reverse=descending):
            yield record_id

    def _slice(self, low: int, high: int) -> tuple[int, int]:
        keys = self._index.by_modified
        return bisect_left(keys, (low, 0)), bisect_left(keys, (high + 1, 0))


class Tied:
    """The records that were last modified in one and the same millisecond, in order of id."""

    def __init__(self, index: Index, moment: int) -> None:
        self._index = index
        self._moment = moment

    def count(self, low: int, high: int) -> int:
        """How many of them have ids within these bounds."""
        return len(self._slice(low, high)) + len(self._generated(low, high))

    def walk(self, low: int, high: int, *, descending: bool = False) -> Iterator[int]:
        """Their ids within these bounds."""
        step = -1 if descending else 1
        changed = (self._index.by_modified[position][1] for position in self._slice(low, high)[::step])
        yield from heapq.merge(self._generated(low, high)[::step], changed, reverse=descending)

    def _slice(self, low: int, high: int) -> range:
        keys = self._index.by_modified
        return range(bisect_left(keys, (self._moment, low)), bisect_right(keys, (self._moment, high)))

    def _generated(self, low: int, high: int) -> list[int]:
        base = self._index.base
        ranks = range(base.rank_from(self._moment), base.rank_from(self._moment + 1))
        ids = sorted(base.id(base.at_rank(rank)) for rank in ranks)
        return [record_id for record_id in ids if low <= record_id <= high and record_id not in self._index.changed]


class ById:
    """In order of id, as numbers."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def count(self, low: int, high: int) -> int:
        """How many records have ids within these bounds."""
        index = self._index
        generated = index.base.number_from(high + 1) - index.base.number_from(low)
        gone = bisect_right(index.gone, high) - bisect_left(index.gone, low)
        added = bisect_right(index.added, high) - bisect_left(index.added, low)
        return max(0, generated - gone + added)

    def walk(self, low: int, high: int, *, descending: bool = False) -> Iterator[int]:
        """The ids within these bounds."""
        index, base = self._index, self._index.base
        numbers = range(base.number_from(low), base.number_from(high + 1))
        added = index.added[bisect_left(index.added, low) : bisect_right(index.added, high)]
        if descending:
            yield from reversed(added)
            for number in reversed(numbers):
                yield from self._shown(base.id(number))
        else:
            for number in numbers:
                yield from self._shown(base.id(number))
            yield from added

    def _shown(self, record_id: int) -> tuple[int, ...]:
        return () if self._index.changed.get(record_id, self) is None else (record_id,)
