"""The token of a Connect Card: which card of which connection, and until when. Signed, not secret: a JWT (HS256)."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from engine.contract import PenstockError
from engine.state.secrets import Vault

_PURPOSE = "connect card"
_HEADER = {"alg": "HS256", "typ": "JWT"}

Why: TypeAlias = Literal["invalid", "expired", "replaced", "used", "other_browser"]


class CardClosed(PenstockError):
    """A card that opens nothing; `why` says why."""

    code = "card_closed"

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class CardToken:
    """What a token says; `expires_at` to the second."""

    connection_id: str
    card_id: str
    expires_at: datetime

    def signed(self, vault: Vault) -> str:
        """The token as text that can stand in an address."""
        claims = {"sub": self.connection_id, "jti": self.card_id, "exp": int(self.expires_at.timestamp())}
        text = f"{_encoded(_compact(_HEADER))}.{_encoded(_compact(claims))}"
        return f"{text}.{_encoded(vault.sign(_PURPOSE, text.encode()))}"

    @classmethod
    def read(cls, text: str, vault: Vault) -> CardToken:
        """What a text says that was signed here.

        Raises:
            CardClosed: it was not, or not just so.
        """
        signed, _, signature = text.rpartition(".")
        try:
            if not vault.has_signed(_PURPOSE, signed.encode(), _decoded(signature)):
                raise _invalid()
            claims: dict[str, Any] = json.loads(_decoded(signed.partition(".")[2]))
        except (binascii.Error, UnicodeError, ValueError):
            raise _invalid() from None
        return cls(claims["sub"], claims["jti"], datetime.fromtimestamp(claims["exp"], UTC))


def _compact(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _invalid() -> CardClosed:
    return CardClosed("invalid", "This link is not complete, or was not made here. Open it just as you were given it.")
