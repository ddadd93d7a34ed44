"""The sandbox as an ASGI application: how requests come in and answers go out, or break on the way."""

from __future__ import annotations

import asyncio
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any, TypeAlias

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.answering import answer
from connectors.hubspot.sandbox.faults import Fault, FaultKind
from connectors.hubspot.sandbox.http import Response
from connectors.hubspot.sandbox.times import SECOND

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

TRANSPORT = "sandbox.transport"
"""The extension of the ASGI scope under which the server gives the connection, so that faults can break it."""

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
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        answered = answer(self._account, scope["method"], target.decode("latin-1"), headers, body)
        if answered.response is None:
            await _break(scope, receive, answered.fault)
            return
        if answered.delay:
            await asyncio.sleep(answered.delay)
        answered.response.headers["Date"] = formatdate(self._account.clock.now() / SECOND, usegmt=True)
        await _send(scope, receive, send, answered.response, answered.fault)


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


async def _break(scope: Scope, receive: Receive, fault: Fault | None) -> None:
    if fault and fault.kind is FaultKind.HANG:
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
