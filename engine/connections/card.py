"""What is known of a Connect Card: when it was made, when it is opened, when somebody sets out with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from engine.connections.attempts import Attempt, Result
from engine.contract import Permission
from engine.state.models import Connection


@dataclass(frozen=True, slots=True)
class Issued:
    """A new card: its token, the address of its page, and where it sends people afterwards, if anywhere."""

    token: str
    uri: str
    config: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Card:
    """A card that was opened. `attempt` is the last try with it, `is_used` whether the connection is set up by it."""

    token: str
    connection: Connection
    title: str
    permissions: Sequence[Permission]
    expires_at: datetime
    is_used: bool
    attempt: Attempt | None

    @property
    def hides_guide(self) -> bool:
        """Whether the page is to leave out the guide."""
        return bool((self.connection.connect_card_config or {}).get("hide_setup_guide"))

    @property
    def site(self) -> str | None:
        """The host that the person goes back to."""
        return urlsplit(self._redirect_uri).hostname if self._redirect_uri else None

    def way_back(self, outcome: Result) -> str | None:
        """Where the person goes with the outcome: the redirect URI, with both in its query."""
        if not self._redirect_uri:
            return None
        address = urlsplit(self._redirect_uri)
        query = [*parse_qsl(address.query, keep_blank_values=True), ("id", self.connection.id), ("outcome", outcome)]
        return address._replace(query=urlencode(query)).geturl()

    @property
    def _redirect_uri(self) -> str:
        return str((self.connection.connect_card_config or {}).get("redirect_uri", ""))


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a person is sent, and the cookie by which their browser is known when they come back."""

    url: str
    cookie: str
    value: str
    title: str
