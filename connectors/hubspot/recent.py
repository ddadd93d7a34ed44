"""Which changes were read lately, so that what search shows again is not read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

CAP = 25_000
"""Changes that are remembered at the most; beyond, the oldest are forgotten, and read twice if search shows them again."""

Hit = tuple[str, int]
"""A record's id and its modification time in milliseconds: together they name one change."""


@dataclass(frozen=True, slots=True)
class Recent:
    """Changes that were read, by modification time: all those from `complete_from` (milliseconds) on."""

    complete_from: int
    ids: Mapping[int, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        """As `dump` stored it."""
        return cls(stored["from"], {int(moment): frozenset(ids) for moment, ids in stored["ids"].items()})

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {"from": self.complete_from, "ids": {str(moment): sorted(ids) for moment, ids in self.ids.items()}}

    def __contains__(self, hit: Hit) -> bool:
        return hit[0] in self.ids.get(hit[1], ())

    def and_read(self, hits: Iterable[Hit]) -> Recent:
        """The same with further changes."""
        ids: dict[int, set[str]] = {}
        for id_, moment in hits:
            ids.setdefault(moment, set()).add(id_)
        added = {moment: self.ids.get(moment, frozenset()) | new for moment, new in ids.items()}
        return _within_cap(replace(self, ids={**self.ids, **added}))

    def count(self, moment: int) -> int:
        """How many records are remembered as last modified at this moment, of those that have not been modified since."""
        later = (ids for known, ids in self.ids.items() if known > moment)
        return len(self.ids.get(moment, frozenset()).difference(*later))

    def settled(self, moment: int) -> Self:
        """The same without what was modified before this moment: search will not show it again."""
        if not any(known < moment for known in self.ids):
            return self
        return replace(self, ids={known: ids for known, ids in self.ids.items() if known >= moment})


def _within_cap(recent: Recent) -> Recent:
    count = sum(map(len, recent.ids.values()))
    if count <= CAP:
        return recent
    kept, complete_from = dict(recent.ids), recent.complete_from
    for moment in sorted(kept):
        if count <= CAP:
            break
        count -= len(kept.pop(moment))
        complete_from = max(complete_from, moment + 1)
    return replace(recent, complete_from=complete_from, ids=kept)
