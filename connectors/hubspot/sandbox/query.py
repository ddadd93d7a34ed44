"""Search requests: their filters, and the rules they have to keep."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from connectors.hubspot.sandbox import times
from connectors.hubspot.sandbox.http import invalid, refused, unknown_properties
from connectors.hubspot.sandbox.properties import Value
from connectors.hubspot.sandbox.schema import Schema

CAP = 10_000
"""No query shows more than so many results, however it is paged."""

DEFAULT_PAGE, MAX_PAGE = 10, 200
MAX_GROUPS, MAX_FILTERS, MAX_TOTAL = 5, 6, 18
MAX_TEXT = 3000
FOREVER = 1 << 62

Order: TypeAlias = Any
"""A value as filters and sorts compare it: a number for numbers and dates, text for the others; None for no value."""

_ALSO_WITHOUT_VALUE = {"NOT_HAS_PROPERTY", "NEQ", "NOT_IN", "NOT_CONTAINS_TOKEN"}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on one property, with its values in comparable form."""

    name: str
    operator: str
    value: Order = None
    high: Order = None
    values: frozenset[Order] = frozenset()

    def holds(self, order: Order) -> bool:
        """Whether it holds for a value (None: there is none)."""
        return not self.needs_value if order is None else _OPERATORS[self.operator](order, self)

    @property
    def needs_value(self) -> bool:
        """Whether it can only hold for records that have a value."""
        return self.operator not in _ALSO_WITHOUT_VALUE

    def bounds(self) -> tuple[int, int] | None:
        """The inclusive range of whole numbers it stands for, if it is one."""
        bounds = _BOUNDS.get(self.operator)
        return bounds(self.value, self.high) if bounds else None


_BOUNDS: dict[str, Callable[[int, int], tuple[int, int]]] = {
    "EQ": lambda value, _: (value, value),
    "GTE": lambda value, _: (value, FOREVER),
    "GT": lambda value, _: (value + 1, FOREVER),
    "LTE": lambda value, _: (0, value),
    "LT": lambda value, _: (0, value - 1),
    "BETWEEN": lambda value, high: (value, high),
}
_OPERATORS: dict[str, Callable[[Order, Filter], bool]] = {
    "EQ": lambda order, f: order == f.value,
    "NEQ": lambda order, f: order != f.value,
    "LT": lambda order, f: order < f.value,
    "LTE": lambda order, f: order <= f.value,
    "GT": lambda order, f: order > f.value,
    "GTE": lambda order, f: order >= f.value,
    "BETWEEN": lambda order, f: f.value <= order <= f.high,
    "IN": lambda order, f: order in f.values,
    "NOT_IN": lambda order, f: order not in f.values,
    "HAS_PROPERTY": lambda *_: True,
    "NOT_HAS_PROPERTY": lambda *_: False,
    "CONTAINS_TOKEN": lambda order, f: _contains(str(order), str(f.value)),
    "NOT_CONTAINS_TOKEN": lambda order, f: not _contains(str(order), str(f.value)),
}


def _contains(text: str, token: str) -> bool:
    pattern = re.escape(token).replace(r"\*", r"\w*")
    return re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class Query:
    """A search request that keeps the rules."""

    groups: tuple[tuple[Filter, ...], ...]
    text: str
    sort: str | None
    descending: bool
    properties: tuple[str, ...] | None
    limit: int
    offset: int


def parse_query(
    body: Mapping[str, Any], schema: Schema, *, most: int = MAX_PAGE, cap: int = CAP, lexicographic: bool = False
) -> Query:
    """Check a search request: `most` results on a page, and `cap` in all.

    Raises:
        Refused: 400 for what breaks a rule, also for paging beyond the cap; 500 for a filter from the year 1970 on.
    """
    groups = [group.get("filters") or [] for group in body.get("filterGroups") or []]
    if body.get("filters"):
        groups.append(body["filters"])
    if len(groups) > MAX_GROUPS or any(len(g) > MAX_FILTERS for g in groups) or sum(map(len, groups)) > MAX_TOTAL:
        raise invalid(f"Too many filters: at most {MAX_GROUPS} groups of {MAX_FILTERS}, {MAX_TOTAL} in all.")
    text = body.get("query") or ""
    if len(text) > MAX_TEXT:
        raise invalid(f"The query is longer than {MAX_TEXT} characters.")
    limit = _whole("limit", body.get("limit", min(DEFAULT_PAGE, most)))
    offset = _whole("after", body.get("after") or 0)
    if limit > most:
        raise invalid(f"The limit is at most {most}.")
    if offset + limit > cap:
        raise refused(400, "There was a problem with the request.")
    sort, descending = _sort(body.get("sorts") or [], schema)
    properties = body.get("properties")
    return Query(
        groups=tuple(tuple(_filter(f, schema, lexicographic=lexicographic) for f in group) for group in groups),
        text=text,
        sort=sort,
        descending=descending,
        properties=tuple(properties) if properties else None,
        limit=limit,
        offset=offset,
    )


def comparable(schema: Schema, name: str, value: Value, *, lexicographic: bool = False) -> Order:
    """A value as it is compared: numbers and dates as numbers, enumerations as they are, other text in lower case."""
    if value is None or value == "":
        return None
    definition = schema.active(name)
    kind = definition.type if definition else "string"
    if name == "hs_object_id" and lexicographic:
        return value
    if kind == "number":
        return _number(value)
    if kind in {"date", "datetime"}:
        return times.parse(value)
    return value if kind == "enumeration" else value.lower()


def _filter(raw: Mapping[str, Any], schema: Schema, *, lexicographic: bool) -> Filter:
    name, operator = str(raw.get("propertyName")), str(raw.get("operator"))
    if name not in schema:
        raise unknown_properties([name])
    if operator not in _OPERATORS:
        raise invalid(f"Unknown operator '{operator}'.")

    def order(key: str) -> Order:
        value = comparable(schema, name, str(raw.get(key, "")), lexicographic=lexicographic)
        if value is None:
            raise invalid(f"The filter on {name} needs a {key} that fits its type.")
        if value == 0 and name == schema.kind.modified:
            raise refused(500, "internal error")
        return value

    if operator in {"IN", "NOT_IN"}:
        kind = schema.active(name)
        as_it_is = kind is not None and kind.type not in {"number", "date", "datetime"}
        values = [str(value) for value in raw.get("values") or []]
        orders = values if as_it_is else [comparable(schema, name, v, lexicographic=lexicographic) for v in values]
        return Filter(name, operator, values=frozenset(orders))
    if operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        return Filter(name, operator)
    return Filter(name, operator, order("value"), order("highValue") if operator == "BETWEEN" else None)


def _sort(sorts: Sequence[Any], schema: Schema) -> tuple[str | None, bool]:
    if len(sorts) > 1:
        raise invalid("Only one sort is allowed.")
    if not sorts or not isinstance(sorts[0], Mapping):
        return None, False  # HubSpot takes a sort that is a mere string, and ignores it
    name = str(sorts[0].get("propertyName"))
    if name not in schema:
        raise unknown_properties([name])
    return name, sorts[0].get("direction") == "DESCENDING"


def _whole(name: str, value: Any) -> int:
    if not str(value).isdecimal():
        raise invalid(f"You must format the value of '{name}' as an integer, not '{value}'.")
    return int(value)


def _number(text: str) -> int | float | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None
