"""/v1/connections/{id}/schemas: what of a source is synced."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.api.envelope import success
from engine.api.openapi import answers
from engine.api.reading import Body
from engine.api.services import Served
from engine.connections.body import parse
from engine.connections.schema_body import (
    ColumnBody,
    DropBody,
    DroppedSchema,
    DroppedTable,
    ReloadBody,
    SchemaBody,
    SchemasBody,
    TableBody,
)

router = APIRouter(tags=["schemas"])


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PatchSettings(_Document):
    """Whether a thing can be disabled."""

    allowed: bool = Field(description="Whether `enabled` can be changed.")
    reason_code: Literal["SYSTEM_TABLE", "SYSTEM_COLUMN", "DELETED", "OTHER"] | None = Field(
        None, description="Why not; absent if it can."
    )
    reason: str | None = Field(None, description="The same for people.")


class ColumnDocument(_Document):
    """A column of the source's."""

    name_in_destination: str = Field(description="Its name in the destination.")
    enabled: bool = Field(description="Whether it is written.")
    hashed: bool = Field(description="Whether hashes are written in place of its values.")
    is_primary_key: bool = Field(description="Whether it is part of the primary key.")
    enabled_patch_settings: PatchSettings = Field(description="Whether it can be disabled.")


class TableDocument(_Document):
    """A table of the source's."""

    name_in_destination: str = Field(description="Its name in the destination.")
    enabled: bool = Field(description="Whether it is written.")
    sync_mode: Literal["SOFT_DELETE", "HISTORY"] = Field(description="Whether every version of a row is kept.")
    supports_columns_config: bool = Field(description="true.")
    supports_history_mode: bool = Field(description="Whether sync_mode can be HISTORY.")
    enabled_patch_settings: PatchSettings = Field(description="Whether it can be disabled.")
    columns: dict[str, ColumnDocument] = Field(description="Columns that a person chose for; not all of them.")


class SchemaDocument(_Document):
    """The schema."""

    name_in_destination: str = Field(description="The connection's schema.")
    enabled: bool = Field(description="Whether anything is synced.")
    tables: dict[str, TableDocument] = Field(description="All tables, by name.")


class SchemasDocument(_Document):
    """What of a source is synced."""

    schema_change_handling: Literal["ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL"] = Field(
        description="What is synced of what is new at the source."
    )
    enable_new_by_default: bool = Field(description="Whether schema_change_handling is ALLOW_ALL.")
    schemas: dict[str, SchemaDocument] = Field(description="The one schema, by the source's name for it.")


class ColumnsDocument(_Document):
    """All columns of a table."""

    columns: dict[str, ColumnDocument] = Field(description="Columns by name.")


@router.get("/{connection_id}/schemas", summary="Look at what is synced", **answers(SchemasDocument, 404, 409))
def get(connection_id: str, serve: Served) -> Response:
    """Everything that is known of the source's tables, and what was chosen; the source is not asked."""
    return success(data=serve.schemas.config(connection_id))


@router.post(
    "/{connection_id}/schemas",
    summary="Choose before the first sync",
    **answers(SchemasDocument, 404, 409, body=SchemasBody),
)
def create(connection_id: str, raw: Body, serve: Served) -> Response:
    """Ask the source what there is, and choose of it."""
    return success(data=serve.schemas.create(connection_id, parse(SchemasBody, raw)))


@router.patch(
    "/{connection_id}/schemas", summary="Choose what is synced", **answers(SchemasDocument, 404, 409, body=SchemasBody)
)
def change(connection_id: str, raw: Body, serve: Served) -> Response:
    """Change what is given; the rest stays. It holds from the next sync on."""
    return success(data=serve.schemas.change(connection_id, parse(SchemasBody, raw)))


@router.post(
    "/{connection_id}/schemas/reload",
    summary="Ask the source what there is",
    **answers(SchemasDocument, 404, 409, body=ReloadBody, optional=True),
)
def reload(connection_id: str, raw: Body, serve: Served) -> Response:
    """Take in the source's tables and columns as they are now."""
    return success(data=serve.schemas.reload(connection_id, parse(ReloadBody, raw).exclude_mode))


@router.patch(
    "/{connection_id}/schemas/{schema}",
    summary="Choose of a schema",
    **answers(SchemasDocument, 404, 409, body=SchemaBody),
)
def change_schema(connection_id: str, schema: str, raw: Body, serve: Served) -> Response:
    """Change what is given of the schema."""
    return success(data=serve.schemas.change_schema(connection_id, schema, parse(SchemaBody, raw)))


@router.patch(
    "/{connection_id}/schemas/{schema}/tables/{table}",
    summary="Choose of a table",
    **answers(SchemasDocument, 404, 409, body=TableBody),
)
def change_table(connection_id: str, schema: str, table: str, raw: Body, serve: Served) -> Response:
    """Change what is given of a table."""
    return success(data=serve.schemas.change_table(connection_id, schema, table, parse(TableBody, raw)))


@router.patch(
    "/{connection_id}/schemas/{schema}/tables/{table}/columns/{column}",
    summary="Choose of a column",
    **answers(SchemasDocument, 404, 409, body=ColumnBody),
)
def change_column(  # noqa: PLR0917 - as many as the path has parts
    connection_id: str, schema: str, table: str, column: str, raw: Body, serve: Served
) -> Response:
    """Change what is given of a column."""
    return success(data=serve.schemas.change_column(connection_id, schema, table, column, parse(ColumnBody, raw)))


@router.get(
    "/{connection_id}/schemas/{schema}/tables/{table}/columns",
    summary="List a table's columns",
    **answers(ColumnsDocument, 404, 409),
)
def columns(connection_id: str, schema: str, table: str, serve: Served) -> Response:
    """All columns that a table has now; the source is asked."""
    return success(data=serve.schemas.columns(connection_id, schema, table))


@router.post(
    "/{connection_id}/schemas/drop-columns",
    summary="Drop disabled columns",
    **answers(None, 404, 409, body=DropBody),
)
def drop_columns(connection_id: str, raw: Body, serve: Served) -> Response:
    """Let the next sync take the values of disabled columns out of their tables. The columns stay, empty."""
    serve.schemas.drop_columns(connection_id, parse(DropBody, raw))
    return success("Column(s) successfully marked for deletion")


@router.delete(
    "/{connection_id}/schemas/{schema}/tables/{table}/columns/{column}",
    summary="Drop a disabled column",
    **answers(None, 404, 409),
)
def drop_column(connection_id: str, schema: str, table: str, column: str, serve: Served) -> Response:
    """The same for one column."""
    dropped = DroppedSchema(tables={table: DroppedTable(columns=[column])})
    serve.schemas.drop_columns(connection_id, DropBody(schemas={schema: dropped}))
    return success("Column successfully marked for deletion")
