"""Records as JSON bytes.

A page of a hundred records with sixty properties has to cost well under a millisecond. So a template is compiled for
each set of requested properties: the values of one cycle length are joined into ready JSON beforehand, and a generated
record is one bytes-format of its ids, its dates and one such piece per cycle length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from connectors.hubspot.sandbox.http import encode
from connectors.hubspot.sandbox.properties import Cycle, Value
from connectors.hubspot.sandbox.records import Entry, Record, Records
from connectors.hubspot.sandbox.schema import SYSTEM, Schema
from connectors.hubspot.sandbox.times import iso, iso_bytes

PORTAL_ID = 4_812_377
_TEMPLATES = 32
"""Templates kept; one for 2,000 properties takes a few megabytes."""


class Renderer:
    """Writes the records of one object type."""

    def __init__(self, schema: Schema, records: Records) -> None:
        self._schema = schema
        self._records = records
        self._template = lru_cache(maxsize=_TEMPLATES)(self._compile)
        self._url = f"https://app.hubspot.com/contacts/{PORTAL_ID}/record/{schema.kind.type_id}/"

    def template(self, requested: Iterable[str] | None) -> Template:
        """The template for these properties (None: the default ones); unknown names are left out."""
        names = self._schema.kind.default_properties if requested is None else requested
        return self._template(frozenset(names), self._schema.version)

    def value(self, record: Record, name: str) -> Value:
        """One property of a record as HubSpot would send it."""
        if name in SYSTEM:
            return self._system(record).get(name)
        if name in record.values:
            return record.values[name]
        return None if record.number is None else self._schema.generated(record.number, name)

    def values(self, record: Record, names: Iterable[str]) -> dict[str, Value]:
        """These properties of a record, with those that are always there."""
        values: dict[str, Value] = {name: self.value(record, name) for name in names}
        return values | self._system(record)

    def to_dict(self, record: Record, names: Iterable[str]) -> dict[str, Any]:
        """A record in the form that the API sends."""
        shown: dict[str, Any] = {
            "id": str(record.id),
            "properties": self.values(record, names),
            "createdAt": iso(record.created),
            "updatedAt": iso(record.modified),
            "archived": record.archived is not None,
            "url": f"{self._url}{record.id}",
        }
        if record.archived is not None:
            shown["archivedAt"] = iso(record.archived)
        return shown

    def _system(self, record: Record) -> dict[str, Value]:
        return {
            "createdate": iso(record.created),
            self._schema.kind.modified: iso(record.modified),
            "hs_object_id": str(record.id),
        }

    def _compile(self, requested: frozenset[str], _version: int) -> Template:
        return Template(self, self._schema, self._records, sorted(name for name in requested if name in self._schema))


class Template:
    """How the records of one object type are written with one set of properties."""

    def __init__(self, renderer: Renderer, schema: Schema, records: Records, names: list[str]) -> None:
        self._renderer = renderer
        self._records = records
        self._names = names
        modified = schema.kind.modified
        plain = [name for name in names if name not in {"createdate", modified, "hs_object_id"}]
        own = schema.own(plain)
        cycles = schema.cycles(plain)
        self._own = [function for _, function in own.items()]
        self._cycles = [
            _Pieces({name: cycle for name, cycle in cycles.items() if len(cycle) == length}, length)
            for length in sorted({len(cycle) for cycle in cycles.values()})
        ]
        own_slots = "".join(f',{encode(name).decode().replace("%", "%%")}:"%b"' for name in own)
        head = f'{{"id":"%b","properties":{{"createdate":"%b","{modified}":"%b","hs_object_id":"%b"'
        tail = f'}},"createdAt":"%b","updatedAt":"%b","archived":false,"url":"{renderer._url}%b"%b}}'  # noqa: SLF001 - its other half
        self._format = (head + own_slots + "%b" * len(self._cycles) + tail).encode()

    def write(self, entry: Entry, associations: bytes = b"") -> bytes:
        """A record as JSON; `associations` is a member to go at its end, with its leading comma."""
        record_id, number, record = entry
        if record is None and number is not None:
            base = self._records.base
            return self._fill(record_id, number, base.created(number), base.modified(number), associations)
        assert record is not None  # noqa: S101 - an entry without a number has a record
        if record.number is None or record.values or record.archived is not None:
            return encode(self._renderer.to_dict(record, self._names))[:-1] + associations + b"}"
        return self._fill(record_id, record.number, record.created, record.modified, associations)

    def _fill(self, record_id: int, number: int, created_ms: int, modified_ms: int, associations: bytes) -> bytes:
        shown_id, created, modified = b"%d" % record_id, iso_bytes(created_ms), iso_bytes(modified_ms)
        return self._format % (
            shown_id,
            created,
            modified,
            shown_id,
            *[function(number).encode() for function in self._own],
            *[pieces[number % pieces.length] for pieces in self._cycles],
            created,
            modified,
            shown_id,
            associations,
        )


class _Pieces(dict[int, bytes]):
    """For each position of cycles of one length, their values as JSON members with a leading comma; made when asked for."""

    def __init__(self, cycles: Mapping[str, Cycle], length: int) -> None:
        super().__init__()
        self.length = length
        self._cycles = cycles

    def __missing__(self, position: int) -> bytes:
        members = [b",%b:%b" % (encode(name), encode(cycle[position])) for name, cycle in self._cycles.items()]
        piece = self[position] = b"".join(members)
        return piece
