"""Access tokens: a static one, or one that a refresh token renews before it runs out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from pydantic import SecretStr

from connectors.hubspot.config import HubSpotAuth
from engine.contract import CredentialsRejected, Host

EARLY = 300.0
"""Seconds before its end at which a token is renewed; a short-lived one is renewed at four fifths of its life."""

LOOK_AGAIN = 2.0
"""Seconds after which another worker that has just renewed the credentials has stored them."""

Exchange = Callable[[Mapping[str, str]], tuple[str, float, str | None]]
"""Send a form to the token endpoint; gives access token, its seconds to live and the refresh token that came back.

Raises CredentialsRejected when HubSpot does not accept the form.
"""


class Tokens(Protocol):
    """Where the access token for the next call comes from. Thread-safe."""

    def current(self) -> str:
        """A token that is good for now."""

    def renewed(self, rejected: str) -> bool:
        """Whether there is another token after this one was rejected; if so, it is `current` from now on."""


class StaticToken:
    """A private app's token or a service key: it changes only when a person gives the connection another one."""

    def __init__(self, token: SecretStr, host: Host) -> None:
        self._token = token.get_secret_value()
        self._host = host

    def current(self) -> str:
        """The token."""
        return self._token

    def renewed(self, rejected: str) -> bool:
        """Whether a person has stored another one."""
        stored = HubSpotAuth.model_validate(self._host.credentials()).access_token
        if stored is not None:
            self._token = stored.get_secret_value()
        return self._token != rejected


class RefreshedToken:
    """An OAuth access token, renewed in time.

    HubSpot may send a new refresh token with any answer; whatever comes back is stored before the access token is
    used. Losing a race against another worker is harmless: the token stored last is read and tried once more. What no
    stored credentials help against stays so: HubSpot is not asked again.
    """

    def __init__(self, auth: HubSpotAuth, host: Host, exchange: Exchange) -> None:
        self._auth = auth
        self._host = host
        self._exchange = exchange
        self._lock = threading.Lock()
        self._token = ""
        self._rejected: CredentialsRejected | None = None
        self._renew_at = datetime.min.replace(tzinfo=UTC)

    def current(self) -> str:
        """The token, renewed first when it is about to run out."""
        with self._lock:
            if self._host.now() >= self._renew_at:
                self._renew()
            return self._token

    def renewed(self, rejected: str) -> bool:
        """A new token, unless another thread has renewed the rejected one meanwhile."""
        with self._lock:
            if self._token == rejected:
                self._renew()
        return True

    def _renew(self) -> None:
        if self._rejected:
            raise self._rejected
        try:
            self._refresh()
        except CredentialsRejected as error:
            if not self._stored_others():
                self._rejected = error
                raise
            self._refresh()

    def _stored_others(self) -> bool:
        """Whether other credentials are stored than the ones that were rejected; if so, they are taken."""
        for seconds in (0.0, LOOK_AGAIN):
            self._host.wait(seconds)
            stored = HubSpotAuth.model_validate(self._host.credentials())
            if stored != self._auth:
                self._auth = stored
                return True
        return False

    def _refresh(self) -> None:
        form, refresh_token = _form(self._auth)
        self._token, seconds, returned = self._exchange(form)
        self._renew_at = self._host.now() + timedelta(seconds=max(seconds - EARLY, seconds * 0.8))
        if not returned or returned == refresh_token:
            return
        stored: dict[str, Any] = {**self._host.credentials()}
        if stored.get("refresh_token") == refresh_token:  # else somebody else has stored newer ones
            self._host.keep_credentials({**stored, "refresh_token": returned})
        self._auth = self._auth.model_copy(update={"refresh_token": SecretStr(returned)})


def _form(auth: HubSpotAuth) -> tuple[dict[str, str], str]:
    """The refresh request's form and the refresh token in it."""
    if auth.refresh_token is None or auth.client_access is None:
        raise CredentialsRejected(
            "The connection has no refresh token. Connect the HubSpot account, by a Connect Card or with another token."
        )
    refresh_token = auth.refresh_token.get_secret_value()
    return {
        "grant_type": "refresh_token",
        "client_id": auth.client_access.client_id,
        "client_secret": auth.client_access.client_secret.get_secret_value(),
        "refresh_token": refresh_token,
    }, refresh_token
