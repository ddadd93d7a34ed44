"""Values that may not be kept any more, taken out of wherever they are."""

from __future__ import annotations

from collections.abc import Collection

from psycopg import sql

from destinations.postgres.connect import Connection
from destinations.postgres.describing import describe
from destinations.postgres.history import is_set_aside
from destinations.postgres.queries import query
from destinations.postgres.room import OVERFLOW


def erase(connection: Connection, schema: str, table: str, columns: Collection[str]) -> None:
    """Empty these columns in all rows, in the overflow, in the rejects, and where versions were set aside.

    Within a transaction.
    """
    for name, described in describe(connection, schema).items():
        if name == table or is_set_aside(name, table, described):
            _empty(connection, sql.Identifier(schema, name), described.types, columns)
    parameters = {"schema": schema, "table": table, "columns": [*columns]}
    connection.execute(query("erase_rejected"), parameters)


def _empty(connection: Connection, table: sql.Identifier, there: Collection[str], columns: Collection[str]) -> None:
    erased, kept = sql.SQL("{0} = NULL"), sql.SQL("{0} IS NOT NULL")
    named = [sql.Identifier(name) for name in columns if name in there]
    assignments, filled = [erased.format(name) for name in named], [kept.format(name) for name in named]
    if OVERFLOW in there:
        left = sql.SQL("nullif({0} - {1}::text[], '{{}}')").format(sql.Identifier(OVERFLOW), sql.Literal([*columns]))
        assignments.append(sql.SQL("{} = {}").format(sql.Identifier(OVERFLOW), left))
        filled.append(sql.SQL("{} ?| {}::text[]").format(sql.Identifier(OVERFLOW), sql.Literal([*columns])))
    if assignments:
        statement = query("erase_columns").format(
            target=table,
            assignments=sql.SQL(", ").join(assignments),
            filled=sql.SQL(" OR ").join(filled),
        )
        connection.execute(statement)
