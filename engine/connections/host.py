"""What the engine offers a source while it works: rate budgets, credentials, a way to stop, a count of calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from pydantic import SecretStr
from sqlalchemy import text, update

from engine.connections.pacing import Block, Pace
from engine.contract import Cancelled, NotFound
from engine.state.database import Database
from engine.state.models import Connection
from engine.state.secrets import Vault

UNPACED = 10_000
"""Limits of this many requests a second and more (a local sandbox without limits) are not worth a reservation."""

_RESERVE = text("""
    INSERT INTO penstock.rate_budgets AS budget (account, policy, next_at, limit_per_window, window_seconds)
    VALUES (:account, :policy, clock_timestamp() + :taken, :limit, :seconds)
    ON CONFLICT (account, policy) DO UPDATE SET
        next_at = greatest(budget.next_at, clock_timestamp() - :credit) + :taken,
        limit_per_window = :limit,
        window_seconds = :seconds
    RETURNING extract(epoch FROM next_at - :taken - clock_timestamp())::double precision
""")

_HOLD = text("""
    UPDATE penstock.rate_budgets
    SET next_at = greatest(next_at, clock_timestamp() + :pause), held_until = clock_timestamp() + :pause
    WHERE account = :account AND policy = :policy
""")


class Credentials(Protocol):
    """Where a source's credentials are kept."""

    def load(self) -> Mapping[str, Any]:
        """The credentials as they are now."""

    def keep(self, auth: Mapping[str, Any]) -> None:
        """Replace them."""


class StoredCredentials:
    """The credentials of a stored connection, sealed in the database."""

    def __init__(self, database: Database, vault: Vault, connection_id: str) -> None:
        self._database = database
        self._vault = vault
        self._id = connection_id

    def load(self) -> Mapping[str, Any]:
        """The credentials as they are stored now; empty when there are none yet."""
        with self._database.session() as session:
            connection = session.get(Connection, self._id)
        if connection is None:
            raise NotFound("connection", self._id)
        return self._vault.open(connection.auth) if connection.auth else {}

    def keep(self, auth: Mapping[str, Any]) -> None:
        """Store renewed credentials in a transaction of their own."""
        with self._database.session() as session:
            session.execute(update(Connection).where(Connection.id == self._id).values(auth=self._vault.seal(auth)))


class UnsavedCredentials:
    """Credentials of a connection that is not stored, or not yet changed: setup tests run on them first."""

    def __init__(self, auth: Mapping[str, Any]) -> None:
        self._auth = auth

    def load(self) -> Mapping[str, Any]:
        """The credentials, with what the source has renewed so far."""
        return self._auth

    def keep(self, auth: Mapping[str, Any]) -> None:
        """Remember renewed credentials."""
        self._auth = auth


@dataclass
class _Budget:
    """What this process holds of one shared budget."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    block: Block | None = None
    held_until: float = 0.0


class ConnectionHost:
    """`engine.contract.Host` for one connection in one process. Thread-safe; `stop` makes every wait end."""

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        stop: threading.Event | None = None,
        proxy: Callable[[], SecretStr | None] = lambda: None,
    ) -> None:
        self._database = database
        self._credentials = credentials
        self._proxy = proxy
        self._stop = stop or threading.Event()
        self._lock = threading.Lock()
        self._budgets: dict[tuple[str, str], _Budget] = {}
        self._calls = 0

    @property
    def calls(self) -> int:
        """API calls made so far."""
        return self._calls

    def acquire(self, account: str, policy: str, *, limit: int, seconds: float) -> None:
        """Wait for the next free slot of the budget and take it; see `engine.contract.Host.acquire`."""
        if limit >= UNPACED * seconds:
            self.wait(0)
            return
        pace, budget = Pace(limit, seconds), self._budget(account, policy)
        while True:
            slot = self._take(account, policy, pace, budget)
            self.wait(slot - time.monotonic())
            if budget.held_until <= time.monotonic() <= slot + pace.slack:
                return

    def hold(self, account: str, policy: str, *, seconds: float) -> None:
        """Close the budget for a while; what other processes have reserved (a quarter of a second) is still used."""
        budget = self._budget(account, policy)
        with budget.lock:
            budget.block = None
            budget.held_until = time.monotonic() + seconds
            with self._database.autocommit() as connection:
                connection.execute(_HOLD, {"account": account, "policy": policy, "pause": timedelta(seconds=seconds)})

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Sleep, unless somebody asks to stop."""
        if self._stop.wait(max(0.0, seconds)):
            raise Cancelled("Somebody asked to stop.")

    def called(self) -> None:
        """Count one API call."""
        with self._lock:
            self._calls += 1

    def credentials(self) -> Mapping[str, Any]:
        """The credentials as they are stored now."""
        return self._credentials.load()

    def keep_credentials(self, auth: Mapping[str, Any]) -> None:
        """Store renewed credentials before they are used."""
        self._credentials.keep(auth)

    def proxy(self) -> SecretStr | None:
        """The proxy that the source has to be called through."""
        return self._proxy()

    def _budget(self, account: str, policy: str) -> _Budget:
        with self._lock:
            return self._budgets.setdefault((account, policy), _Budget())

    def _take(self, account: str, policy: str, pace: Pace, budget: _Budget) -> float:
        with budget.lock:
            while True:
                if budget.block is not None and budget.block.pace == pace:
                    slot = budget.block.take(time.monotonic())
                    if slot is not None:
                        return slot
                budget.block = self._reserve(account, policy, pace)

    def _reserve(self, account: str, policy: str, pace: Pace) -> Block:
        with self._database.autocommit() as connection:
            ahead: float = connection.execute(
                _RESERVE,
                {
                    "account": account,
                    "policy": policy,
                    "limit": pace.limit,
                    "seconds": pace.seconds,
                    "taken": timedelta(seconds=pace.block * pace.spacing),
                    "credit": timedelta(seconds=pace.credit),
                },
            ).scalar_one()
        return Block(pace, time.monotonic() + ahead)
