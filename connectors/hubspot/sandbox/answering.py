"""What the account answers to a request, and what goes wrong with it, whatever carries the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault, FaultKind
from connectors.hubspot.sandbox.http import Refused, Request, Response, missing_scopes, not_found, refused
from connectors.hubspot.sandbox.routes import Door, Route, find_route

_MAX_URL = 16_384


@dataclass(frozen=True, slots=True)
class Answer:
    """The response, None where the connection breaks instead of one; what is to go wrong on the way; the seconds it takes."""

    response: Response | None
    fault: Fault | None = None
    delay: float = 0.0


def answer(account: Account, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    """Answer a request; `target` is its path and query as sent, the names in `headers` are in lower case."""
    raw_path, _, query = target.partition("?")
    path = unquote(raw_path)
    found = find_route(method, path)
    if found is not None and found[0].door is Door.ADMIN:
        return Answer(_respond(account, found, _request(method, path, query, headers, body)))
    fault, delay = account.faults.next(method, path), account.faults.latency
    if fault and fault.kind in {FaultKind.RESET, FaultKind.HANG}:
        return Answer(None, fault)
    if fault and fault.kind is FaultKind.LATENCY:
        delay += fault.seconds
    if fault and fault.kind is FaultKind.STATUS:
        return Answer(_failure(account, fault), fault, delay)
    if len(target) > _MAX_URL:
        return Answer(refused(414, "URI too long").response, fault, delay)
    return Answer(_respond(account, found, _request(method, path, query, headers, body)), fault, delay)


def _request(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Request:
    return Request(
        method,
        path,
        {},
        query.encode("latin-1"),
        body,
        base_url=f"http://{headers.get('host', 'localhost')}",
        authorization=headers.get("authorization", ""),
    )


def _failure(account: Account, fault: Fault) -> Response:
    if not fault.policy:
        return fault.response()
    return account.limits.refusal(fault.policy, fault.retry_after or 1.0).response


def _respond(account: Account, found: tuple[Route, Any] | None, request: Request) -> Response:
    try:
        if found is None:
            raise not_found()
        route, request.params = found
        with account.lock:
            return _enter(account, route, request)
    except Refused as refusal:
        return refusal.response


def _enter(account: Account, route: Route, request: Request) -> Response:
    if route.door in {Door.OPEN, Door.ADMIN}:
        return route.handler(account, request)
    account.calls += 1
    token = account.oauth.authenticate(request.authorization)
    headers = account.limits.take(token, search=route.door is Door.SEARCH, exempt=route.door is Door.EXEMPT)
    for scopes in route.needs(request.params):
        if token.scopes.isdisjoint(scopes):
            raise missing_scopes(scopes)
    response = route.handler(account, request)
    response.headers.update(headers)
    return response
