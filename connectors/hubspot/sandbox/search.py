"""Search as HubSpot does it, over the index, without a scan where the filters bound an axis."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from connectors.hubspot.sandbox.index import Axis, ById, ByModified, Index, Tied
from connectors.hubspot.sandbox.query import FOREVER, Filter, Order, Query, comparable
from connectors.hubspot.sandbox.records import Record
from connectors.hubspot.sandbox.rendering import Renderer
from connectors.hubspot.sandbox.schema import Schema

_FEW = 20_000
"""So many candidates are rather sorted than found one by one along the sort order."""

_QUERIES = 8
"""Queries whose answers are kept while their pages are read."""

Condition: TypeAlias = Callable[[int], bool]
_Choice: TypeAlias = tuple[Axis, int, int, list[Filter]]


@dataclass(slots=True)
class Matches:
    """The answer to a query: how many there are, and their ids in order, worked out only as far as they are asked for."""

    total: int
    _walk: Iterator[int]
    _ids: list[int] = field(default_factory=list)

    def slice(self, start: int, end: int) -> list[int]:
        """The ids at these places."""
        self._ids.extend(itertools.islice(self._walk, max(0, end - len(self._ids))))
        return self._ids[start:end]


class Search:
    """Search over one object type."""

    def __init__(self, schema: Schema, index: Index, renderer: Renderer) -> None:
        self.index = index
        self.lexicographic = False
        """Whether record ids sort and compare as text; which of the two HubSpot does is disputed."""
        self._schema = schema
        self._renderer = renderer
        self._by_id = ById(index)
        self._by_modified = ByModified(index)
        self._answers: OrderedDict[Any, Matches] = OrderedDict()

    def find(self, query: Query) -> Matches:
        """Whatever matches the query now. Reading on in the same answer is cheap while nothing changes."""
        state = (self.index.version, self._schema.version, self.lexicographic)
        key = (state, query.groups, query.text, query.sort, query.descending)
        if key not in self._answers:
            self._answers[key] = self._find(query)
            while len(self._answers) > _QUERIES:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        return self._answers[key]

    def _find(self, query: Query) -> Matches:
        if query.groups and all(any(self._only_changed(f) for f in group) for group in query.groups):
            changed = (record_id for record_id, record in self.index.changed.items() if record)
            return self._sorted(query, changed, self._condition(query.groups, query.text))
        axis, low, high, absorbed = self._narrowest(query.groups[0] if len(query.groups) == 1 else ())
        rest = [[f for f in group if f not in absorbed] for group in query.groups]
        condition = self._condition(rest, query.text)
        along = self._axis(query.sort)
        count = axis.count(low, high)
        if condition is None and along and (along is axis or isinstance(axis, Tied)):
            return Matches(count, axis.walk(low, high, descending=query.descending))
        if condition is None and along and count > _FEW:
            every = along.walk(0, FOREVER, descending=query.descending)
            return Matches(count, filter(self._condition(query.groups, ""), every))
        return self._sorted(query, axis.walk(low, high), condition)

    def _sorted(self, query: Query, candidates: Iterable[int], condition: Condition | None) -> Matches:
        ids = sorted(filter(condition, candidates))
        if query.sort or query.descending:
            ids.sort(key=lambda i: self._sort_key(i, query), reverse=query.descending)
        return Matches(len(ids), iter(ids))

    def _only_changed(self, condition: Filter) -> bool:
        return condition.needs_value and self._schema.never_generated(condition.name)

    def _axis(self, sort: str | None) -> Axis | None:
        if sort is None or (sort == "hs_object_id" and not self.lexicographic):
            return self._by_id
        return self._by_modified if sort == self._schema.kind.modified else None

    def _narrowest(self, group: Sequence[Filter]) -> _Choice:
        """The axis and the bounds that leave the fewest candidates, and the filters that are thereby kept."""
        by_id = self._bounds(group, "hs_object_id") if self._axis("hs_object_id") else (0, FOREVER, [])
        by_modified = self._bounds(group, self._schema.kind.modified)
        choices: list[_Choice] = [(self._by_id, *by_id), (self._by_modified, *by_modified)]
        if by_modified[0] == by_modified[1]:
            choices.append((Tied(self.index, by_modified[0]), by_id[0], by_id[1], by_id[2] + by_modified[2]))
        return min(choices, key=lambda choice: (choice[0].count(choice[1], choice[2]), -len(choice[3])))

    @staticmethod
    def _bounds(group: Sequence[Filter], name: str) -> tuple[int, int, list[Filter]]:
        bounds = {f: b for f in group if f.name == name and (b := f.bounds())}
        low = max((low for low, _ in bounds.values()), default=0)
        high = min((high for _, high in bounds.values()), default=FOREVER)
        return low, high, list(bounds)

    def _condition(self, groups: Sequence[Sequence[Filter]], text: str) -> Condition | None:
        if not text and (not groups or any(not group for group in groups)):
            return None
        words = text.lower().split()
        names = self._schema.kind.default_properties

        def holds(record_id: int) -> bool:
            record = self._record(record_id)
            if groups and not any(all(f.holds(self._order(record, f.name)) for f in group) for group in groups):
                return False
            texts = " ".join(self._renderer.value(record, name) or "" for name in names if words).lower()
            return all(word in texts for word in words)

        return holds

    def _record(self, record_id: int) -> Record:
        record = self.index.record(record_id)
        if record is None:
            raise KeyError(record_id)
        return record

    def _order(self, record: Record, name: str) -> Order:
        if name == self._schema.kind.modified:
            return record.modified
        if name == "createdate":
            return record.created
        return comparable(self._schema, name, self._renderer.value(record, name), lexicographic=self.lexicographic)

    def _sort_key(self, record_id: int, query: Query) -> tuple[bool, Order]:
        """What is empty comes last, in both directions."""
        order = self._order(self._record(record_id), query.sort or "hs_object_id")
        return (order is None) != query.descending, 0 if order is None else order
