"""What is synced of a source, as the REST interface and `--json` show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.state.models import Connection, SchemaConfig, SourceTable


def schemas_document(connection: Connection, config: SchemaConfig, tables: Iterable[SourceTable]) -> dict[str, Any]:
    """The whole config; of columns only those that a person chose for."""
    return {
        "schema_change_handling": config.schema_change_handling,
        "enable_new_by_default": config.schema_change_handling == "ALLOW_ALL",
        "schemas": {
            connection.service: {
                "name_in_destination": connection.schema,
                "enabled": config.enabled,
                "tables": {table.name: _table(table) for table in tables},
            }
        },
    }


def columns_document(table: SourceTable) -> dict[str, Any]:
    """All columns that the source has now."""
    return {"columns": _columns(table, [column for column in table.columns if not column["gone"]])}


def _table(table: SourceTable) -> dict[str, Any]:
    touched = set(table.touched)
    return {
        "name_in_destination": table.name,
        "enabled": table.enabled,
        "sync_mode": table.sync_mode,
        "supports_columns_config": True,
        "supports_history_mode": table.supports_history,
        "enabled_patch_settings": _refused("DELETED", "The source has this table no more.") if table.gone else _ALLOWED,
        "columns": _columns(table, [column for column in table.columns if column["name"] in touched]),
    }


def _columns(table: SourceTable, columns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    disabled, hashed = set(table.disabled), set(table.hashed)
    return {
        column["name"]: {
            "name_in_destination": column["name"],
            "enabled": column["name"] not in disabled,
            "hashed": column["name"] in hashed,
            "is_primary_key": column["key"],
            "enabled_patch_settings": _settings(column),
        }
        for column in columns
    }


_ALLOWED = {"allowed": True}


def _refused(reason_code: str, reason: str) -> dict[str, Any]:
    return {"allowed": False, "reason_code": reason_code, "reason": reason}


def _settings(column: Mapping[str, Any]) -> dict[str, Any]:
    if column["fixed"]:
        return _refused("SYSTEM_COLUMN", "Rows are found by this column.")
    if column["gone"]:
        return _refused("DELETED", "The source has this column no more.")
    return _ALLOWED
