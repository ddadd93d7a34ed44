"""The rows in which a table and its image differ: found, kept, shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql

from destinations.postgres.connect import Connection
from destinations.postgres.queries import identifiers, query, type_name
from destinations.postgres.room import OVERFLOW
from destinations.postgres.shape import LiveTable
from destinations.postgres.widening import conversion, known_type
from engine.contract import DELETED, ColumnType, DifferentRow, TableDifferences

EXAMPLES = 5
"""Rows of each kind that are shown, and columns of each of them."""

LONGEST = 60
"""Characters of a value that are shown."""


class Differing:
    """The keys of one table's rows that differ and how, in a temporary table of the connection."""

    def __init__(self, connection: Connection, schema: str, number: int) -> None:
        self._connection = connection
        self._schema = schema
        self._name = sql.Identifier("pg_temp", f"#differing {number}")
        self._rows = 0
        self._at_first: int | None = None
        self.count = 0
        """Rows that differ, without those that cannot be stored."""

    def find(self, stored: LiveTable | None, image: LiveTable) -> None:
        """Compare the two, from scratch; nothing may be stored."""
        other = stored or image
        key = image.table.primary_key
        differs = {name: _differs(other, image, name) for name in image.table.column_names if name not in key}
        statement = query("find_differing").format(
            differing=self._name,
            keys=_listed("coalesce(t.{0}, s.{0}) AS {0}", key),
            document=_key_document(key),
            changed=sql.SQL(", ").join(
                sql.SQL("CASE WHEN {} THEN {} END").format(each, name) for name, each in differs.items()
            ),
            differs=sql.SQL(" OR ").join([*differs.values(), sql.SQL("false")]),
            stored=other.identifier,
            stored_is_there=_is_there(other) if stored else sql.SQL("false"),
            join=sql.SQL("FULL" if image.table.soft_delete else "RIGHT"),
            image=image.identifier,
            image_is_there=_is_there(image),
            same_key=_same_key(image),
        )
        self._connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(self._name))
        self._connection.execute(sql.SQL("ANALYZE {}").format(image.identifier))
        self._connection.execute(statement, {"schema": self._schema, "table": image.table.name})
        self.count = sum(count for kind, count in self._kinds().items() if kind != "rejected")
        if self._at_first is None:
            self._at_first = self.count
            self._rows = self._number_of(sql.SQL("{} AS t WHERE {}").format(image.identifier, _is_there(image)))

    def contain(self, live: LiveTable) -> sql.Composable:
        """The condition that a row `s` of a table or its image is among them."""
        found = sql.SQL("EXISTS (SELECT FROM {} AS t WHERE {})")
        return found.format(self._name, _same_key(live))

    def tell(self, kept: LiveTable, image: LiveTable) -> TableDifferences:
        """What was found, in numbers and by examples."""
        kinds = self._kinds()
        of_columns = sql.SQL(
            'SELECT name, count(*) FROM {}, unnest("#columns") AS name GROUP BY name ORDER BY 2 DESC, 1'
        )
        unstorable = sql.SQL('(SELECT DISTINCT key FROM "#rejected" WHERE table_name = {}) AS t').format(
            image.table.name
        )
        return TableDifferences(
            table=image.table.name,
            rows=self._rows,
            missing=kinds.get("missing", 0),
            extra=kinds.get("extra", 0),
            different=kinds.get("different", 0),
            rejected=kinds.get("rejected", 0) + self._number_of(unstorable),
            pending=max(0, (self._at_first or 0) - self.count),
            columns=dict(self._connection.execute(of_columns.format(self._name))),
            examples=self._examples(kept, image),
        )

    def _kinds(self) -> dict[str, int]:
        counted = sql.SQL('SELECT "#kind", count(*) FROM {} GROUP BY 1').format(self._name)
        return dict(self._connection.execute(counted))

    def _number_of(self, rows: sql.Composable) -> int:
        row = self._connection.execute(sql.SQL("SELECT count(*) FROM {}").format(rows)).fetchone()
        return row[0] if row else 0

    def _examples(self, kept: LiveTable, image: LiveTable) -> list[DifferentRow]:
        key = image.table.primary_key
        statement = query("show_differing").format(
            keys=_listed("d.{}::text", key), key=identifiers(key), differing=self._name
        )
        found = self._connection.execute(statement, {"shown": EXAMPLES}).fetchall()
        return [
            DifferentRow(
                kind,
                dict(zip(key, keys, strict=True)),
                self._values(kept, keys, columns[:EXAMPLES]),
                self._values(image, keys, columns[:EXAMPLES]),
            )
            for kind, keys, columns in found
        ]

    def _values(self, side: LiveTable, keys: Sequence[str], columns: Sequence[str]) -> Mapping[str, str | None]:
        if not columns:
            return {}
        shown = sql.SQL(f"left({{}}::text, {LONGEST + 1})")
        is_it = sql.SQL("t.{}::text = %s")
        statement = sql.SQL("SELECT {} FROM {} AS t WHERE {}").format(
            sql.SQL(", ").join(shown.format(_value(side, "t", name, _type(side, side, name))) for name in columns),
            side.identifier,
            sql.SQL(" AND ").join(is_it.format(sql.Identifier(name)) for name in side.table.primary_key),
        )
        row = self._connection.execute(statement, keys).fetchone() or ()
        cut = [text if text is None or len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in row]
        return dict(zip(columns, cut, strict=True))


def _differs(stored: LiveTable, image: LiveTable, name: str) -> sql.Composable:
    type_ = _type(stored, image, name)
    # Types of other people need not have an equality.
    differs = "{} IS DISTINCT FROM {}" if known_type(type_) else "{}::text IS DISTINCT FROM {}::text"
    return sql.SQL(differs).format(_value(stored, "t", name, type_), _value(image, "s", name, type_))


def _type(stored: LiveTable, image: LiveTable, name: str) -> str:
    """The type in which a column is compared: the image's, which is never narrower; what has no column is text."""
    has_column = name in stored.types or OVERFLOW not in stored.types
    return image.types.get(name, ColumnType.TEXT.value) if has_column else ColumnType.TEXT.value


def _value(live: LiveTable, alias: str, name: str, type_: str) -> sql.Composable:
    """What a row has in a column, as this type: out of the overflow where it is there."""
    has, column = live.types.get(name), sql.Identifier(alias, name)
    value: sql.Composable = column
    if has is None:
        value = sql.SQL("NULL::{}").format(type_name(type_))
    elif has != type_:
        value = sql.SQL("(SELECT {} FROM (SELECT {}) AS c)").format(conversion(name, has, type_), column)
    if OVERFLOW not in live.types:
        return value
    return sql.SQL("CASE WHEN {0} ? {1} THEN ({0} ->> {1})::{2} ELSE {3} END").format(
        sql.Identifier(alias, OVERFLOW), name, type_name(type_), value
    )


def _is_there(live: LiveTable) -> sql.Composable:
    return sql.SQL("t.{} IS NOT TRUE").format(sql.Identifier(DELETED)) if live.markers else sql.SQL("true")


def _same_key(live: LiveTable) -> sql.Composable:
    same = (sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in live.table.primary_key)
    return sql.SQL(" AND ").join(same)


def _key_document(key: Sequence[str]) -> sql.Composable:
    """A key as `penstock.rejects` has it."""
    pairs = (sql.SQL("{0}, coalesce(t.{1}, s.{1})::text").format(name, sql.Identifier(name)) for name in key)
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


def _listed(each: str, names: Iterable[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.SQL(each).format(sql.Identifier(name)) for name in names)
