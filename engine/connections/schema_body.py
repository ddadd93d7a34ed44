"""What a person says of a source's tables and columns: the bodies under /v1/connections/{id}/schemas."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ColumnBody(_Body):
    """What is said of a column."""

    enabled: bool | None = Field(None, description="false: not written any more; its values stay as they are.")
    hashed: bool | None = Field(None, description="true: a salted SHA-256 of each value is written in its place.")
    is_primary_key: bool | None = Field(None, description="Only as it is: keys are the source's.")


class TableBody(_Body):
    """What is said of a table."""

    enabled: bool | None = Field(None, description="false: not written any more; its rows stay as they are.")
    sync_mode: Literal["SOFT_DELETE", "HISTORY"] | None = Field(
        None, description="HISTORY: every version of a row is kept."
    )
    columns: dict[str, ColumnBody] = Field(default_factory=dict, description="Columns, by name.")


class SchemaBody(_Body):
    """What is said of the schema."""

    enabled: bool | None = Field(None, description="false: nothing is synced.")
    tables: dict[str, TableBody] = Field(default_factory=dict, description="Tables, by name.")


class SchemasBody(_Body):
    """The body of POST and PATCH /v1/connections/{id}/schemas; what is not named stays."""

    schema_change_handling: Literal["ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL"] | None = Field(
        None, description="What of the source is synced when it is new: everything, columns but no tables, nothing."
    )
    schemas: dict[str, SchemaBody] = Field(default_factory=dict, description="The schema, by the source's name for it.")


class DroppedTable(_Body):
    """What is dropped of a table."""

    columns: list[str] = Field(min_length=1, description="Disabled columns.")


class DroppedSchema(_Body):
    """What is dropped of the schema."""

    tables: dict[str, DroppedTable] = Field(min_length=1, description="Tables, by name.")


class DropBody(_Body):
    """The body of POST /v1/connections/{id}/schemas/drop-columns."""

    schemas: dict[str, DroppedSchema] = Field(min_length=1, description="The schema, by the source's name for it.")


class ReloadBody(_Body):
    """The body of POST /v1/connections/{id}/schemas/reload."""

    exclude_mode: Literal["PRESERVE", "INCLUDE", "EXCLUDE"] = Field(
        "PRESERVE", description="PRESERVE: choices stay. INCLUDE: everything is enabled. EXCLUDE: no table is."
    )
