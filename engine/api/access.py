"""Who may call: HTTP Basic with a key and its secret, checked against the database for every request."""

from __future__ import annotations

import base64
import binascii

from fastapi import Request, Security
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase

from engine.api.envelope import Refusal
from engine.api.limits import REQUESTS_PER_HOUR, WRONG_FROM_ADDRESS, WRONG_PER_MINUTE, Window
from engine.connections.keys import Caller, Keys, Scope

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Access:
    """Lets callers in. What it remembers is counts only, so that a revoked key opens nothing from then on."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._requests = Window(REQUESTS_PER_HOUR, 3600)
        self._wrong = Window(WRONG_PER_MINUTE, 60)
        self._wrong_from = Window(WRONG_FROM_ADDRESS, 60)

    def admit(self, request: Request) -> None:
        """Let a request in.

        Raises:
            Refusal: 401 without good credentials, 403 beyond their scope, 429 after too much of either.
        """
        credentials = _credentials(request.headers.get("authorization", ""))
        if credentials is None:
            raise _unauthorized("Send a key and its secret as HTTP Basic credentials.")
        key, secret = credentials
        address = request.client.host if request.client else ""
        wait = max(self._wrong.closed_for((address, key)), self._wrong_from.closed_for(address))
        if wait:
            raise Refusal(429, "Too many tries with wrong credentials.", {"Retry-After": str(wait)})
        caller = self._keys.verify(key, secret)
        if caller is None:
            self._wrong.take((address, key))
            self._wrong_from.take(address)
            raise _unauthorized("There is no such key with this secret, or it was revoked.")
        self._count(request, caller)
        needed: Scope = "read" if request.method in _READING else "write"
        if needed not in caller.scopes:
            raise Refusal(403, f"This key may not {needed}.")

    def _count(self, request: Request, caller: Caller) -> None:
        left, wait = self._requests.take(caller.key)
        request.state.rate_limit = {"X-Rate-Limit": str(REQUESTS_PER_HOUR), "X-Rate-Limit-Remaining": str(max(0, left))}
        if left < 0:
            raise Refusal(429, "This key's requests of this hour are used up.", {"Retry-After": str(wait)})


class _Key(SecurityBase):
    """The security scheme of every route that needs a caller."""

    model = HTTPBase(scheme="basic", description="A key as the user, its secret as the password.")
    scheme_name = "key"

    def __call__(self, request: Request) -> None:
        access: Access = request.app.state.access
        access.admit(request)


ADMITTED = Security(_Key())
"""What a router that needs a caller depends on: it comes before everything else of a request is looked at."""


def _credentials(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        key, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (key, secret) if colon and "\0" not in key else None


def _unauthorized(message: str) -> Refusal:
    return Refusal(401, message, {"WWW-Authenticate": 'Basic realm="penstock", charset="UTF-8"'})
