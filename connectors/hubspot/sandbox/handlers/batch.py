"""Records in batches: `/objects/{type}/batch/...`."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.handlers.objects import MAX_PAGE_WITH_HISTORY, create, writable
from connectors.hubspot.sandbox.http import Request, Response, batch_answer
from connectors.hubspot.sandbox.records import Record
from connectors.hubspot.sandbox.store import Store


def read(account: Account, request: Request) -> Response:
    """Records by id (or e-mail address); all that are missing are in one error, and then the status is 207."""
    body = request.json()
    store = account.store(request.params["type"])
    history = bool(body.get("propertiesWithHistory"))
    inputs = request.inputs(MAX_PAGE_WITH_HISTORY if history else account.record_page)
    texts = dict.fromkeys(str(one.get("id")) for one in inputs)
    by_email = body.get("idProperty") == "email"
    template = store.renderer.template(body.get("properties") or ())
    results, missing = [], []
    for text in texts:
        record_id = store.by_email(text) if by_email else int(text) if text.isdecimal() else None
        entry = None if record_id is None else store.entry(record_id, archived=request.flag("archived"))
        if entry is None:
            missing.append(text)
        else:
            results.append(msgspec.Raw(template.write(entry)))
    return batch_answer(account.clock.now(), results, [_missing(store, missing)] if missing else [])


def create_all(account: Account, request: Request) -> Response:
    """New records. A bad input fails the whole batch."""
    store = account.store(request.params["type"])
    inputs = request.inputs(account.record_page)
    for one in inputs:
        store.check(writable(store, one.get("properties") or {}))
    return _written(account, store, [create(account, store, one) for one in inputs], status=201)


def update_all(account: Account, request: Request) -> Response:
    """Change records. Ids that are not live are left out without a word, also those that were merged away."""
    store = account.store(request.params["type"])
    inputs = request.inputs(account.record_page)
    for one in inputs:
        store.check(writable(store, one.get("properties") or {}))
    live = [one for one in inputs if str(one.get("id")).isdecimal() and store.records.is_live(int(one["id"]))]
    return _written(account, store, [store.update(int(one["id"]), one.get("properties") or {}) for one in live])


def archive_all(account: Account, request: Request) -> Response:
    """Move records to the recycling bin; unknown ids are no error."""
    store = account.store(request.params["type"])
    for one in request.inputs(account.record_page):
        if str(one.get("id")).isdecimal():
            store.archive(int(one["id"]))
    return Response(204)


def _written(account: Account, store: Store, records: list[Record], status: int = 200) -> Response:
    names = [*store.kind.default_properties, *{name for record in records for name in record.values}]
    template = store.renderer.template(names)
    results = [msgspec.Raw(template.write((record.id, record.number, record))) for record in records]
    return batch_answer(account.clock.now(), results, status=status)


def _missing(store: Store, ids: list[str]) -> dict[str, Any]:
    kind = store.kind.singular.upper()
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {kind} objects, they may be deleted or not exist. Check that ids are valid.",
        "context": {"ids": ids},
    }
