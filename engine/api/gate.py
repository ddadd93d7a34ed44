"""What holds for every request before anything else is looked at: its size, its media types, its path, its number."""

from __future__ import annotations

import re
import secrets
import time
from urllib.parse import unquote

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.api.envelope import Refusal, refused

LARGEST_BODY = 1024 * 1024
"""Bytes. The largest body that makes sense, a schema config with thousands of columns, is half of it."""

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

CRASHED = "Something went wrong here. The log tells more, under the X-Request-Id of this answer."

_ACCEPTED = frozenset({"*/*", "application/*", "application/json"})

log = structlog.stdlib.get_logger("penstock.api")


class Gate:
    """ASGI middleware. Gives each request an X-Request-Id (the caller's own, if it has one) and logs it with that."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        if method == "HEAD":  # answered as GET; the server, which has a scope of its own, leaves the body out
            scope = {**scope, "method": "GET"}
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        began = time.perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = MutableHeaders(scope=message)
                answered["X-Request-Id"] = request_id
                answered.setdefault("Cache-Control", "no-store")
                answered.update(scope.get("state", {}).get("rate_limit", {}))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                scope["path"] = _path(scope)
                _check_types(scope, headers)
                await self._app(scope, _limited(receive, headers), answer)
            except Refusal as refusal:
                await refused(refusal.status, str(refusal), headers=refusal.headers)(scope, receive, answer)
            except Exception:
                if status:  # the answer has begun: the server can only break off
                    raise
                log.exception("request_crashed", path=scope["path"])
                await refused(500, CRASHED)(scope, receive, answer)
            level = log.debug if method in {"GET", "HEAD"} else log.info
            took = round((time.perf_counter() - began) * 1000, 1)
            level("request", method=method, path=scope["path"], status=status, milliseconds=took)


def _path(scope: Scope) -> str:
    """The path without slashes at its end: clients add them, and some lose their credentials in a redirect."""
    path: str = scope["path"].rstrip("/") or "/"
    if "\0" in path or "\0" in unquote(scope["query_string"].decode("latin-1")):
        raise Refusal(400, "A NUL character can be no part of an address.")
    return path


def _check_types(scope: Scope, headers: Headers) -> None:
    if not scope["path"].startswith("/v1/"):
        return
    accepted = headers.get("accept", "*/*")
    if not any(_media_type(each) in _ACCEPTED for each in accepted.split(",")):
        raise Refusal(406, "Only application/json can be answered: send it, or */*, as Accept.")
    given = headers.get("content-type")
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if has_body and given is not None and _media_type(given) != "application/json":
        raise Refusal(415, "The body must be JSON: send it with Content-Type application/json.")


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _limited(receive: Receive, headers: Headers) -> Receive:
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        raise Refusal(413, f"A body may have {LARGEST_BODY} bytes at most.")
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > LARGEST_BODY:
            raise Refusal(413, f"A body may have {LARGEST_BODY} bytes at most.")
        return message

    return limited
