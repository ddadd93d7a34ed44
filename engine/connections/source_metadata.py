"""The schema, tables and columns of a connection's source as flat lists, each item with its id and its parent's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.contract import Catalog, ColumnType
from engine.state.models import Connection, SourceTable


def schema_metadata(connection: Connection) -> list[dict[str, Any]]:
    """The one schema."""
    return [{"id": connection.id, **_names(connection.service, connection.schema)}]


def table_metadata(connection: Connection, tables: Iterable[SourceTable]) -> list[dict[str, Any]]:
    """All tables that the schema config has."""
    return [
        {"id": _id(connection, table.name), "parent_id": connection.id, **_names(table.name, table.name)}
        for table in tables
    ]


def column_metadata(connection: Connection, tables: Iterable[SourceTable], catalog: Catalog) -> list[dict[str, Any]]:
    """All columns that the source has now."""
    hashed = {table.name: set(table.hashed) for table in tables}
    return [
        {
            "id": _id(connection, table.name, column.name),
            "parent_id": _id(connection, table.name),
            **_names(column.name, column.name),
            "type_in_source": column.type.value,
            "type_in_destination": ColumnType.TEXT.value
            if column.name in hashed.get(table.name, ())
            else column.type.value,
            "is_primary_key": column.name in table.primary_key,
            "is_foreign_key": False,
        }
        for table in catalog.tables
        for column in table.columns
    ]


def _id(connection: Connection, *names: str) -> str:
    return ".".join((connection.id, *names))


def _names(source: str, destination: str) -> dict[str, str]:
    return {"name_in_source": source, "name_in_destination": destination}
