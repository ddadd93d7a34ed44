"""The column types both ends agree on, and the one ladder along which a column may widen."""

from __future__ import annotations

from enum import StrEnum


class ColumnType(StrEnum):
    """What a column holds. The values are PostgreSQL's names, since every destination can say what it does for them.

    A cell is `None` or text in the type's canonical form: `true`/`false`; decimal digits; a JSON number; `YYYY-MM-DD`;
    RFC 3339 with an offset; any text; JSON text. Native Python values of the same meaning are legal as well.
    """

    BOOLEAN = "boolean"
    BIGINT = "bigint"
    NUMERIC = "numeric"
    DOUBLE = "double precision"
    DATE = "date"
    TIMESTAMPTZ = "timestamptz"
    JSONB = "jsonb"
    TEXT = "text"


_WIDER: dict[ColumnType, ColumnType] = {
    ColumnType.BOOLEAN: ColumnType.TEXT,
    ColumnType.BIGINT: ColumnType.NUMERIC,
    ColumnType.NUMERIC: ColumnType.TEXT,
    ColumnType.DOUBLE: ColumnType.NUMERIC,
    ColumnType.DATE: ColumnType.TIMESTAMPTZ,
    ColumnType.TIMESTAMPTZ: ColumnType.TEXT,
    ColumnType.JSONB: ColumnType.TEXT,
}


def ladder(type_: ColumnType) -> tuple[ColumnType, ...]:
    """The type itself and everything it may become, narrowest first; the last one is always text."""
    steps = [type_]
    while steps[-1] in _WIDER:
        steps.append(_WIDER[steps[-1]])
    return tuple(steps)


def common_type(one: ColumnType, other: ColumnType) -> ColumnType:
    """The narrowest type that holds every value of both. Commutative, associative, and never narrower than either."""
    reachable = ladder(other)
    return next(step for step in ladder(one) if step in reachable)
