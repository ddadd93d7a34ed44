"""Which type a live column has to become, and how its values become that type."""

from __future__ import annotations

from psycopg import sql

from destinations.postgres.queries import query, type_name
from engine.contract import ColumnType, common_type

TIMESTAMPTZ = "timestamp with time zone"
"""`timestamptz` as the server writes it; all other types of ours it writes as we do."""

_NARROWER = {
    "smallint": ColumnType.BIGINT,
    "integer": ColumnType.BIGINT,
    "numeric": ColumnType.NUMERIC,
    "real": ColumnType.DOUBLE,
    "json": ColumnType.JSONB,
    "timestamp without time zone": ColumnType.TIMESTAMPTZ,
    TIMESTAMPTZ: ColumnType.TIMESTAMPTZ,
    "character": ColumnType.TEXT,
    "character varying": ColumnType.TEXT,
}
"""Types that a column made by somebody else may have, also with a length or precision, and the type that holds them."""


def known_type(live: str) -> ColumnType | None:
    """The narrowest of our types that holds every value of the live type; None where none of them does."""
    if live in set(ColumnType):
        return ColumnType(live)
    before, _, limited = live.partition("(")
    return _NARROWER.get(before + limited.partition(")")[2])


def widened(live: str, asked: ColumnType) -> str:
    """The live type that holds what it held and `asked` as well: itself where it does already, or is none of ours."""
    known = known_type(live)
    return live if known is None else written(common_type(known, asked))


def written(type_: ColumnType) -> str:
    """A type of ours as the server writes it."""
    return TIMESTAMPTZ if type_ is ColumnType.TIMESTAMPTZ else type_.value


def distinct(known: ColumnType | None) -> sql.SQL:
    """The expression that tells whether two values of such a type are not the same.

    Types of other people need not have an equality, and to a collation of theirs two spellings may be equal.
    """
    match known:
        case None:
            return sql.SQL("({})::text IS DISTINCT FROM ({})::text")
        case ColumnType.TEXT:
            return sql.SQL('({}) COLLATE "C" IS DISTINCT FROM ({})')
        case _:
            return sql.SQL("({}) IS DISTINCT FROM ({})")


def conversion(column: str, live: str, target: str) -> sql.Composable:
    """The expression that turns a column's values of type `live` into type `target` and loses nothing.

    A date becomes midnight UTC; a time becomes text as ISO 8601 in UTC with milliseconds, as sources write it.
    """
    value: sql.Composable = sql.Identifier(column)
    if live.startswith("timestamp"):
        if live.endswith("without time zone"):
            value = sql.SQL("({} AT TIME ZONE 'UTC')").format(value)
        if target == ColumnType.TEXT:
            return query("time_as_text").format(time=value)
    if live == ColumnType.DATE and target == TIMESTAMPTZ:
        return sql.SQL("{}::timestamp AT TIME ZONE 'UTC'").format(value)
    if live in {"real", ColumnType.DOUBLE} and target == ColumnType.NUMERIC:
        # the cast without the text in between keeps only fifteen digits
        return sql.SQL("{}::text::numeric").format(value)
    return sql.SQL("{}::{}").format(value, type_name(target))
