"""What the sandbox adds to HubSpot: `/sandbox/...`, to change the world from another process and to see how it is."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault
from connectors.hubspot.sandbox.http import Request, Response, answer, invalid, not_found
from connectors.hubspot.sandbox.times import iso

CALLS = frozenset(
    {
        "add_property",
        "add_scope",
        "add_token",
        "advance",
        "archive",
        "associate",
        "change_property",
        "clear_faults",
        "configure",
        "create",
        "define_label",
        "dissociate",
        "expire_access_tokens",
        "gdpr_delete",
        "get",
        "grant",
        "ids",
        "merge",
        "purge",
        "recalculate",
        "remove_property",
        "remove_scope",
        "restore",
        "revoke",
        "shuffle",
        "touch",
        "update",
    }
)
"""Methods of `Account` that `POST /sandbox/{method}` calls, with the body's members as its arguments."""


def call(account: Account, request: Request) -> Response:
    """Call a method of the account."""
    name = request.params["method"]
    if name not in CALLS:
        raise not_found(f"The sandbox cannot '{name}'. It can: {', '.join(sorted(CALLS))}, faults.")
    method = getattr(account, name)
    try:
        arguments = inspect.signature(method).bind(**request.json())
    except TypeError as error:
        raise invalid(f"{name}: {error}") from error
    return answer({"result": method(*arguments.args, **arguments.kwargs)})


def add_fault(account: Account, request: Request) -> Response:
    """Let a fault wait for its requests."""
    try:
        fault = msgspec.convert(request.json(), Fault)
    except msgspec.ValidationError as error:
        raise invalid(f"faults: {error}") from error
    account.fault(fault)
    return Response(204)


def clear_faults(account: Account, request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """Nothing goes wrong any more."""
    account.clear_faults()
    return Response(204)


def state(account: Account, request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """A summary of the account."""
    records: dict[str, Any] = {
        name: {
            "live": store.records.live_count,
            "archived": store.records.archived_count,
            "properties": len(store.schema.names()),
        }
        for name, store in account.stores.items()
    }
    return answer(
        {
            "records": records,
            "now": iso(account.clock.now()),
            "calls": account.calls,
            "refused": account.limits.refused,
            "token": account.token,
        }
    )


def truth(account: Account, request: Request) -> Response:
    """Every record as a line of JSON."""
    return Response(200, content_type="application/x-ndjson", stream=account.truth(request.params["type"]))
