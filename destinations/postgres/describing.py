"""What the tables of a schema are, as the server's catalog has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from destinations.postgres.connect import Connection
from destinations.postgres.queries import query
from destinations.postgres.room import OVERFLOW, columns_noted


@dataclass(frozen=True, slots=True)
class Described:
    """A table, or something else that has its name.

    `types` are its columns' types as the server writes them, `attributes` counts those too that were dropped, and
    `indexes` gives the columns of each index that finds rows by them.
    """

    is_table: bool
    attributes: int
    types: Mapping[str, str]
    defaults: frozenset[str]
    """The columns that have one."""
    noted: frozenset[str] | None = None
    """The columns that the overflow is said to stand for; None where nothing is said."""
    primary_key: tuple[str, ...] | None = None
    indexes: Sequence[tuple[str, ...]] = ()


def describe(connection: Connection, schema: str, table: str | None = None) -> dict[str, Described]:
    """One table, whatever has its name, or all tables of the schema; nothing where there is none."""
    parameters = {"schema": schema, "table": table, "overflow": OVERFLOW}
    keys: dict[str, tuple[str, ...]] = {}
    indexes: dict[str, list[tuple[str, ...]]] = {}
    for name, is_primary, columns in connection.execute(query("describe_indexes"), parameters):
        indexes.setdefault(name, []).append(tuple(columns))
        if is_primary:
            keys[name] = tuple(columns)
    return {
        name: Described(
            is_table,
            attributes,
            dict(zip(columns, types, strict=True)),
            frozenset(defaults),
            columns_noted(note),
            keys.get(name),
            indexes.get(name, ()),
        )
        for name, is_table, attributes, columns, types, defaults, note in connection.execute(
            query("describe_tables"), parameters
        )
    }
