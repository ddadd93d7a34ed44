"""The kinds of sources that are installed, as the REST interface shows them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from engine.connections.body import NewConfig
from engine.contract import NotFound
from engine.plugins import services, source_plugin


def kind_documents() -> list[dict[str, Any]]:
    """Every kind, by its service name."""
    return [_document(service) for service in services()]


def kind_document(service: str) -> dict[str, Any]:
    """A kind, with the JSON schemas of its connections' config and credentials.

    Raises:
        NotFound: no installed package brings it.
    """
    if service not in services():
        raise NotFound("connector type", service)
    plugin = source_plugin(service)
    config = _schema(plugin.config)
    own = _schema(NewConfig)
    config["properties"] = {**own["properties"], **config.get("properties", {})}
    config["required"] = [*own["required"], *config.get("required", [])]
    return {**_document(service), "config": config, "auth": _schema(plugin.auth)}


def _document(service: str) -> dict[str, Any]:
    title = source_plugin(service).title
    return {
        "id": service,
        "name": title,
        "type": "API",
        "description": f"{title}, replicated into PostgreSQL.",
        "icon_url": None,
        "icons": [],
        "link_to_docs": None,
        "link_to_erd": None,
        "connector_class": "standard",
        "service_status": "general_availability",
        "supported_features": [],
    }


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON schema, with everything in its place rather than referred to."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def in_place(value: Any) -> Any:
        match value:
            case {"$ref": str(reference), **rest}:
                return in_place({**definitions[reference.rpartition("/")[2]], **rest})
            case dict():
                return {name: in_place(item) for name, item in value.items()}
            case list():
                return [in_place(item) for item in value]
        return value

    resolved: dict[str, Any] = in_place(schema)
    return resolved
