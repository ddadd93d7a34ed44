"""The expressions that compare a row `t` of a table with a row `s` of another of the same source.

The two need not have the same columns, nor these the same types, and either may have any value in its overflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psycopg import sql

from destinations.postgres.queries import type_name
from destinations.postgres.room import OVERFLOW
from destinations.postgres.shape import LiveTable
from destinations.postgres.widening import TIMESTAMPTZ, conversion, distinct, known_type
from engine.contract import ACTIVE, DELETED, ColumnType, Table

_WRITTEN_IN_MANY_WAYS = {
    ColumnType.BIGINT: "numeric",
    ColumnType.NUMERIC: "numeric",
    ColumnType.DOUBLE: "numeric",
    ColumnType.DATE: TIMESTAMPTZ,
    ColumnType.TIMESTAMPTZ: TIMESTAMPTZ,
}
"""Types of which one value can be several texts, and the type that tells whether it is one."""


def is_there(live: LiveTable) -> sql.Composable:
    """Whether a row `t` is not gone."""
    if live.table.history:
        return sql.Identifier("t", ACTIVE)
    return sql.SQL("t.{} IS NOT TRUE").format(sql.Identifier(DELETED)) if live.markers else sql.SQL("true")


def same_key(live: LiveTable) -> sql.Composable:
    """Whether both rows have the same key."""
    same = (sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in live.table.primary_key)
    return sql.SQL(" AND ").join(same)


def may_differ(one: LiveTable, other: LiveTable) -> sql.Composable:
    """Whether the rows are not the same as they lie there; where neither has an overflow, whether they differ."""
    shared = [name for name in _compared(other) if name in one.types and name in other.types]
    differ = [_differs(one, other, name) for name in shared]
    for live, other_live, alias in ((one, other, "t"), (other, one, "s")):
        alone = [name for name in (*_compared(other), OVERFLOW) if name in live.types and name not in other_live.types]
        differ += (sql.SQL("{} IS NOT NULL").format(sql.Identifier(alias, name)) for name in alone)
    if OVERFLOW in one.types and OVERFLOW in other.types:
        differ.append(sql.SQL("t.{0} IS DISTINCT FROM s.{0}").format(sql.Identifier(OVERFLOW)))
    return sql.SQL(" OR ").join([*differ, sql.SQL("false")])


def changed(one: LiveTable, other: LiveTable, source: Table) -> sql.Composable:
    """The names of the columns in which the rows differ, as an array.

    A column of the `source` that has had to become text has the texts that its values were converted to then, and of
    later values the source's own: where both are the same value of its type, they do not differ.
    """
    case = sql.SQL("CASE WHEN {} THEN {} END")
    meant = {
        column.name: _WRITTEN_IN_MANY_WAYS[column.type]
        for column in source.columns
        if column.type in _WRITTEN_IN_MANY_WAYS
    }
    names = sql.SQL(", ").join(
        case.format(_differs(one, other, name, unfolded=True, meant=meant), name) for name in _compared(other)
    )
    return sql.SQL("(SELECT array_remove(ARRAY[{}]::text[], NULL) FROM {})").format(
        names, _unfolded({"t": one, "s": other})
    )


def values(live: LiveTable, names: Iterable[str], each: sql.SQL) -> sql.Composable:
    """What a row `t` has in these columns, put into the expression `each`, with whatever they have to be read from."""
    shown = (each.format(_value(live, "t", name, _type(live, live, name), unfolded=True)) for name in names)
    return sql.SQL("{} FROM {} AS t, LATERAL {}").format(
        sql.SQL(", ").join(shown), live.identifier, _unfolded({"t": live})
    )


def _compared(live: LiveTable) -> list[str]:
    return [name for name in live.table.column_names if name not in live.table.primary_key]


def _differs(
    one: LiveTable, other: LiveTable, name: str, *, unfolded: bool = False, meant: Mapping[str, str] | None = None
) -> sql.Composable:
    type_ = _type(one, other, name)
    known = known_type(type_)
    values = [_value(live, alias, name, type_, unfolded=unfolded) for live, alias in ((one, "t"), (other, "s"))]
    differs = distinct(known).format(*values)
    if meant and name in meant and known is ColumnType.TEXT:
        same = sql.SQL('pg_temp."#same"({}, {}, {})').format(*values, meant[name])
        return sql.SQL("{} AND {} IS NOT TRUE").format(differs, same)
    return differs


def _type(one: LiveTable, other: LiveTable, name: str) -> str:
    """The type in which a column is compared: that of `other`, which is never narrower; what may have no column is text."""
    if name not in other.types or (name not in one.types and OVERFLOW in one.types):
        return ColumnType.TEXT.value
    return other.types[name]


def _value(live: LiveTable, alias: str, name: str, type_: str, *, unfolded: bool) -> sql.Composable:
    has, column = live.types.get(name), sql.Identifier(alias, name)
    value: sql.Composable = column
    if has is None:
        value = sql.SQL("NULL::{}").format(type_name(type_))
    elif has != type_:
        value = sql.SQL("(SELECT {} FROM (SELECT {}) AS c)").format(conversion(name, has, type_), column)
    if OVERFLOW not in live.types or not unfolded:
        return value
    folded = sql.Identifier("o", alias)
    return sql.SQL("CASE WHEN {0} ? {1} THEN ({0} ->> {1})::{2} ELSE {3} END").format(
        folded, name, type_name(type_), value
    )


def _unfolded(rows: dict[str, LiveTable]) -> sql.Composable:
    """The overflow of each row under its alias: unpacked once, or each look into it would unpack it again."""
    unpacked = (
        sql.SQL("{} || '{{}}' AS {}").format(sql.Identifier(alias, OVERFLOW), sql.Identifier(alias))
        if OVERFLOW in live.types
        else sql.SQL("NULL::jsonb AS {}").format(sql.Identifier(alias))
        for alias, live in rows.items()
    )
    return sql.SQL("(SELECT {} OFFSET 0) AS o").format(sql.SQL(", ").join(unpacked))
