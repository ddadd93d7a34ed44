"""Everything about the records of one object type, and how they change."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from connectors.hubspot.sandbox.base import Base
from connectors.hubspot.sandbox.http import not_found, refused, unknown_properties
from connectors.hubspot.sandbox.index import Index
from connectors.hubspot.sandbox.object_types import CONTACTS, ObjectType
from connectors.hubspot.sandbox.properties import Property, Value
from connectors.hubspot.sandbox.records import Entry, Record, Records
from connectors.hubspot.sandbox.rendering import Renderer
from connectors.hubspot.sandbox.schema import SYSTEM, Schema
from connectors.hubspot.sandbox.search import Search

_EMAIL_NUMBER = re.compile(r"\.(\d+)@")


class Store:
    """The records of one object type with their properties, their search index and the ways to change them."""

    def __init__(
        self,
        kind: ObjectType,
        properties: Iterable[Property],
        base: Base,
        *,
        seed: int,
        until: int,
        now: Callable[[], int],
    ) -> None:
        self.kind = kind
        self.schema = Schema(kind, properties, seed=seed, until=until)
        self.records = Records(base)
        self.renderer = Renderer(self.schema, self.records)
        self.index = Index(base)
        self.search = Search(self.schema, self.index, self.renderer)
        self._now = now
        self._successors: dict[int, int] = {}
        self._emails: dict[str, int] = {}

    def resolve(self, record_id: int) -> int:
        """The id a record has now: that of the record it was merged into, or its own."""
        while record_id in self._successors:
            record_id = self._successors[record_id]
        return record_id

    def live(self, record_id: int) -> Record:
        """A live record, under its own id or one that was merged into it.

        Raises:
            Refused: 404.
        """
        record = self.records.live(self.resolve(record_id))
        if record is None:
            raise not_found()
        return record

    def entry(self, record_id: int, *, archived: bool = False) -> Entry | None:
        """A record to be written, if it is archived or not as asked."""
        entry = self.records.entry(record_id)
        if entry is None or (entry[2] is not None and entry[2].archived is not None) != archived:
            return None
        return entry

    def by_email(self, email: str) -> int | None:
        """The id of the live contact with this e-mail address."""
        email = email.lower()
        record_id = self._emails.get(email)
        if record_id is None and (found := _EMAIL_NUMBER.search(email)) and int(found[1]) < self.records.base.count:
            record_id = self.records.base.id(int(found[1]))
        record = None if record_id is None else self.records.live(record_id)
        if record and (self.renderer.value(record, "email") or "").lower() == email:
            return record.id
        return None

    def check(self, properties: Mapping[str, Any]) -> dict[str, Value]:
        """Properties as a record keeps them: as text, without those that the account itself keeps.

        Raises:
            Refused: 400 for an unknown property.
        """
        unknown = [name for name in properties if name not in self.schema]
        if unknown:
            raise unknown_properties(unknown)
        return {n: None if v is None else _text(v) for n, v in properties.items() if n not in SYSTEM}

    def create(self, properties: Mapping[str, Value]) -> Record:
        """Create a record.

        Raises:
            Refused: 400 for an unknown property, 409 for an e-mail address that another contact has.
        """
        values = self.check(properties)
        email = values.get("email")
        if self.kind is CONTACTS and email and (existing := self.by_email(email)):
            raise refused(409, f"Contact already exists. Existing ID: {existing}", "CONFLICT")
        now = self._now()
        return self._put(Record(self.records.new_id(), None, now, now, None, values))

    def update(self, record_id: int, properties: Mapping[str, Value], *, quietly: bool = False) -> Record:
        """Change properties of a live record; `quietly` leaves the modification date as it is.

        Raises:
            Refused: 404; 400 for an unknown property.
        """
        record = self.live(record_id)
        values = {**record.values, **self.check(properties)}
        return self._put(replace(record, values=values, modified=record.modified if quietly else self._now()))

    def touch(self, record_ids: Iterable[int]) -> int:
        """Bump the modification dates of live records, all to the same millisecond, which is returned."""
        now = self._now()
        for record_id in record_ids:
            self._put(replace(self.live(record_id), modified=now))
        return now

    def archive(self, record_id: int) -> None:
        """Move a record to the recycling bin; nothing happens if it is not live. Its modification date stays."""
        if record := self.records.live(self.resolve(record_id)):
            self._put(replace(record, archived=self._now()))

    def restore(self, record_id: int) -> None:
        """Take a record out of the recycling bin, as it was.

        Raises:
            Refused: 404, when it is not there.
        """
        record = self.records.get(record_id)
        if record is None or record.archived is None:
            raise not_found()
        self._put(replace(record, archived=None))

    def remove(self, record_id: int) -> None:
        """Remove a record, live or archived, without a trace; nothing happens if there is none."""
        if self.records.get(record_id):
            self.records.remove(record_id)
            self.index.note(record_id, None, self._now())

    def merge(self, primary_id: int, other_id: int) -> Record:
        """Merge two live records into a new one, to which both ids lead from now on.

        The values are the primary one's, the other's where it has none.

        Raises:
            Refused: 404, when one is not live; 400, when they are the same.
        """
        primary, other = self.live(primary_id), self.live(other_id)
        if primary.id == other.id:
            raise refused(400, "Records cannot be merged with themselves.", "VALIDATION_ERROR")
        now = self._now()
        values = dict(primary.values)
        for name in self.schema.names():
            if (
                name not in SYSTEM
                and not self.renderer.value(primary, name)
                and (value := self.renderer.value(other, name))
            ):
                values[name] = value
        values |= self._ancestry(primary, other, now)
        merged = Record(self.records.new_id(), primary.number, min(primary.created, other.created), now, None, values)
        for record in (primary, other):
            self._successors[record.id] = merged.id
            self.remove(record.id)
        return self._put(merged)

    def sample(self, rng: random.Random, count: int) -> list[int]:
        """The ids of so many live records (fewer, if there are no more), picked at random."""
        if count * 2 >= self.records.live_count:
            ids = [record_id for record_id, _, _ in self.records.live_from(0)]
            return rng.sample(ids, min(count, len(ids)))
        picked: dict[int, None] = {}
        while len(picked) < count:
            record_id = self.records.any_id(rng)
            if self.records.is_live(record_id):
                picked[record_id] = None
        return list(picked)

    def _ancestry(self, primary: Record, other: Record, now: int) -> dict[str, Value]:
        def joined(name: str, added: str) -> str:
            earlier = [self.renderer.value(record, name) for record in (primary, other)]
            return ";".join([*filter(None, earlier), added])

        values: dict[str, Value] = {"hs_merged_object_ids": joined("hs_merged_object_ids", f"{primary.id};{other.id}")}
        if self.kind is CONTACTS:
            added = f"{primary.id}:{now};{other.id}:{now}"
            values["hs_calculated_merged_vids"] = joined("hs_calculated_merged_vids", added)
        return values

    def _put(self, record: Record) -> Record:
        self.records.put(record)
        self.index.note(record.id, record, self._now())
        if email := record.values.get("email"):
            self._emails[email.lower()] = record.id
        elif record.number is not None and self.records.base.id(record.number) != record.id and "email" in self.schema:
            self._emails[(self.renderer.value(record, "email") or "").lower()] = record.id
        return record


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
