"""Associations, of many records at once and of one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

import msgspec

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.http import Request, Response, answer, batch_answer, encode, invalid, not_found
from connectors.hubspot.sandbox.store import Store

MAX_READ, MAX_WRITE = 1000, 2000
MAX_PAGE = 500


def cursor(record_id: int) -> str:
    """An opaque cursor to this record; HubSpot's are percent-encoded already."""
    return base64.urlsafe_b64encode(b"0-%d" % record_id).decode().replace("=", "%3D")


def type_ids(types: Iterable[dict[str, Any]]) -> set[int]:
    """The type ids in a request."""
    return {int(one["associationTypeId"]) for one in types}


def read_all(account: Account, request: Request) -> Response:
    """The associations of up to a thousand records; each one that has none is an error, and then the status is 207."""
    one, other = account.store(request.params["type"]), account.store(request.params["to"])
    results: list[dict[str, Any]] = []
    errors: list[msgspec.Raw] = []
    none = encode(_none(one, other, "%b"))  # a thousand of them may be in one answer
    for item in request.inputs(MAX_READ):
        record_id = _number(item)
        page, following = _page(account, one, other, record_id, after=item.get("after"), limit=account.association_page)
        if not page:
            shown_id = b"%d" % record_id
            errors.append(msgspec.Raw(none % (shown_id, shown_id)))
            continue
        result: dict[str, Any] = {"from": {"id": str(record_id)}, "to": page}
        if following:
            path = f"/crm/v4/objects/{one.kind.type_id}/{record_id}/associations/{other.kind.type_id}"
            result["paging"] = {"next": {"after": following, "link": f"{request.base_url}{path}?after={following}"}}
        results.append(result)
    return batch_answer(account.clock.now(), results, errors)


def create_all(account: Account, request: Request) -> Response:
    """Associate records."""
    one, other = account.store(request.params["type"]), account.store(request.params["to"])
    made = []
    for item in request.inputs(MAX_WRITE):
        from_id, to_id = _number(item.get("from")), _number(item.get("to"))
        ids = type_ids(item.get("types") or [])
        kinds = [account.links.types.get(one.kind.name, other.kind.name, type_id) for type_id in ids]
        if not all(kinds):
            raise invalid(f"One of the association types {sorted(ids)} is not valid in this direction.")
        account.associate(one.kind.name, from_id, other.kind.name, to_id, *ids)
        made.append(
            {
                "fromObjectTypeId": one.kind.type_id,
                "fromObjectId": from_id,
                "toObjectTypeId": other.kind.type_id,
                "toObjectId": to_id,
                "labels": [kind.label for kind in kinds if kind and kind.label],
            }
        )
    return batch_answer(account.clock.now(), made, status=201)


def archive_all(account: Account, request: Request) -> Response:
    """End associations; those that are not there are no error."""
    one, other = account.store(request.params["type"]).kind.name, account.store(request.params["to"]).kind.name
    for item in request.inputs(MAX_WRITE):
        for to in item.get("to") or []:
            account.dissociate(one, _number(item.get("from")), other, _number(to))
    return Response(204)


def archive_labels(account: Account, request: Request) -> Response:
    """Take labels from associations."""
    one, other = account.store(request.params["type"]).kind.name, account.store(request.params["to"]).kind.name
    for item in request.inputs(MAX_WRITE):
        for type_id in type_ids(item.get("types") or []):
            account.dissociate(one, _number(item.get("from")), other, _number(item.get("to")), type_id)
    return Response(204)


def read_labels(account: Account, request: Request) -> Response:
    """The association types of one direction."""
    one, other = account.store(request.params["type"]).kind.name, account.store(request.params["to"]).kind.name
    kinds = account.links.types.between(one, other)
    return answer({"results": [{"category": k.category, "typeId": k.type_id, "label": k.label} for k in kinds]})


def read_one(account: Account, request: Request) -> Response:
    """The associations of one record."""
    one, other, record_id = _one(account, request)
    limit = request.number("limit", MAX_PAGE, low=1, high=MAX_PAGE)
    page, following = _page(account, one, other, record_id, after=request.one("after"), limit=limit)
    return answer(_paged(request, page, following))


def read_one_v3(account: Account, request: Request) -> Response:
    """The same in the form of version 3: ids with the names of their types."""
    one, other, record_id = _one(account, request)
    limit = request.number("limit", MAX_PAGE, low=1, high=MAX_PAGE)
    page, following = _page(account, one, other, record_id, after=request.one("after"), limit=limit)
    results = [
        {"id": str(item["toObjectId"]), "type": kind.v3_name}
        for item in page
        for held in item["associationTypes"]
        if (kind := account.links.types.get(one.kind.name, other.kind.name, held["typeId"]))
    ]
    return answer(_paged(request, results, following))


def _one(account: Account, request: Request) -> tuple[Store, Store, int]:
    one, other = account.store(request.params["type"]), account.store(request.params["to"])
    record_id = request.params["id"]
    if not record_id.isdecimal() or not one.records.is_live(int(record_id)):
        raise not_found()
    return one, other, int(record_id)


def _paged(request: Request, results: list[dict[str, Any]], following: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"results": results}
    if following:
        link = f"{request.base_url}{request.path}?after={following}"
        body["paging"] = {"next": {"after": following, "link": link}}
    return body


def _page(
    account: Account, one: Store, other: Store, record_id: int, *, after: Any, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of a record's associations from a cursor on, and the cursor to the next one."""
    start = _position(after) if after else 0
    specs = account.links.types.specs
    names = (one.kind.name, other.kind.name)
    neighbours = [(i, t) for i, t in account.neighbours(names[0], record_id, names[1]).items() if i >= start]
    page = [{"toObjectId": i, "associationTypes": specs(*names, held)} for i, held in neighbours[:limit]]
    return page, cursor(neighbours[limit][0]) if len(neighbours) > limit else None


def _position(after: Any) -> int:
    try:
        return int(base64.urlsafe_b64decode(str(after).replace("%3D", "=")).removeprefix(b"0-"))
    except (ValueError, binascii.Error) as error:
        raise invalid(f"Invalid input: '{after}' is not a cursor.") from error


def _number(item: Any) -> int:
    text = str(item.get("id")) if isinstance(item, dict) else ""
    if not text.isdecimal():
        raise invalid(f"Invalid input: '{text}' is not a record id.")
    return int(text)


def _none(one: Store, other: Store, record_id: str) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {other.kind.singular} is associated with {one.kind.singular} {record_id}.",
        "context": {
            "fromObjectId": [record_id],
            "fromObjectType": [one.kind.singular],
            "toObjectType": [other.kind.singular],
        },
    }
