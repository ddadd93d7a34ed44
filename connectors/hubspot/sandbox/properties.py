"""Property definitions, and how the generated records get their values.

A property of a generated record repeats a cycle of drawn values along the records' numbers (or is made from the number
itself). Cycles have prime lengths, so that records differ although only a few thousand values are drawn in all.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from connectors.hubspot.sandbox import times

CYCLES = (61, 67, 71, 73, 79, 83, 89, 97)

Value: TypeAlias = str | None
"""A property's value as HubSpot sends it: always text, or null."""

Draw: TypeAlias = Callable[[random.Random, int], Value]
"""Draws one value; the second argument is the moment (in milliseconds) that the records' dates end at."""

Cycle: TypeAlias = Sequence[Value]

Own: TypeAlias = Callable[[Mapping[str, Cycle]], Callable[[int], str]]
"""Given the cycles of the other properties, makes the function from a record's number to its own value (plain ASCII)."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property definition. With neither `draw` nor `own`, generated records have no value for it.

    Properties that name the same `together` draw alike: with pools of one length, their values belong together.
    """

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = ""
    draw: Draw | None = None
    own: Own | None = None
    options: tuple[str, ...] = ()
    together: str = ""
    calculated: bool = False
    read_only: bool = False
    unique: bool = False
    custom: bool = False
    archived_at: int | None = None
    sensitivity: str = "non_sensitive"

    def cycle(self, seed: int, until: int) -> Cycle:
        """The values that generated records repeat; the same for the same seed."""
        if self.draw is None:
            return (None,)
        key = f"{seed}/{self.together or self.name}"
        rng = random.Random(key)  # noqa: S311 - sample data, no secret
        length = CYCLES[zlib.crc32(key.encode()) % len(CYCLES)]
        return tuple(self.draw(rng, until) for _ in range(length))

    def to_json(self, group: str, created: int, updated: int) -> dict[str, Any]:
        """The definition as the properties API shows it; `group` holds for those that have none of their own."""
        definition: dict[str, Any] = {
            "updatedAt": times.iso(updated),
            "createdAt": times.iso(created),
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": "",
            "groupName": self.group or group,
            "options": [
                {"label": label_of(value), "value": value, "displayOrder": order, "hidden": False, "description": ""}
                for order, value in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": False,
            "archived": self.archived_at is not None,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "hubspotDefined": not self.custom,
            "formField": not self.read_only,
            "modificationMetadata": {
                "archivable": self.custom,
                "readOnlyDefinition": not self.custom,
                "readOnlyOptions": not self.custom,
                "readOnlyValue": self.read_only or self.calculated,
            },
            "dataSensitivity": self.sensitivity,
        }
        if self.archived_at is not None:
            definition["archivedAt"] = times.iso(self.archived_at)
        if self.field_type == "number" and self.name in {"amount", "annualrevenue"}:
            definition["showCurrencySymbol"] = True
        return definition


def label_of(value: str) -> str:
    """A label for an option value: `closed_won` -> `Closed won`."""
    return value.replace("_", " ").capitalize()


def one_of(pool: Sequence[Value]) -> Draw:
    """One of these; repeat a value to make it likelier."""
    return lambda rng, _: rng.choice(pool)


def sparse(draw: Draw, *, filled: float = 0.6, cleared: float = 0.1) -> Draw:
    """Filled for this share of the records, cleared (an empty string) for that one, null for the others."""

    def drawn(rng: random.Random, until: int) -> Value:
        share = rng.random()
        if share < filled:
            return draw(rng, until)
        return "" if share < filled + cleared else None

    return drawn


def whole(low: int, high: int) -> Draw:
    """A whole number, skewed to the low end as counts are."""
    return lambda rng, _: str(low + int((high - low) * rng.random() ** 3))


def decimal(low: float, high: float) -> Draw:
    """A number with two decimals, or one, or a needless one (`67340.0`)."""

    def drawn(rng: random.Random, _: int) -> Value:
        return str(round(rng.uniform(low, high), rng.choice((0, 1, 2))))

    return drawn


def flag(rng: random.Random, _: int) -> Value:
    """True or false."""
    return rng.choice(("true", "false"))


def moment(rng: random.Random, until: int) -> Value:
    """A datetime of the past three years."""
    return times.iso(until - rng.randrange(3 * 365 * times.DAY))


def calendar_day(rng: random.Random, until: int) -> Value:
    """A date of the past three years or of the next three months."""
    return times.day(until + (rng.randrange(-3 * 365, 90)) * times.DAY)


def text(name: str, label: str, draw: Draw | None = None, **more: Any) -> Property:
    """A single line of text."""
    return Property(name, label, draw=draw, **more)


def number(name: str, label: str, draw: Draw | None = None, **more: Any) -> Property:
    """A number."""
    return Property(name, label, "number", "number", draw=draw, **more)


def date(name: str, label: str, draw: Draw | None = calendar_day, **more: Any) -> Property:
    """A calendar date."""
    return Property(name, label, "date", "date", draw=draw, **more)


def datetime(name: str, label: str, draw: Draw | None = moment, **more: Any) -> Property:
    """A moment."""
    return Property(name, label, "datetime", "date", draw=draw, **more)


def boolean(name: str, label: str, draw: Draw | None = flag, **more: Any) -> Property:
    """True or false; its options are those words, as HubSpot's are."""
    return Property(name, label, "bool", "booleancheckbox", draw=draw, options=("true", "false"), **more)


def choice(name: str, label: str, options: Sequence[str], draw: Draw | None = None, **more: Any) -> Property:
    """An enumeration over these options."""
    return Property(
        name, label, "enumeration", "select", draw=draw or sparse(one_of(options)), options=tuple(options), **more
    )
