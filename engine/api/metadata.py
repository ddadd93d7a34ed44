"""/v1/metadata/connector-types: what kinds of sources there are, and what each wants to know."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.api.envelope import success
from engine.api.openapi import Listed, answers
from engine.api.reading import Paged
from engine.connections.kinds import kind_document, kind_documents

router = APIRouter(tags=["metadata"])


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
