"""The sandbox as an ASGI application: what happens to a request before and after its handler."""

from __future__ import annotations

import asyncio
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault, FaultKind
from connectors.hubspot.sandbox.http import Refused, Request, Response, missing_scopes, not_found, refused
from connectors.hubspot.sandbox.routes import Door, Route, find_route

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

TRANSPORT = "sandbox.transport"
"""The extension of the ASGI scope under which the server gives the connection, so that faults can break it."""

_MAX_URL = 16_384
_CHUNK = 1 << 18
_DROPS = 10
"""Pieces in which a slow body trickles in."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class App:
    """Answers requests for one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request."""
        body = b"" if scope["method"] == "GET" else await _body(receive)
        method, path = scope["method"], scope["path"]
        found = find_route(method, path)
        admin = found is not None and found[0].door is Door.ADMIN
        fault = None if admin else self._account.faults.next(method, path)
        if fault and fault.kind in {FaultKind.RESET, FaultKind.HANG}:
            await _break(scope, receive, fault)
            return
        if fault and fault.kind is FaultKind.STATUS:
            response = self._failure(fault)
        else:
            response = self._respond(scope, found, body)
        delay = 0.0 if admin else self._account.faults.latency
        if fault and fault.kind is FaultKind.LATENCY:
            delay += fault.seconds
        if delay:
            await asyncio.sleep(delay)
        await _send(scope, receive, send, response, fault)

    def _failure(self, fault: Fault) -> Response:
        if not fault.policy:
            return fault.response()
        return self._account.limits.refusal(fault.policy, fault.retry_after or 1.0).response

    def _respond(self, scope: Scope, found: tuple[Route, Any] | None, body: bytes) -> Response:
        try:
            if len(scope["raw_path"]) + len(scope["query_string"]) > _MAX_URL:
                raise refused(414, "URI too long")
            if found is None:
                raise not_found()
            route, params = found
            headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
            request = Request(
                scope["method"],
                scope["path"],
                params,
                scope["query_string"],
                body,
                base_url=f"http://{headers.get(b'host', 'localhost')}",
                authorization=headers.get(b"authorization", ""),
            )
            with self._account.lock:
                return self._enter(route, request)
        except Refused as refusal:
            return refusal.response

    def _enter(self, route: Route, request: Request) -> Response:
        account = self._account
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


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(scope: Scope, receive: Receive, send: Send, response: Response, fault: Fault | None) -> None:
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"x-hubspot-correlation-id", str(uuid.uuid4()).encode()),
        *((name.encode(), value.encode()) for name, value in response.headers.items()),
    ]
    if response.stream is None:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.stream is not None:
        await _stream(send, response)
        return
    body = response.body
    if fault and fault.kind is FaultKind.TRUNCATE:
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await _close(scope, receive)
        return
    if fault and fault.kind is FaultKind.SLOW:
        step = len(body) // _DROPS + 1
        for start in range(0, len(body), step):
            await asyncio.sleep(fault.seconds / _DROPS)
            await send({"type": "http.response.body", "body": body[start : start + step], "more_body": True})
        body = b""
    await send({"type": "http.response.body", "body": body})


async def _stream(send: Send, response: Response) -> None:
    buffer = bytearray()
    for piece in response.stream or ():
        buffer += piece
        if len(buffer) >= _CHUNK:
            await send({"type": "http.response.body", "body": bytes(buffer), "more_body": True})
            buffer.clear()
            await asyncio.sleep(0)  # lets other requests in between
    await send({"type": "http.response.body", "body": bytes(buffer)})


async def _break(scope: Scope, receive: Receive, fault: Fault) -> None:
    if fault.kind is FaultKind.HANG:
        try:
            await asyncio.wait_for(_gone(receive), fault.seconds)  # ends early when the client gives up
        except TimeoutError:
            await _close(scope, receive)
        return
    transport = _transport(scope)
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
    await _gone(receive)


async def _close(scope: Scope, receive: Receive) -> None:
    _transport(scope).close()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until the connection is closed: before that, the server would miss the rest of the answer."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]["transport"]
    return transport
