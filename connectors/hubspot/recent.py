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
    """Changes that were read, by modification time: all those from `complete_from` (milliseconds) on.

    Of a millisecond that more records share than are remembered, `counts` has how many they were.
    """

    complete_from: int
    ids: Mapping[int, frozenset[str]] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        """As `dump` stored it."""
        ids = {int(moment): frozenset(ids) for moment, ids in stored["ids"].items()}
        return cls(stored["from"], ids, {int(moment): count for moment, count in stored.get("counts", {}).items()})

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        ids = {str(moment): sorted(ids) for moment, ids in self.ids.items()}
        counts = {str(moment): count for moment, count in self.counts.items()}
        return {"from": self.complete_from, "ids": ids, **({"counts": counts} if counts else {})}

    def __contains__(self, hit: Hit) -> bool:
        return hit[0] in self.ids.get(hit[1], ())

    def and_read(self, hits: Iterable[Hit]) -> Recent:
        """The same with further changes."""
        ids: dict[int, set[str]] = {}
        for id_, moment in hits:
            ids.setdefault(moment, set()).add(id_)
        added = {moment: self.ids.get(moment, frozenset()) | new for moment, new in ids.items()}
        return _within_cap(replace(self, ids={**self.ids, **added}))

    def and_counted(self, moment: int, count: int) -> Recent:
        """The same, knowing how many records share a millisecond, all of which were read."""
        return self if self.count(moment) == count else replace(self, counts={**self.counts, moment: count})

    def count(self, moment: int) -> int:
        """How many records are known as last modified at this moment.

        Those that are remembered, but for those that were modified since; or as many as there were when all were read.
        """
        if moment in self.counts:
            return self.counts[moment]
        later = (ids for known, ids in self.ids.items() if known > moment)
        return len(self.ids.get(moment, frozenset()).difference(*later))

    def settled(self, moment: int) -> Self:
        """The same without what was modified before this moment: search will not show it again."""
        if not any(known < moment for known in (*self.ids, *self.counts)):
            return self
        ids = {known: ids for known, ids in self.ids.items() if known >= moment}
        return replace(self, ids=ids, counts={known: count for known, count in self.counts.items() if known >= moment})


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
