"""The engine's side of a source, in virtual time: nobody waits, the account's clock moves instead."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from simulation.moments import Endless, Moments

from connectors.hubspot.sandbox.account import Account
from engine.contract import Cancelled

CALLS = 20_000
"""Calls after which a sync is taken to have no end."""


class VirtualClock:
    """The account's clock, for both sides. Those who wait at the same time wait together."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def now(self) -> float:
        """Seconds since 1970."""
        return self._account.clock.now() / 1000

    def until(self, moment: float) -> None:
        """Wait for a moment."""
        with self._account.lock:
            if moment > self.now():
                self._account.advance(moment - self.now())

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.until(self.now() + seconds)


class VirtualHost:
    """`engine.contract.Host` for one sync; credentials outlive it."""

    def __init__(self, clock: VirtualClock, moments: Moments, stop: threading.Event, auth: dict[str, Any]) -> None:
        self._clock = clock
        self._moments = moments
        self._stop = stop
        self._auth = auth
        self._lock = threading.Lock()
        self._free_at: dict[tuple[str, str], float] = {}
        self.calls = 0

    def acquire(self, account: str, policy: str, *, limit: int, seconds: float) -> None:
        self._alive()
        with self._lock:
            at = max(self._clock.now(), self._free_at.get((account, policy), 0.0))
            self._free_at[account, policy] = at + seconds / limit
        self._clock.until(at)

    def hold(self, account: str, policy: str, *, seconds: float) -> None:
        with self._lock:
            held_until = self._clock.now() + seconds
            self._free_at[account, policy] = max(held_until, self._free_at.get((account, policy), 0.0))

    def now(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=self._clock.now())

    def wait(self, seconds: float) -> None:
        self._alive()
        self._clock.sleep(seconds)

    def called(self) -> None:
        with self._lock:
            self.calls += 1
        if self.calls > CALLS:
            raise Endless(f"{CALLS} calls, and no end")

    def credentials(self) -> Mapping[str, Any]:
        return dict(self._auth)

    def keep_credentials(self, auth: Mapping[str, Any]) -> None:
        self._auth.clear()
        self._auth.update(auth)

    def proxy(self) -> None:
        return None

    def _alive(self) -> None:
        self._moments.reached("wait")
        if self._stop.is_set():
            raise Cancelled
