"""Values that may not be kept any more, taken out of wherever they are."""

from __future__ import annotations

from collections.abc import Collection

from psycopg import sql

from destinations.postgres.connect import Connection
from destinations.postgres.describing import describe
from destinations.postgres.queries import query
from destinations.postgres.room import OVERFLOW


def erase(connection: Connection, schema: str, table: str, columns: Collection[str]) -> None:
    """Empty these columns in all rows, and forget their values in the overflow and in the rejects. Within a transaction."""
    described = describe(connection, schema, table).get(table)
    there = described.types if described else {}
    erased, kept = sql.SQL("{0} = NULL"), sql.SQL("{0} IS NOT NULL")
    named = [sql.Identifier(name) for name in columns if name in there]
    assignments, filled = [erased.format(name) for name in named], [kept.format(name) for name in named]
    if OVERFLOW in there:
        left = sql.SQL("nullif({0} - {1}::text[], '{{}}')").format(sql.Identifier(OVERFLOW), sql.Literal([*columns]))
        assignments.append(sql.SQL("{} = {}").format(sql.Identifier(OVERFLOW), left))
        filled.append(sql.SQL("{} ?| {}::text[]").format(sql.Identifier(OVERFLOW), sql.Literal([*columns])))
    if assignments:
        statement = query("erase_columns").format(
            target=sql.Identifier(schema, table),
            assignments=sql.SQL(", ").join(assignments),
            filled=sql.SQL(" OR ").join(filled),
        )
        connection.execute(statement)
    parameters = {"schema": schema, "table": table, "columns": [*columns]}
    connection.execute(query("erase_rejected"), parameters)
