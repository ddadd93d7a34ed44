"""What /openapi.json says beyond what FastAPI sees: bodies, which the services parse, and every answer's envelope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from engine.plugins import services, source_plugin

_Data = TypeVar("_Data")

_REFERENCE = "#/components/schemas/{model}"

MEANINGS = {
    400: "The request cannot be taken; `message` names the field.",
    401: "No key, or a wrong one.",
    403: "The key's scope does not reach so far.",
    404: "There is no such thing; `code` says of which kind (NotFound_Connection).",
    405: "Not with this method.",
    406: "Only application/json can be answered.",
    409: "It exists already, or something runs that does not allow it.",
    413: "The body is too large.",
    415: "The body must be JSON.",
    429: "Too many requests, or too many tries with wrong credentials; Retry-After says when to come back.",
    503: "The database, or the source, does not answer; try again.",
}


class Envelope(BaseModel, Generic[_Data]):
    """Every answer."""

    code: str = Field(description="Success, Created, or the kind of error: InvalidInput, NotFound_Connection, ...")
    message: str | None = Field(None, description="What happened, for people.")
    data: _Data | None = Field(None, description="What was asked for.")


class Listed(BaseModel, Generic[_Data]):
    """A page of a list."""

    items: list[_Data] = Field(description="The items of this page.")
    next_cursor: str | None = Field(None, description="`cursor` for the next page; absent on the last one.")


class Refused(BaseModel):
    """The answer to a request that was not carried out."""

    code: str = Field(description="The kind of error.")
    message: str = Field(description="What is wrong, and what to do next.")


def answers(
    data: Any = None, *errors: int, status: int = 200, body: type[BaseModel] | None = None, optional: bool = False
) -> dict[str, Any]:
    """A route's documentation: what it answers with, which errors beside the usual ones, which body it takes."""
    always = (400, 401, 403, 429, 503)
    taking = (406, 413, 415) if body else (406,)
    route: dict[str, Any] = {
        "status_code": status,
        "responses": {
            status: {"model": Envelope[data] if data else Envelope[None], "description": "Done."},
            **{
                error: {"model": Refused, "description": MEANINGS[error]}
                for error in sorted({*always, *taking, *errors})
            },
        },
    }
    if body:
        schema = body.model_json_schema(ref_template=_REFERENCE)
        content = {"application/json": {"schema": {**schema, "title": body.__name__}}}
        route["openapi_extra"] = {"requestBody": {"required": not optional, "content": content}}
    return route


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """The function that makes the application's document, once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _made(app)
        return app.openapi_schema

    return openapi


def _made(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = made["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for operation in (operation for path in made["paths"].values() for operation in path.values()):
        operation["responses"].pop("422", None)  # a parameter that cannot be taken is a 400 here
        if body := operation.get("requestBody", {}).get("content", {}).get("application/json"):
            schema = body["schema"]
            schemas.update(schema.pop("$defs", {}))
            schemas[schema["title"]] = schema
            body["schema"] = {"$ref": _REFERENCE.format(model=schema["title"])}
    _describe_sources(schemas)
    return made


def _describe_sources(schemas: dict[str, Any]) -> None:
    """Let the fields of every installed source stand where the engine takes whatever a source wants."""
    for service in services():
        plugin = source_plugin(service)
        for part, model in (("config", plugin.config), ("auth", plugin.auth)):
            schema = model.model_json_schema(ref_template=_REFERENCE)
            schemas.update(schema.pop("$defs", {}))
            schemas[f"{service}_{part}"] = schema
            for body in ("ConnectionBody", "ConnectionChange"):
                if properties := schemas.get(body, {}).get("properties"):
                    properties[part]["description"] += f" For {service}: the schema `{service}_{part}`."
    schemas["ConnectionBody"]["properties"]["service"]["enum"] = sorted(services())
