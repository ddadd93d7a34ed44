"""Connect Cards: links by which a person without a key lets a connection into their account at the source.

The way of one card: issued; opened in a browser; begun, which sends the person to the source with a state; finished,
when they come back with that state and a code; then setup tests run. A card is used up once they all pass.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine.connections.attempts import Attempt, Result
from engine.connections.blocks import ConnectCardConfig
from engine.connections.card import Card, Departure, Issued
from engine.connections.card_token import CardClosed, CardToken
from engine.connections.checks import Tell
from engine.connections.ends import source_proxy
from engine.connections.grants import authorization_of
from engine.connections.service import Connections
from engine.connections.store import find, hold_connection, note
from engine.contract import Authorization, InvalidSetting, SourceError, TestStatus
from engine.plugins import source_plugin
from engine.queue import jobs
from engine.settings import Settings
from engine.state.database import Database
from engine.state.models import ConnectCard, Connection
from engine.state.secrets import Vault

PATH = "/connect-card"
"""Where the daemon serves the pages of cards."""

LIFETIME = timedelta(days=3)
"""Long enough for a link that is mailed before a weekend."""

_WORD = re.compile(r"[a-z_]{1,40}")


class ConnectCards:
    """The cards in a state database. What became of tries is remembered in this process only."""

    def __init__(self, database: Database, vault: Vault, settings: Settings) -> None:
        self._database = database
        self._vault = vault
        self._connections = Connections(database, vault)
        self._address = f"{settings.address}{PATH}"
        self._attempts: dict[str, Attempt] = {}

    @property
    def address(self) -> str:
        """Where browsers find the pages."""
        return self._address

    def issue(self, name: str, config: ConnectCardConfig | None = None) -> Issued:
        """A new card for a connection; earlier ones open nothing any more. Without a config the stored one holds.

        Raises:
            NotFound: there is no such connection.
            InvalidSetting: its kind of source cannot be let in by a browser, or there is no app for it.
        """
        with self._database.session() as session:
            connection = find(session, name, held=True)
            _authorization(connection).url(self._auth(connection), "", "")  # or say now that there is no app
            if config is not None:
                connection.connect_card_config = config.model_dump(mode="json", exclude_unset=True)
            card = CardToken(connection.id, secrets.token_hex(8), (_now() + LIFETIME).replace(microsecond=0))
            new = {"id": card.card_id, "created_at": _now(), "expires_at": card.expires_at}
            fresh = dict.fromkeys(("state_hash", "browser_hash", "used_at"))
            session.execute(
                insert(ConnectCard)
                .values(connection_id=connection.id, **new)
                .on_conflict_do_update(constraint="connect_cards_pkey", set_={**new, **fresh})
            )
            note(session, connection, "card_issued", "A Connect Card was made; earlier ones open nothing any more.")
        token = card.signed(self._vault)
        return Issued(token, f"{self._address}/setup?auth={token}", connection.connect_card_config)

    def issue_if_possible(self, connection: Connection) -> Issued | None:
        """A new card, or None for a kind of source that cannot be let in by a browser."""
        if authorization_of(source_plugin(connection.service)) is None:
            return None
        return self.issue(connection.id)

    def open(self, token: str) -> Card:
        """The card of a token.

        Raises:
            CardClosed: it was not made here, is expired, or a newer one was made.
        """
        with self._database.session() as session:
            connection, card = self._find(session, token)
        attempt = self._attempts.get(connection.id)
        return Card(
            token=token,
            connection=connection,
            title=source_plugin(connection.service).title,
            permissions=_authorization(connection).permissions,
            expires_at=card.expires_at,
            is_used=card.used_at is not None,
            attempt=attempt if attempt is not None and attempt.card_id == card.id else None,
        )

    def begin(self, token: str) -> Departure:
        """Where to send the person who has opened the card; what an earlier beginning waits for is not taken any more.

        Raises:
            CardClosed: as for `open`, or it is used up.
            InvalidSetting: there is no app any more.
        """
        with self._database.session() as session:
            connection, card = self._find(session, token)
            if card.used_at is not None:
                raise CardClosed("used", "This link has done its work: the connection is set up.")
            state, browser = f"{connection.id}.{secrets.token_urlsafe(32)}", secrets.token_urlsafe(32)
            card.state_hash, card.browser_hash = _hash(state), _hash(browser)
            self._attempts.pop(connection.id, None)
            url = _authorization(connection).url(self._auth(connection), self._callback, state)
        return Departure(url, _cookie(connection.id), browser, source_plugin(connection.service).title)

    def finish(self, answer: Mapping[str, str], cookies: Mapping[str, str]) -> str:
        """Take what the source sent the person back with; gives the card's token, by which the outcome can be seen.

        Raises:
            CardClosed: it is not this browser that has begun, or the card is expired.
        """
        state = answer.get("state", "")
        connection_id = state.partition(".")[0]
        with self._database.session() as session:
            card = session.get(ConnectCard, connection_id, with_for_update=True)
            browser = cookies.get(_cookie(connection_id), "")
            if card is None or not _fits(browser, card.browser_hash):
                raise CardClosed("other_browser", "This is not the browser, or not the link, that you began with.")
            token = CardToken(connection_id, card.id, card.expires_at).signed(self._vault)
            connection, card = self._find(session, token)
            is_first = _fits(state, card.state_hash)
            if is_first:
                card.state_hash = None
        if is_first:
            self._attempts[connection_id] = self._attempt(connection, card.id, answer)
        elif card.used_at is None:
            stale = "What came back was for an earlier try, or came twice. Start again."
            self._attempts.setdefault(connection_id, Attempt(card.id, "failed", stale))
        return token

    def _attempt(self, connection: Connection, card_id: str, answer: Mapping[str, str]) -> Attempt:
        title = source_plugin(connection.service).title
        if "code" not in answer:
            error = answer.get("error", "")
            if error == "access_denied":
                return Attempt(card_id, "refused", f"Nothing is read from {title}. Try again, or go back.")
            told = f" ({error})" if _WORD.fullmatch(error) else ""
            return Attempt(card_id, "failed", f"{title} sent no access back{told}. Start again.")
        try:
            proxy = source_proxy(connection, self._database, self._vault)
            auth = _authorization(connection).exchange(self._auth(connection), self._callback, answer["code"], proxy)
        except (SourceError, InvalidSetting) as error:
            return Attempt(card_id, "failed", str(error))
        with self._database.session() as session:
            stored = hold_connection(session, connection.id)
            stored.auth = self._vault.seal(auth)
            note(session, stored, "access_granted", f"A person gave access to {title} by a Connect Card.")
        attempt = Attempt(card_id)
        attempt.run(partial(self._set_up, connection.id, card_id))
        return attempt

    def _set_up(self, connection_id: str, card_id: str, tell: Tell) -> Result:
        """Run the setup tests. If they pass the card is used up, and a connection that was synced before goes on."""
        tests = self._connections.test(connection_id, tell)
        look = self._connections.look(connection_id)
        if look.connection.setup_state != "connected":
            return "failed"
        if look.last is not None and not look.connection.paused and look.connection.schedule_type != "manual":
            jobs.enqueue(self._database, connection_id, "manual")
        if any(test.status is TestStatus.FAILED for test in tests):
            return "limited"
        with self._database.session() as session:
            card = session.get(ConnectCard, connection_id, with_for_update=True)
            if card is not None and card.id == card_id:
                card.used_at = _now()
        return "connected"

    def _find(self, session: Session, token: str) -> tuple[Connection, ConnectCard]:
        said = CardToken.read(token, self._vault)
        card = session.get(ConnectCard, said.connection_id)
        connection = session.get(Connection, said.connection_id)
        if card is None or connection is None or card.id != said.card_id:
            raise CardClosed("replaced", "A newer link was made, or the connection is gone. Ask for the newest link.")
        if card.expires_at <= _now():
            raise CardClosed("expired", f"This link was good until {card.expires_at:%d %B %Y, %H:%M} UTC.")
        return connection, card

    @property
    def _callback(self) -> str:
        return f"{self._address}/callback"

    def _auth(self, connection: Connection) -> dict[str, Any]:
        return self._vault.open(connection.auth) if connection.auth else {}


def _authorization(connection: Connection) -> Authorization:
    plugin = source_plugin(connection.service)
    authorization = authorization_of(plugin)
    if authorization is None:
        raise InvalidSetting("service", f"{plugin.title} cannot be connected by a Connect Card: give `auth` instead.")
    return authorization


def _cookie(connection_id: str) -> str:
    return f"penstock-card-{connection_id}"


def _now() -> datetime:
    return datetime.now(UTC)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _fits(text: str, hashed: str | None) -> bool:
    return hashed is not None and hmac.compare_digest(_hash(text), hashed)
