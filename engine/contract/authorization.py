"""How a person lets a source in by a browser: OAuth 2 with an authorization code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class Permission:
    """Something that is read: what a person calls it, what that is, the tables it fills, the scopes it needs."""

    title: str
    description: str
    tables: tuple[str, ...]
    scopes: tuple[str, ...]


class Authorization(Protocol):
    """A source's way through the browser. `auth` is what is stored of the connection's credentials by now."""

    @property
    def permissions(self) -> Sequence[Permission]:
        """What will be read."""

    def is_granted(self, auth: Mapping[str, Any]) -> bool:
        """Whether the credentials let in; not so while they name the app only, and nobody has granted it access."""

    def url(self, auth: Mapping[str, Any], redirect_uri: str, state: str) -> str:
        """The page of the source on which a person grants access; it sends them to `redirect_uri` with the state.

        Raises:
            InvalidSetting: neither the credentials nor the operator's settings name an app.
        """

    def exchange(
        self, auth: Mapping[str, Any], redirect_uri: str, code: str, proxy: SecretStr | None = None
    ) -> Mapping[str, Any]:
        """The credentials for the code that came back, which is good for one time. Calls the source once.

        `proxy` is the HTTP proxy that it has to be called through, as a URL.

        Raises:
            CredentialsRejected: the source accepts the code or the app no (more).
            SourceUnavailable: it did not answer, or with nonsense.
        """


@runtime_checkable
class Authorizing(Protocol):
    """What a `SourcePlugin` has besides, if a person can let its sources in by a browser."""

    @property
    def authorization(self) -> Authorization:
        """The way to do so."""
