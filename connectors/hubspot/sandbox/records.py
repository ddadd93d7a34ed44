"""The records of one object type: the generated ones, and on top of them whatever was changed, created or removed."""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from connectors.hubspot.sandbox.base import Base
from connectors.hubspot.sandbox.properties import Value


@dataclass(frozen=True, slots=True)
class Record:
    """One state of a record; a change makes a new one.

    `values` holds what differs from the generated record `number` (or all there is, without a number).
    """

    id: int
    number: int | None
    created: int
    modified: int
    archived: int | None = None
    values: Mapping[str, Value] = field(default_factory=dict)


Entry: TypeAlias = tuple[int, int | None, Record | None]
"""A record on its way out: its id, the number it was generated from, and its state unless that is as generated."""


def as_generated(base: Base, number: int) -> Record:
    """The generated record of this number."""
    return Record(base.id(number), number, base.created(number), base.modified(number))


class Records:
    """Records by id. Only those that differ from what is generated take memory."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.live_count = base.count
        self._changed: dict[int, Record | None] = {}
        self._added: list[int] = []
        self._archived: list[int] = []
        self._next_id = base.end_id

    def get(self, record_id: int) -> Record | None:
        """The record, live or archived; None when there is none."""
        if record_id in self._changed:
            return self._changed[record_id]
        number = self.base.number(record_id)
        return None if number is None else as_generated(self.base, number)

    def live(self, record_id: int) -> Record | None:
        """The record if it is not archived."""
        record = self.get(record_id)
        return record if record and record.archived is None else None

    def is_live(self, record_id: int) -> bool:
        """The same as a question, cheaper for a generated record."""
        if record_id in self._changed:
            record = self._changed[record_id]
            return record is not None and record.archived is None
        return self.base.number(record_id) is not None

    def is_gone(self, record_id: int) -> bool:
        """Whether a record that was there once is archived or removed; cheaper still."""
        if record_id not in self._changed:
            return False
        record = self._changed[record_id]
        return record is None or record.archived is not None

    def new_id(self) -> int:
        """An id above all others, with an uneven gap."""
        record_id = self._next_id
        self._next_id += 1 + record_id * 2_654_435_761 % 61
        return record_id

    def any_id(self, rng: random.Random) -> int:
        """Some id that a record has or had."""
        place = rng.randrange(self.base.count + len(self._added))
        return self.base.id(place) if place < self.base.count else self._added[place - self.base.count]

    def put(self, record: Record) -> None:
        """Add a record or give it its new state."""
        self._count(record.id, -1)
        if record.number is None or self.base.id(record.number) != record.id:
            self._note(self._added, record.id)
        self._changed[record.id] = record
        self._count(record.id, 1)
        if record.archived is not None:
            self._note(self._archived, record.id)
        else:
            self._forget(self._archived, record.id)

    def remove(self, record_id: int) -> None:
        """Remove a record so that no trace of it is left."""
        self._count(record_id, -1)
        self._changed[record_id] = None
        self._forget(self._archived, record_id)
        self._forget(self._added, record_id)

    def entry(self, record_id: int) -> Entry | None:
        """The record, live or archived, ready to be written; None when there is none."""
        if record_id in self._changed:
            record = self._changed[record_id]
            return None if record is None else (record_id, record.number, record)
        number = self.base.number(record_id)
        return None if number is None else (record_id, number, None)

    def live_from(self, after: int) -> Iterator[Entry]:
        """All live records with ids from `after` on, ascending."""
        changed = self._changed
        for number, record_id in self.base.from_number(self.base.number_from(after)):
            if record_id not in changed:
                yield record_id, number, None
            elif (record := changed[record_id]) and record.archived is None:
                yield record_id, number, record
        for record_id in self._added[bisect_left(self._added, after) :]:
            if (record := changed[record_id]) and record.archived is None:
                yield record_id, None, record

    def archived_from(self, after: int) -> Iterator[Entry]:
        """All archived records with ids from `after` on, ascending."""
        for record_id in self._archived[bisect_left(self._archived, after) :]:
            if record := self._changed[record_id]:
                yield record_id, record.number, record

    @property
    def archived_count(self) -> int:
        """How many are in the recycling bin."""
        return len(self._archived)

    def _count(self, record_id: int, change: int) -> None:
        if self.is_live(record_id):
            self.live_count += change

    @staticmethod
    def _note(ids: list[int], record_id: int) -> None:
        if not ids or record_id > ids[-1]:
            ids.append(record_id)
        elif ids[bisect_left(ids, record_id)] != record_id:
            insort(ids, record_id)

    @staticmethod
    def _forget(ids: list[int], record_id: int) -> None:
        position = bisect_left(ids, record_id)
        if position < len(ids) and ids[position] == record_id:
            del ids[position]
