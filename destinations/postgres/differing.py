"""The rows in which a table and its image differ: found, kept, shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql

from destinations.postgres.connect import Connection
from destinations.postgres.queries import identifiers, query, type_name
from destinations.postgres.shape import LiveTable
from destinations.postgres.widening import conversion, known_type
from engine.contract import DELETED, DifferentRow, TableDifferences

EXAMPLES = 5
"""Rows of each kind that are shown, and columns of each of them."""

LONGEST = 60
"""Characters of a value that are shown."""


class Differing:
    """The keys of one table's rows that differ and how, in a temporary table of the connection."""

    def __init__(self, connection: Connection, schema: str, number: int) -> None:
        self._connection = connection
        self._schema = schema
        self._number = number
        self._name = sql.Identifier("pg_temp", f"#differing {number}")
        self._rows = 0
        self._at_first: int | None = None
        self.count = 0
        """Rows that differ, without those that cannot be stored."""

    def find(self, stored: LiveTable | None, image: LiveTable) -> None:
        """Compare the two, from scratch."""
        key = image.table.primary_key
        differs = {name: _differs(image.types[name], name) for name in image.types if name not in key}
        statement = query("find_differing").format(
            differing=self._name,
            keys=_listed("coalesce(t.{0}, s.{0}) AS {0}", key),
            document=_key_document(key),
            changed=sql.SQL(", ").join(
                sql.SQL("CASE WHEN {} THEN {} END").format(each, name) for name, each in differs.items()
            ),
            differs=sql.SQL(" OR ").join([*differs.values(), sql.SQL("false")]),
            stored=(stored or image).identifier,
            stored_columns=_as_in_image(stored, image, image.types, named=True),
            stored_is_there=_is_there(stored) if stored else sql.SQL("false"),
            join=sql.SQL("FULL" if image.table.soft_delete else "RIGHT"),
            image=image.identifier,
            image_columns=identifiers(image.types),
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

    def keep(self, stored: LiveTable | None, kept: LiveTable, image: LiveTable) -> None:
        """Leave in the image what differs, and copy to `kept` what is stored of it."""
        if stored is not None:
            columns, values = [*image.types, *image.markers], _as_in_image(stored, image, image.types)
            fill = query("keep_differing").format(
                kept=kept.identifier,
                columns=identifiers(columns),
                values=sql.SQL(", ").join([values, *map(sql.Identifier, image.markers)]),
                stored=stored.identifier,
                stored_key=_as_in_image(stored, image, image.table.primary_key),
                key=identifiers(image.table.primary_key),
                differing=self._name,
            )
            self._connection.execute(fill)
        forget = query("forget_same")
        self._connection.execute(forget.format(image=image.identifier, differing=self._name, same_key=_same_key(image)))

    def tell(self, kept: LiveTable, image: LiveTable) -> TableDifferences:
        """What was found, in numbers and by examples."""
        kinds = self._kinds()
        of_columns = sql.SQL(
            'SELECT name, count(*) FROM {}, unnest("#columns") AS name GROUP BY name ORDER BY 2 DESC, 1'
        )
        unstorable = sql.SQL('"#rejected" WHERE table_name = {}').format(image.table.name)
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
        is_it = sql.SQL("{} = %s::text::{}")
        statement = sql.SQL("SELECT {} FROM {} WHERE {}").format(
            _listed(f"left({{}}::text, {LONGEST + 1})", columns),
            side.identifier,
            sql.SQL(" AND ").join(
                is_it.format(sql.Identifier(name), type_name(side.types[name])) for name in side.table.primary_key
            ),
        )
        row = self._connection.execute(statement, keys).fetchone() or ()
        cut = [text if text is None or len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in row]
        return dict(zip(columns, cut, strict=True))


def _as_in_image(
    stored: LiveTable | None, image: LiveTable, names: Iterable[str], *, named: bool = False
) -> sql.Composable:
    """Columns of what is stored, in the image's types; those that are not there are empty."""

    def value(name: str) -> sql.Composable:
        has = stored.types.get(name) if stored else image.types[name]
        if has is None:
            return sql.SQL("NULL::{}").format(type_name(image.types[name]))
        return sql.Identifier(name) if has == image.types[name] else conversion(name, has, image.types[name])

    alias = sql.SQL("{} AS {}")
    return sql.SQL(", ").join(alias.format(value(n), sql.Identifier(n)) if named else value(n) for n in names)


def _is_there(live: LiveTable) -> sql.Composable:
    return sql.SQL("t.{} IS NOT TRUE").format(sql.Identifier(DELETED)) if live.markers else sql.SQL("true")


def _same_key(image: LiveTable) -> sql.Composable:
    same = (sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in image.table.primary_key)
    return sql.SQL(" AND ").join(same)


def _differs(type_: str, name: str) -> sql.Composable:
    # Types of other people need not have an equality.
    differs = "t.{0} IS DISTINCT FROM s.{0}" if known_type(type_) else "t.{0}::text IS DISTINCT FROM s.{0}::text"
    return sql.SQL(differs).format(sql.Identifier(name))


def _key_document(key: Sequence[str]) -> sql.Composable:
    """A key as `penstock.rejects` has it."""
    pairs = (sql.SQL("{0}, coalesce(t.{1}, s.{1})::text").format(name, sql.Identifier(name)) for name in key)
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


def _listed(each: str, names: Iterable[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.SQL(each).format(sql.Identifier(name)) for name in names)
