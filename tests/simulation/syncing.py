"""The engine's own sync, from an open destination on, without state tables: once as it is, killed or not."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from simulation.host import VirtualClock, VirtualHost
from simulation.moments import Endless, Killed, Moments
from simulation.mortal import Connections, MortalSession, MortalSource
from simulation.network import Network

from connectors.hubspot import plugin as hubspot
from connectors.hubspot.sandbox.account import Account
from destinations.postgres import plugin as postgres
from engine.contract import DestinationError, Expected, Loaded, Notice, PenstockError, SchemaChange, Stream
from engine.sync.ending import ending
from engine.sync.hashing import Hash
from engine.sync.load import Load
from engine.sync.run import transfer
from engine.sync.selection import Choice, SelectedSource, Selection


@dataclass
class Outcome:
    """How a sync ended. `unforeseen`: by an error that the product has no words for."""

    ended: str = "succeeded"
    error: BaseException | None = None
    calls: int = 0
    loaded: Loaded = field(default_factory=Loaded)
    by_stream: dict[str, Loaded] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    refused: dict[str, BaseException] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """Method and path of each request."""

    @property
    def unforeseen(self) -> bool:
        return isinstance(self.error, Endless) or (
            isinstance(self.error, Exception) and not isinstance(self.error, PenstockError)
        )

    @property
    def written(self) -> int:
        return self.loaded.inserted + self.loaded.updated + self.loaded.deleted + self.loaded.rejected

    def __str__(self) -> str:
        loaded = self.loaded
        rows = f"+{loaded.inserted} ~{loaded.updated} -{loaded.deleted}"
        error = f": {type(self.error).__name__} {self.error}" if self.error is not None else ""
        refused = "".join(f"; {stream}: {error}" for stream, error in self.refused.items() if error is not self.error)
        return f"{self.ended}, {self.calls} calls, {rows}{error}{refused}"


class _Observer:
    """Takes down what the engine tells."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def prepared(self, streams: Sequence[Stream], changes: Sequence[str]) -> None:
        self._outcome.notices += changes

    def loaded(self, load: Load, loaded: Loaded) -> None:
        self._outcome.loaded += loaded
        self._outcome.by_stream[load.stream] = self._outcome.by_stream.get(load.stream, Loaded()) + loaded

    def told(self, stream: str, message: Expected | Notice) -> None:
        if isinstance(message, Notice):
            self._outcome.notices.append(f"{stream}: {message.message}")

    def changed(self, change: SchemaChange, changes: Sequence[str]) -> None:
        self._outcome.notices += [change.reason, *changes]

    def ended(self, stream: str, error: BaseException | None) -> None:
        if error is not None:
            self._outcome.refused[stream] = error

    def tick(self) -> None:
        pass


class Engine:
    """Syncs one account into one schema, one sync at a time."""

    def __init__(self, account: Account, url: str, schema: str, config: dict[str, Any], auth: dict[str, Any]) -> None:
        self.clock = VirtualClock(account)
        self.auth = auth
        self.start_anew()
        self.forget = False
        """Whether the next sync is to be a historical one again."""
        self.chosen: dict[str, Choice] = {}
        """What is wanted of tables, by their names."""
        self.over_sockets = False
        """Whether calls go to where the settings say, by the real transport."""
        self._account = account
        self._destination = postgres.connect(postgres.config.model_validate({"url": url}))
        self._schema = schema
        self._config = hubspot.config.model_validate(config)

    def start_anew(self) -> None:
        """Be the process of the next sync, with moments, a way to stop it and connections of its own."""
        self.moments = Moments()
        self.stop = threading.Event()
        self.connections = Connections(self.moments)

    def sync(self, *, reconcile: bool = False) -> Outcome:
        """Sync once."""
        outcome = Outcome()
        host = VirtualHost(self.clock, self.moments, self.stop, self.auth)
        try:
            with ExitStack() as stack:
                stack.enter_context(self.connections.watched())
                if not self.over_sockets:
                    network = Network(self._account, self.clock, self.moments, outcome.requests)
                    stack.enter_context(mock.patch("connectors.hubspot.client.Transport", return_value=network))
                self._run(host, _Observer(outcome), stack, reconcile=reconcile)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - the sync's outcome
            outcome.error = error
        finally:
            self.connections.close()
        outcome.ended = "killed" if isinstance(outcome.error, Killed) else ending(outcome.error).outcome
        outcome.calls = host.calls
        self.start_anew()
        return outcome

    def _run(self, host: VirtualHost, observer: _Observer, stack: ExitStack, *, reconcile: bool) -> None:
        opened = self._destination.open(self._schema)
        stack.callback(self._close, opened)
        session = MortalSession(opened, self.moments)
        if self.forget:
            session.forget(session.cursors())
            self.forget = False
        mortal = MortalSource(hubspot.connect(self._config, host), self.moments)
        with closing(SelectedSource(mortal, lambda _: Selection(self.chosen, Hash(b"")))) as source:
            transfer(source, session, observer, self.stop, reconcile=reconcile)

    def _close(self, session: Any) -> None:
        if not self.moments.killed:
            with suppress(DestinationError):
                session.close()
