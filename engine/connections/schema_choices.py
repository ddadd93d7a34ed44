"""A choice for one table: what may be chosen, and what the next sync has to do because of it."""

from __future__ import annotations

from engine.connections.schema_body import ColumnBody, TableBody
from engine.contract import Conflict, InvalidSetting, NotFound
from engine.state.models import SourceTable


def change_table(table: SourceTable, wanted: TableBody, path: str) -> None:
    """Take in what is wanted of a table; `path` is how its user named it.

    Raises:
        InvalidSetting: it cannot be.
    """
    if wanted.sync_mode == "HISTORY" and not table.supports_history:
        raise InvalidSetting(f"{path}.sync_mode", "This table cannot keep history; only a record's own table can.")
    if table.gone and wanted.enabled not in (None, table.enabled):
        raise InvalidSetting(f"{path}.enabled", "cannot be changed: the source has this table no more.")
    if wanted.sync_mode is not None:
        table.sync_mode = wanted.sync_mode
    if wanted.enabled and not table.enabled:
        table.reread = True
    if wanted.enabled is not None:
        table.enabled = wanted.enabled
    for name, column in wanted.columns.items():
        _change_column(table, name, column, f"{path}.columns.{name}")


def _change_column(table: SourceTable, name: str, wanted: ColumnBody, path: str) -> None:
    column = next((each for each in table.columns if each["name"] == name), None)
    if column is None:
        raise InvalidSetting(path, "There is no such column of the source's; those of Penstock's own are always there.")
    if wanted.is_primary_key not in (None, column["key"]):
        raise InvalidSetting(f"{path}.is_primary_key", "cannot be changed.")
    if column["fixed"] and wanted.enabled is False:
        raise InvalidSetting(f"{path}.enabled", "must be true: rows are found by this column.")
    if column["fixed"] and wanted.hashed:
        raise InvalidSetting(f"{path}.hashed", "must be false: rows are found by this column.")
    if column["gone"] and wanted.enabled is (name in table.disabled):
        raise InvalidSetting(f"{path}.enabled", "cannot be changed: the source has this column no more.")
    if wanted.enabled is not None and wanted.enabled is (name in table.disabled):
        table.disabled = _with(table.disabled, name, there=not wanted.enabled)
        table.reread = table.reread or wanted.enabled
    if wanted.hashed is not None and wanted.hashed is not (name in table.hashed):
        table.hashed = _with(table.hashed, name, there=wanted.hashed)
        table.erased = _with(table.erased, name, there=wanted.hashed)
        table.reread = True
    table.touched = _with(table.touched, name, there=True)


def drop_column(table: SourceTable, name: str, path: str) -> None:
    """Let the next sync take a disabled column's values out of the table; the column itself stays, empty.

    Raises:
        NotFound: there is no such column.
        Conflict: it is not disabled.
    """
    if name not in {column["name"] for column in table.columns}:
        raise NotFound("column", name)
    if name not in table.disabled:
        raise Conflict(f"{path}: The column is not disabled. Disable it first.")
    table.erased = _with(table.erased, name, there=True)


def _with(names: list[str], name: str, *, there: bool) -> list[str]:
    return sorted({*names, name} if there else {*names} - {name})
