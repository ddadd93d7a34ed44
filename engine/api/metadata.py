"""/v1/metadata: what kinds of sources there are and what each wants to know, and what a connection's source has."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.api.envelope import success
from engine.api.openapi import Listed, answers
from engine.api.reading import Page, Paged
from engine.api.services import Served
from engine.connections.kinds import kind_document, kind_documents

router = APIRouter(tags=["metadata"])
of_connections = APIRouter(prefix="/v1/metadata/connectors/{connection_id}", tags=["metadata"])


class KindDocument(BaseModel):
    """A kind of source."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Its service name.")
    name: str = Field(description="What a person calls it.")
    type: str = Field(description="API.")
    description: str = Field(description="What it does.")
    icon_url: str | None = Field(description="null.")
    icons: list[str] = Field(description="Empty.")
    link_to_docs: str | None = Field(description="null.")
    link_to_erd: str | None = Field(description="null.")
    connector_class: str = Field(description="standard.")
    service_status: str = Field(description="general_availability.")
    supported_features: list[dict[str, Any]] = Field(description="Empty.")


class DescribedKindDocument(KindDocument):
    """A kind of source with the fields that it wants."""

    config: dict[str, Any] = Field(description="The JSON schema of a connection's `config`.")
    auth: dict[str, Any] = Field(description="The JSON schema of a connection's `auth`.")


class SchemaMetadata(BaseModel):
    """The schema of a connection's source."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Its id.")
    name_in_source: str = Field(description="Its name at the source.")
    name_in_destination: str = Field(description="Its name in the destination.")


class TableMetadata(SchemaMetadata):
    """A table of a connection's source."""

    parent_id: str = Field(description="The schema's id.")


class ColumnMetadata(SchemaMetadata):
    """A column of a connection's source."""

    parent_id: str = Field(description="The table's id.")
    type_in_source: str = Field(description="The type of its values.")
    type_in_destination: str = Field(description="Its type in the destination, unless a value has widened it.")
    is_primary_key: bool = Field(description="Whether it is part of the primary key.")
    is_foreign_key: bool = Field(description="false.")


@router.get("/v1/metadata/connector-types", summary="List the kinds of sources", **answers(Listed[KindDocument]))
@router.get("/v1/metadata/connectors", include_in_schema=False)
@router.get("/v1/public/connector-types", include_in_schema=False)
@router.get("/public/connector-types", include_in_schema=False)
def list_all(page: Paged) -> Response:
    """Every kind of source that is installed. Needs no key."""
    kinds = [kind for kind in kind_documents() if kind["id"] > page.after]
    return success(data=page.of(kinds, lambda kind: str(kind["id"]), lambda kind: kind))


@router.get(
    "/v1/metadata/connector-types/{service}", summary="Look at a kind of source", **answers(DescribedKindDocument, 404)
)
@router.get("/v1/metadata/connectors/{service}", include_in_schema=False)
def get(service: str) -> Response:
    """A kind of source, with the JSON schemas of what it wants. Needs no key."""
    return success(data=kind_document(service))


@of_connections.get("/schemas", summary="List a connection's schema", **answers(Listed[SchemaMetadata], 404, 409))
def schemas(connection_id: str, page: Paged, serve: Served) -> Response:
    """The one schema, with its name at both ends."""
    return _page(page, serve.schemas.metadata(connection_id, "schemas"))


@of_connections.get("/tables", summary="List a connection's tables", **answers(Listed[TableMetadata], 404, 409))
def tables(connection_id: str, page: Paged, serve: Served) -> Response:
    """All tables, with their names at both ends."""
    return _page(page, serve.schemas.metadata(connection_id, "tables"))


@of_connections.get("/columns", summary="List a connection's columns", **answers(Listed[ColumnMetadata], 404, 409))
def columns(connection_id: str, page: Paged, serve: Served) -> Response:
    """All columns of all tables, with their names and types at both ends; the source is asked."""
    return _page(page, serve.schemas.metadata(connection_id, "columns"))


def _page(page: Page, items: list[dict[str, Any]]) -> Response:
    following = sorted((item for item in items if item["id"] > page.after), key=lambda item: item["id"])
    return success(data=page.of(following, lambda item: str(item["id"]), lambda item: item))
