"""The rows in which a table and its image differ: found, kept, shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql

from destinations.postgres.comparing import changed, is_there, may_differ, same_key, values
from destinations.postgres.connect import Connection
from destinations.postgres.queries import identifiers, query
from destinations.postgres.shape import LiveTable
from engine.contract import DifferentRow, Table, TableDifferences

EXAMPLES = 5
"""Rows of each kind that are shown, and columns of each of them."""

LONGEST = 60
"""Characters of a value that are shown."""


class Differing:
    """The keys of one table's rows that differ and how, in a temporary table of the connection.

    `source` is the table as the source describes it, whatever its columns have had to become.
    """

    def __init__(self, connection: Connection, schema: str, source: Table, number: int) -> None:
        self._connection = connection
        self._schema = schema
        self._source = source
        self._name = sql.Identifier("pg_temp", f"#differing {number}")
        self._rows = 0
        self._at_first: int | None = None
        self.count = 0
        """Rows that differ, without those that cannot be stored."""

    def find(self, stored: LiveTable | None, image: LiveTable) -> None:
        """Compare the two, from scratch; nothing may be stored."""
        one, key = stored or image, image.table.primary_key
        statement = query("find_differing").format(
            differing=self._name,
            keys=_listed("coalesce(t.{0}, s.{0}) AS {0}", key),
            document=_key_document(key),
            changed=changed(one, image, self._source),
            may_differ=may_differ(one, image),
            stored=one.identifier,
            stored_is_there=is_there(one) if stored else sql.SQL("false"),
            join=sql.SQL("FULL" if image.table.soft_delete else "RIGHT"),
            image=image.identifier,
            image_is_there=is_there(image),
            same_key=same_key(image),
        )
        self._connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(self._name))
        self._connection.execute(sql.SQL("ANALYZE {}").format(image.identifier))
        self._connection.execute(statement, {"schema": self._schema, "table": image.table.name})
        self.count = sum(count for kind, count in self._kinds().items() if kind != "rejected")
        if self._at_first is None:
            self._at_first = self.count
            self._rows = self._number_of(sql.SQL("{} AS t WHERE {}").format(image.identifier, is_there(image)))

    def contain(self, live: LiveTable) -> sql.Composable:
        """The condition that a row `s` of a table or its image is among them."""
        found = sql.SQL("EXISTS (SELECT FROM {} AS t WHERE {})")
        return found.format(self._name, same_key(live))

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
        is_it = sql.SQL("t.{}::text = %s")
        statement = sql.SQL("SELECT {} WHERE {}").format(
            values(side, columns, sql.SQL(f"left({{}}::text, {LONGEST + 1})")),
            sql.SQL(" AND ").join(is_it.format(sql.Identifier(name)) for name in side.table.primary_key),
        )
        row = self._connection.execute(statement, keys).fetchone() or ()
        cut = [text if text is None or len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in row]
        return dict(zip(columns, cut, strict=True))


def _key_document(key: Sequence[str]) -> sql.Composable:
    """A key as `penstock.rejects` has it."""
    pairs = (sql.SQL("{0}, coalesce(t.{1}, s.{1})::text").format(name, sql.Identifier(name)) for name in key)
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


def _listed(each: str, names: Iterable[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.SQL(each).format(sql.Identifier(name)) for name in names)
