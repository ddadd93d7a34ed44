"""Access tokens: a static one, or one that a refresh token renews before it runs out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from connectors.hubspot.config import HubSpotAuth
from engine.contract import CredentialsRejected, Host

EARLY = 300.0
"""Seconds before its end at which a token is renewed; a short-lived one is renewed at four fifths of its life."""

Exchange = Callable[[Mapping[str, str]], tuple[str, float, str | None]]
"""Send a form to the token endpoint; gives access token, its seconds to live and the refresh token that came back.

Raises CredentialsRejected when HubSpot does not accept the form.
"""


class Tokens(Protocol):
    """Where the access token for the next call comes from. Thread-safe."""

    def current(self) -> str:
        """A token that is good for now."""

    def renewed(self, rejected: str) -> str | None:
        """Another token after this one was rejected; None when there is no other to be had."""


class StaticToken:
    """A private app's token or a service key: it never changes."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        """The token."""
        return self._token

    def renewed(self, rejected: str) -> str | None:  # noqa: ARG002 - the protocol's argument
        """There is no other."""
        return None


class RefreshedToken:
    """An OAuth access token, renewed in time.

    HubSpot may send a new refresh token with any answer; whatever comes back is stored before the access token is
    used. Losing a race against another worker is harmless: the token stored last is read and tried once more.
    """

    def __init__(self, auth: HubSpotAuth, host: Host, exchange: Exchange) -> None:
        self._auth = auth
        self._host = host
        self._exchange = exchange
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def current(self) -> str:
        """The token, renewed first when it is about to run out."""
        with self._lock:
            if time.monotonic() >= self._renew_at:
                self._renew()
            return self._token

    def renewed(self, rejected: str) -> str | None:
        """A new token, unless another thread has renewed the rejected one meanwhile."""
        with self._lock:
            if self._token == rejected:
                self._renew()
            return self._token

    def _renew(self) -> None:
        try:
            self._refresh()
        except CredentialsRejected:
            stored = HubSpotAuth.model_validate(self._host.credentials())
            if stored == self._auth:
                raise
            self._auth = stored
            self._refresh()

    def _refresh(self) -> None:
        form, refresh_token = _form(self._auth)
        self._token, seconds, returned = self._exchange(form)
        if returned and returned != refresh_token:
            kept: dict[str, Any] = {**self._host.credentials(), "refresh_token": returned}
            self._host.keep_credentials(kept)
            self._auth = HubSpotAuth.model_validate(kept)
        self._renew_at = time.monotonic() + max(seconds - EARLY, seconds * 0.8)


def _form(auth: HubSpotAuth) -> tuple[dict[str, str], str]:
    """The refresh request's form and the refresh token in it."""
    if auth.refresh_token is None or auth.client_access is None:
        raise CredentialsRejected("The connection has no refresh token any more. Reconnect the HubSpot account.")
    refresh_token = auth.refresh_token.get_secret_value()
    return {
        "grant_type": "refresh_token",
        "client_id": auth.client_access.client_id,
        "client_secret": auth.client_access.client_secret.get_secret_value(),
        "refresh_token": refresh_token,
    }, refresh_token
