"""Records one by one and in lists: `/objects/{type}`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.handlers.associations import cursor, type_ids
from connectors.hubspot.sandbox.http import JSON, Request, Response, invalid, not_found, refused
from connectors.hubspot.sandbox.object_types import BY_NAME
from connectors.hubspot.sandbox.records import Record
from connectors.hubspot.sandbox.store import Store

DEFAULT_PAGE, MAX_PAGE_WITH_HISTORY = 10, 50
MAX_INLINE = 100
"""Associations of one record within a list, per type; the others are behind a link."""


def list_records(account: Account, request: Request) -> Response:
    """A page of live or of archived records, by id."""
    store = account.store(request.params["type"])
    highest = MAX_PAGE_WITH_HISTORY if request.many("propertiesWithHistory") else account.record_page
    limit = request.number("limit", min(DEFAULT_PAGE, highest), low=1, high=highest)
    after = request.number("after", 0, low=0, high=1 << 60)
    records = store.records
    entries = records.archived_from(after) if request.flag("archived") else records.live_from(after)
    shown = max(1, limit // 2) if account.short_pages else limit
    page = list(itertools.islice(entries, shown + 1))
    template = store.renderer.template(request.many("properties"))
    wanted = request.many("associations") or ()
    results = [
        template.write(entry, _associations(account, store, entry[0], wanted, request)) for entry in page[:shown]
    ]
    body = b'{"results":[' + b",".join(results) + b"]"
    if len(page) > shown:
        after = page[shown - 1][0] + 1
        link = f"{request.base_url}{request.path}?limit={limit}&after={after}"
        body += b',"paging":' + msgspec.json.encode({"next": {"after": str(after), "link": link}})
    return Response(200, body + b"}", JSON)


def read_record(account: Account, request: Request) -> Response:
    """One record; under an id that was merged away, the record it became."""
    store = account.store(request.params["type"])
    record_id = store.resolve(_record_id(store, request))
    entry = store.entry(record_id, archived=request.flag("archived"))
    if entry is None:
        raise not_found()
    template = store.renderer.template(request.many("properties"))
    wanted = request.many("associations") or ()
    return Response(200, template.write(entry, _associations(account, store, record_id, wanted, request)))


def create_record(account: Account, request: Request) -> Response:
    """A new record, with its first associations."""
    body = request.json()
    store = account.store(request.params["type"])
    return shown(store, create(account, store, body), body.get("properties") or {}, status=201)


def update_record(account: Account, request: Request) -> Response:
    """Change a record."""
    store = account.store(request.params["type"])
    properties = writable(store, request.json().get("properties") or {})
    return shown(store, store.update(_record_id(store, request), properties), properties)


def archive_record(account: Account, request: Request) -> Response:
    """Move a record to the recycling bin; unknown ids are no error."""
    store = account.store(request.params["type"])
    if request.params["id"].isdecimal():
        store.archive(int(request.params["id"]))
    return Response(204)


def merge_records(account: Account, request: Request) -> Response:
    """Merge two records into a new one."""
    body = request.json()
    store = account.store(request.params["type"])
    ids = [str(body.get(name)) for name in ("primaryObjectId", "objectIdToMerge")]
    if not all(text.isdecimal() for text in ids):
        raise invalid("primaryObjectId and objectIdToMerge must be record ids.")
    merged = account.merge(store.kind.name, int(ids[0]), int(ids[1]))
    return shown(store, store.live(merged), ())


def gdpr_delete(account: Account, request: Request) -> Response:
    """Remove a contact for good."""
    body = request.json()
    store = account.store("contacts")
    text = str(body.get("objectId"))
    found = store.by_email(text) if body.get("idProperty") == "email" else int(text) if text.isdecimal() else None
    if found is not None:
        account.gdpr_delete(found)
    return Response(204)


def create(account: Account, store: Store, body: dict[str, Any]) -> Record:
    """Create a record from one input of a request."""
    record = store.create(writable(store, body.get("properties") or {}))
    for association in body.get("associations") or []:
        ids = type_ids(association.get("types") or [])
        for to_type in account.stores:
            if known := {t for t in ids if account.links.types.get(store.kind.name, to_type, t)}:
                account.associate(store.kind.name, record.id, to_type, int(association["to"]["id"]), *known)
    return record


def writable(store: Store, properties: dict[str, Any]) -> dict[str, Any]:
    """These properties, if a client may set them.

    Raises:
        Refused: 400, when one is read-only.
    """
    for name in properties:
        definition = store.schema.active(name)
        if definition and (definition.read_only or definition.calculated):
            message = f'"{name}" is a read only property; its value cannot be set.'
            detail = {"message": message, "code": "READ_ONLY_VALUE", "context": {"propertyName": [name]}}
            raise invalid(f"Property values were not valid: {message}", errors=[detail])
    return properties


def shown(store: Store, record: Record, names: Iterable[str], status: int = 200) -> Response:
    """A record that was just written, with these properties and the default ones."""
    template = store.renderer.template([*store.kind.default_properties, *names])
    return Response(status, template.write((record.id, record.number, record)))


def _record_id(store: Store, request: Request) -> int:
    text = request.params["id"]
    id_property = request.one("idProperty")
    if id_property:
        definition = store.schema.active(id_property)
        if definition is None or not definition.unique:
            raise refused(400, f"{id_property} is not a unique property.", "VALIDATION_ERROR")
        found = store.by_email(text)
    else:
        found = int(text) if text.isdecimal() else None
    if found is None:
        raise not_found()
    return found


def _associations(account: Account, store: Store, record_id: int, wanted: Sequence[str], request: Request) -> bytes:
    """The `associations` member of a record in a list: ids with the names of their types, up to the cap."""
    inline: dict[str, Any] = {}
    for name in wanted:
        to_kind = BY_NAME.get(name)
        if to_kind is None:
            continue
        to_type = to_kind.name
        neighbours = list(account.neighbours(store.kind.name, record_id, to_type).items())
        if not neighbours:
            continue
        results = [
            {"id": str(other), "type": kind.v3_name}
            for other, types in neighbours[:MAX_INLINE]
            for type_id in sorted(types)
            if (kind := account.links.types.get(store.kind.name, to_type, type_id))
        ]
        inline[to_type] = {"results": results}
        if len(neighbours) > MAX_INLINE:
            after = cursor(neighbours[MAX_INLINE][0])
            link = (
                f"{request.base_url}/crm/v3/objects/{store.kind.name}/{record_id}/associations/{to_type}?after={after}"
            )
            inline[to_type]["paging"] = {"next": {"after": after, "link": link}}
    return b',"associations":' + msgspec.json.encode(inline) if inline else b""
