"""Property definitions: `/properties/{type}`."""

from __future__ import annotations

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.http import Request, Response, answer, invalid, not_found, refused
from connectors.hubspot.sandbox.schema import Schema

_CHANGEABLE = {
    "label": "label",
    "type": "type",
    "fieldType": "field_type",
    "groupName": "group",
    "dataSensitivity": "sensitivity",
}


def list_properties(account: Account, request: Request) -> Response:
    """All definitions, or all archived ones, of a sensitivity. Not paged."""
    schema = account.store(request.params["type"]).schema
    sensitivity = request.one("dataSensitivity", "non_sensitive")
    found = schema.definitions(archived=request.flag("archived"))
    return answer({"results": [each for each in found if each["dataSensitivity"] == sensitivity]})


def read_property(account: Account, request: Request) -> Response:
    """One definition."""
    schema = account.store(request.params["type"]).schema
    return _shown(schema, request.params["name"], archived=request.flag("archived"))


def create_property(account: Account, request: Request) -> Response:
    """A new property, which all records have at once, without a value."""
    body = request.json()
    name, kind = body.get("name"), body.get("type")
    if not isinstance(name, str) or not isinstance(kind, str):
        raise invalid("Invalid input: name and type are required.")
    schema = account.store(request.params["type"]).schema
    if name in schema:
        raise refused(409, f"A property named '{name}' already exists.", "OBJECT_ALREADY_EXISTS")
    options = tuple(option["value"] for option in body.get("options") or [])
    more = {ours: body[theirs] for theirs, ours in _CHANGEABLE.items() if theirs in body and theirs != "type"}
    unique = bool(body.get("hasUniqueValue"))
    account.add_property(schema.kind.name, name, kind, options=options, unique=unique, **more)
    return _shown(schema, name, status=201)


def update_property(account: Account, request: Request) -> Response:
    """Change a definition."""
    body = request.json()
    schema, name = account.store(request.params["type"]).schema, request.params["name"]
    if name not in schema:
        raise not_found()
    changes = {ours: body[theirs] for theirs, ours in _CHANGEABLE.items() if theirs in body}
    if "options" in body:
        changes["options"] = tuple(option["value"] for option in body["options"])
    account.change_property(schema.kind.name, name, **changes)
    return _shown(schema, name)


def archive_property(account: Account, request: Request) -> Response:
    """Archive a property."""
    schema, name = account.store(request.params["type"]).schema, request.params["name"]
    if name in schema:
        account.remove_property(schema.kind.name, name)
    return Response(204)


def _shown(schema: Schema, name: str, *, archived: bool = False, status: int = 200) -> Response:
    definition = schema.definition(name, archived=archived)
    if definition is None:
        raise not_found(f"Property {name} does not exist")
    return answer(definition, status)
