"""Property values as HubSpot sends them, brought into the canonical form of their column's type.

HubSpot sends every value as a string or null, and what a property's type promises is not always kept: dates come as
ISO or as milliseconds since 1970, numbers are empty or lists of numbers, booleans say something else. A column of
values is checked as a whole with one regular expression; only where that finds something odd does it go cell by cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

from engine.contract import ColumnType, common_type

COLUMN_TYPES = {
    "number": ColumnType.NUMERIC,
    "bool": ColumnType.BOOLEAN,
    "date": ColumnType.DATE,
    "datetime": ColumnType.TIMESTAMPTZ,
}
"""Column types by property type; every other property (string, enumeration, phone_number, json ...) is text."""

# Possessive quantifiers and spelt-out digits halve the time of a check, and keep digits of other scripts out.
_CANONICAL = {
    ColumnType.BIGINT: r"-?+[0-9]{1,18}+",
    ColumnType.NUMERIC: r"-?+[0-9]++(?:\.[0-9]*+)?+(?:[eE][+-]?+[0-9]{1,4}+)?+|-?+\.[0-9]++(?:[eE][+-]?+[0-9]{1,4}+)?+|NaN",
    ColumnType.BOOLEAN: r"true|false",
    ColumnType.DATE: r"[0-9]{4}+-[0-9]{2}+-[0-9]{2}+",
    ColumnType.TIMESTAMPTZ: (
        r"[0-9]{4}+-[0-9]{2}+-[0-9]{2}+T[0-9]{2}+:[0-9]{2}+:[0-9]{2}+(?:\.[0-9]{1,6}+)?+"
        r"(?:Z|[+-][0-9]{2}+:[0-9]{2}+)"
    ),
}
_COLUMN_IS_CANONICAL = {type_: re.compile(rf"(?:(?:{form})\n)*+") for type_, form in _CANONICAL.items()}
_CELL_IS_CANONICAL = {type_: re.compile(form) for type_, form in _CANONICAL.items()}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = re.compile(r"-?[0-9]{1,15}")
_NAIVE_DATETIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?")
_MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T00:00:00(?:\.0+)?Z")

Cell = str | None


def is_canonical(values: Sequence[Cell], type_: ColumnType) -> bool:
    """Whether every value of a typed column is None, empty or in canonical form; one pass, for the common case."""
    text = "\n".join(filter(None, values))
    return _COLUMN_IS_CANONICAL[type_].fullmatch(f"{text}\n" if text else "") is not None


def canonical(value: Cell, type_: ColumnType) -> tuple[Cell, ColumnType]:
    """A value brought as near to a type as it goes, and the narrowest type on that type's ladder that holds it.

    Empty means cleared, hence None. A value that fits nothing narrower comes back as it was, with `TEXT`.
    """
    if value is None or (value == "" and type_ is not ColumnType.TEXT):
        return None, type_
    if type_ is ColumnType.TEXT:
        return value, type_
    stripped = value.strip()
    if not stripped:
        return None, type_
    found = _READERS[type_](stripped)
    return found or (value, ColumnType.TEXT)


def _exactly(type_: ColumnType) -> Callable[[str], tuple[str, ColumnType] | None]:
    form = _CELL_IS_CANONICAL[type_]
    return lambda value: (value, type_) if form.fullmatch(value) else None


def _boolean(value: str) -> tuple[str, ColumnType] | None:
    lowered = value.lower()
    return (lowered, ColumnType.BOOLEAN) if lowered in ("true", "false") else None


def _bigint(value: str) -> tuple[str, ColumnType] | None:
    return _exactly(ColumnType.BIGINT)(value) or _exactly(ColumnType.NUMERIC)(value)


def _date(value: str) -> tuple[str, ColumnType] | None:
    if _CELL_IS_CANONICAL[ColumnType.DATE].fullmatch(value):
        return value, ColumnType.DATE
    moment = _timestamp(value)
    if moment is None:
        return None
    midnight = _MIDNIGHT.fullmatch(moment[0])
    return (midnight[1], ColumnType.DATE) if midnight else moment


def _timestamp(value: str) -> tuple[str, ColumnType] | None:
    if _CELL_IS_CANONICAL[ColumnType.TIMESTAMPTZ].fullmatch(value):
        return value, ColumnType.TIMESTAMPTZ
    if _MILLISECONDS.fullmatch(value):
        return _iso(int(value))
    if not _begins_with_a_day(value):
        return None
    if _NAIVE_DATETIME.fullmatch(value):
        return f"{value.replace(' ', 'T')}Z", ColumnType.TIMESTAMPTZ
    if _CELL_IS_CANONICAL[ColumnType.DATE].fullmatch(value):
        return f"{value}T00:00:00Z", ColumnType.TIMESTAMPTZ
    return None


def _begins_with_a_day(value: str) -> bool:
    """Whether it begins with a day of the calendar, unlike 0000-00-00: what is none is to stay as it was written."""
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return False
    return True


def _iso(milliseconds: int) -> tuple[str, ColumnType] | None:
    try:
        return from_milliseconds(milliseconds), ColumnType.TIMESTAMPTZ
    except OverflowError:
        return None


_READERS: dict[ColumnType, Callable[[str], tuple[str, ColumnType] | None]] = {
    ColumnType.BOOLEAN: _boolean,
    ColumnType.BIGINT: _bigint,
    ColumnType.NUMERIC: _exactly(ColumnType.NUMERIC),
    ColumnType.DATE: _date,
    ColumnType.TIMESTAMPTZ: _timestamp,
}


def from_milliseconds(milliseconds: int) -> str:
    """Milliseconds since 1970 as RFC 3339 with milliseconds and `Z`; exact.

    Raises:
        OverflowError: a year before 1 or after 9999.
    """
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.").zfill(20) + f"{moment.microsecond // 1000:03d}Z"


def to_milliseconds(value: str) -> int:
    """A moment, as RFC 3339 or as milliseconds since 1970 already, in milliseconds since 1970, rounded down.

    Raises:
        ValueError: it is neither.
    """
    if _MILLISECONDS.fullmatch(value):
        return int(value)
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment(value: str | int | None) -> Cell:
    """A moment of a reference object (owner, pipeline, property): ISO, milliseconds, or 0 and None for unknown."""
    if value in (None, 0, "0", ""):
        return None
    cell, type_ = canonical(str(value), ColumnType.TIMESTAMPTZ)
    return cell if type_ is ColumnType.TIMESTAMPTZ else None


def canonical_column(values: Sequence[Cell], type_: ColumnType) -> tuple[Sequence[Cell], ColumnType]:
    """A typed column in canonical form, and the narrowest type on the ladder that holds all of it.

    Gives back the very same values where nothing is to be done. Where the column turns out wider than `type_`, values
    that were brought into a narrower form are given in the wider type's form, so that they fit what it becomes.
    """
    if is_canonical(values, type_):
        return ([value or None for value in values] if "" in values else values), type_
    read = [canonical(value, type_) for value in values]
    wide = type_
    for _, fits in read:
        if fits is not wide:
            wide = common_type(wide, fits)
    if wide is type_ or wide is not ColumnType.TIMESTAMPTZ:
        return [cell for cell, _ in read], wide
    return [canonical(cell, wide)[0] for cell, _ in read], wide
