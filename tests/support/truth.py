"""What a sandbox HubSpot holds, as a person reads it: records, associations, merges, and what values mean.

Nothing here asks the connector: values are read by the rules of HubSpot's documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.hubspot.sandbox.account import Account

Key = tuple[Any, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE = re.compile(r"-?[0-9]+")


def meaning(value: str | None, kind: str) -> Any:
    """What a property's value means for its HubSpot type; a value that is none of its type means itself."""
    value = None if value is None else storable(value)
    if value is None or (value == "" and kind in _READERS):
        return None
    try:
        return _READERS[kind](value) if kind in _READERS else value
    except (ValueError, InvalidOperation, OverflowError):
        return value


def storable(text: str) -> str:
    """The text as near as PostgreSQL has a place for it: without NUL, and with U+FFFD for half of a surrogate pair."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "")


def moment_of(text: str) -> datetime:
    """A moment written as ISO 8601, as a day, or as milliseconds since 1970."""
    if _WHOLE.fullmatch(text):
        return _EPOCH + timedelta(milliseconds=int(text))
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_READERS: dict[str, Callable[[str], Any]] = {
    "number": Decimal,
    "bool": lambda text: {"true": True, "false": False}.get(text.lower(), text),
    "date": moment_of,
    "datetime": moment_of,
}


def held(cell: Any, kind: str) -> Any:
    """What a cell of the destination means, whatever its column's type has become."""
    if isinstance(cell, str):
        return meaning(cell, kind)
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return datetime(cell.year, cell.month, cell.day, tzinfo=UTC)
    return cell


@dataclass(frozen=True)
class Truth:
    """A sandbox account at one moment."""

    account: Account
    _records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def records(self, object_type: str) -> list[dict[str, Any]]:
        """Every live and every archived record, as they were when first asked for."""
        if object_type not in self._records:
            self._records[object_type] = [json.loads(line) for line in self.account.truth(object_type)]
        return self._records[object_type]

    def kinds(self, object_type: str) -> dict[str, str]:
        """The type of every property by its name."""
        definitions = self.account.store(object_type).schema.definitions()
        return {definition["name"]: definition["type"] for definition in definitions}

    def has_gone(self, object_type: str, record_id: int) -> bool:
        """Whether there was a record of this id, which is gone: purged, deleted for good, or merged into another."""
        records = self.account.store(object_type).records
        return records.is_gone(record_id) and records.get(record_id) is None

    def associations(self, near: str, far: str) -> dict[Key, str | None]:
        """The labels by (near id, far id, type id, category)."""
        types = self.account.links.types
        found: dict[Key, str | None] = {}
        for record in self.records(near):
            for other in record["associations"][far]:
                for type_id in other["typeIds"]:
                    link = types.get(near, far, type_id)
                    assert link is not None
                    found[int(record["id"]), int(other["id"]), type_id, link.category] = link.label
        return found

    def merges(self, object_type: str) -> set[Key]:
        """(winner, loser) of every merge that a record of the type shows."""
        return {
            (int(record["id"]), int(loser))
            for record in self.records(object_type)
            for loser in filter(None, (record["properties"]["hs_merged_object_ids"] or "").split(";"))
        }

    def merged_at(self) -> dict[Key, datetime]:
        """When contacts were merged, by (winner, loser)."""
        return {
            (int(contact["id"]), int(loser)): moment_of(when)
            for contact in self.records("contacts")
            for pair in filter(None, (contact["properties"]["hs_calculated_merged_vids"] or "").split(";"))
            for loser, when in [pair.split(":")]
        }
