"""The properties of one object type as they are now, and the values that generated records have for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.hubspot.sandbox.http import not_found
from connectors.hubspot.sandbox.object_types import ObjectType
from connectors.hubspot.sandbox.properties import Cycle, Property, Value

SYSTEM = frozenset({"createdate", "lastmodifieddate", "hs_lastmodifieddate", "hs_object_id"})
"""Properties that the account itself keeps, on the record and not among its values."""


@dataclass(slots=True)
class _Column:
    """A property with the values of generated records: a cycle of them, or a function of the number."""

    definition: Property
    created: int
    updated: int
    cycle: Cycle
    own: Callable[[int], str] | None = None


class Schema:
    """The properties of an object type. `version` rises with each change."""

    def __init__(self, kind: ObjectType, properties: Iterable[Property], *, seed: int, until: int) -> None:
        self.kind = kind
        self.version = 0
        self._seed = seed
        self._until = until
        self._columns = {p.name: _Column(p, until, until, p.cycle(seed, until)) for p in properties}
        cycles = {name: column.cycle for name, column in self._columns.items()}
        for column in self._columns.values():
            if column.definition.own:
                column.own = column.definition.own(cycles)

    def __contains__(self, name: str) -> bool:
        return self.active(name) is not None

    def active(self, name: str) -> Property | None:
        """The definition of a property that is not archived."""
        column = self._columns.get(name)
        return column.definition if column and column.definition.archived_at is None else None

    def definition(self, name: str, *, archived: bool = False) -> dict[str, Any] | None:
        """One definition as the API shows it."""
        column = self._columns.get(name)
        if column is None or (column.definition.archived_at is not None) != archived:
            return None
        return column.definition.to_json(f"{self.kind.singular}information", column.created, column.updated)

    def definitions(self, *, archived: bool = False) -> list[dict[str, Any]]:
        """All definitions, those that are archived or those that are not."""
        return [d for name in self._columns if (d := self.definition(name, archived=archived))]

    def names(self) -> list[str]:
        """The names of all properties that are not archived."""
        return [name for name in self._columns if name in self]

    def add(self, definition: Property, *, now: int, cycle: Sequence[Value] = (None,)) -> None:
        """Add a property, or bring an archived one back; generated records take their values from `cycle` at once."""
        self._columns[definition.name] = _Column(definition, now, now, tuple(cycle))
        self.version += 1

    def change(self, name: str, *, now: int, cycle: Sequence[Value] | None = None, **changes: Any) -> None:
        """Change a definition (`type`, `label`, `options`, ...) or what generated records have for it.

        Raises:
            Refused: 404.
        """
        column = self._columns.get(name)
        if column is None:
            raise not_found(f"Property {name} does not exist")
        column.definition = replace(column.definition, **changes)
        column.updated = now
        if cycle is not None:
            column.cycle, column.own = tuple(cycle), None
        self.version += 1

    def archive(self, name: str, *, now: int) -> None:
        """Archive a property: records do not show it any more."""
        self.change(name, now=now, archived_at=now)

    def generated(self, number: int, name: str) -> Value:
        """The value that the generated record of this number has."""
        column = self._columns[name]
        return column.own(number) if column.own else column.cycle[number % len(column.cycle)]

    def cycles(self, names: Iterable[str]) -> Mapping[str, Cycle]:
        """The cycles of those properties that have one."""
        return {name: self._columns[name].cycle for name in names if self._columns[name].own is None}

    def own(self, names: Iterable[str]) -> Mapping[str, Callable[[int], str]]:
        """The functions of those properties that have one."""
        return {name: function for name in names if (function := self._columns[name].own)}

    def never_generated(self, name: str) -> bool:
        """Whether no generated record has a value for it."""
        column = self._columns[name]
        kept = name in {"createdate", "hs_object_id", self.kind.modified}
        return not kept and column.own is None and not any(column.cycle)
