"""The keys that open the HTTP interface. A secret is 256 random bits, shown once; what is stored is its SHA-256.

With so many random bits a slow hash would protect nothing, and cost every request its time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from pydantic import SecretStr
from sqlalchemy import func, select, text, update

from engine.contract import InvalidSetting, NotFound
from engine.state.database import Database
from engine.state.models import ApiKey

Scope: TypeAlias = Literal["read", "write"]

SCOPES: tuple[Scope, ...] = get_args(Scope)

_NOBODY = "0" * 64
"""Compared with when there is no such key, so that it takes the same time."""

_VERIFY = text("""
    SELECT secret_hash, scopes, last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS unseen
    FROM penstock.api_keys WHERE id = :id AND revoked_at IS NULL
""")
_SEEN = text("UPDATE penstock.api_keys SET last_used_at = now() WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds a key."""

    key: str
    scopes: frozenset[str]


class Keys:
    """The keys in a state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, scopes: Sequence[str] = SCOPES) -> tuple[ApiKey, SecretStr]:
        """A new key and its secret, which nobody can look up later.

        Raises:
            InvalidSetting: there is no such scope.
        """
        for scope in scopes:
            if scope not in SCOPES:
                raise InvalidSetting("scope", f"must be {' or '.join(SCOPES)}.")
        secret = secrets.token_urlsafe(32)
        key = ApiKey(id=secrets.token_hex(8), name=name, secret_hash=_hash(secret), scopes=sorted(set(scopes)))
        with self._database.session() as session:
            session.add(key)
        return key, SecretStr(secret)

    def all(self) -> Sequence[ApiKey]:
        """Every key, revoked ones too, the oldest first."""
        with self._database.session() as session:
            return session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)).all()

    def any(self) -> bool:
        """Whether there is a key that opens anything."""
        with self._database.autocommit() as reading:
            return reading.scalar(select(ApiKey.id).where(ApiKey.revoked_at.is_(None)).limit(1)) is not None

    def revoke(self, key_id: str) -> ApiKey:
        """Let a key open nothing any more, from the next request on.

        Raises:
            NotFound: there is no such key.
        """
        with self._database.session() as session:
            session.execute(
                update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None)).values(revoked_at=func.now())
            )
            key = session.get(ApiKey, key_id)
        if key is None:
            raise NotFound("key", key_id, "`penstock keys list` shows them all.")
        return key

    def verify(self, key_id: str, secret: str) -> Caller | None:
        """Who calls; None when key and secret do not belong together, or the key is revoked.

        Takes the same time for a wrong secret as for an unknown key. Use is noted to the minute.
        """
        with self._database.autocommit() as connection:
            found = connection.execute(_VERIFY, {"id": key_id}).one_or_none()
            good = hmac.compare_digest(_hash(secret), found.secret_hash if found else _NOBODY)
            if found is None or not good:
                return None
            if found.unseen:
                connection.execute(_SEEN, {"id": key_id})
            return Caller(key_id, frozenset(found.scopes))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
