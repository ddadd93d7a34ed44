"""What most commands need, in one import: the settings, the state database, the connections in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from engine import logging
from engine.cli import output
from engine.connections.body import ConnectionBody, ConnectionChange, parse
from engine.connections.costs import connection_costs
from engine.connections.document import connection_document
from engine.connections.keys import Keys
from engine.connections.service import Connections
from engine.contract import Cost, PenstockError
from engine.plugins import services
from engine.settings import Settings, settings
from engine.state.database import Database, open_database
from engine.state.models import Connection
from engine.state.secrets import Vault

__all__ = ["ConnectionBody", "ConnectionChange", "Workspace", "configured", "opened", "output", "parse", "services"]


@dataclass(frozen=True)
class Workspace:
    """Opened for one command."""

    settings: Settings
    database: Database
    vault: Vault
    connections: Connections
    keys: Keys

    def document(self, connection: Connection) -> dict[str, Any]:
        """The connection as `--json` shows it."""
        return connection_document(connection, self.connections.last_sync(connection), output.clock())

    def costs(self, connection: Connection) -> tuple[Sequence[Cost], str | None]:
        """What the connection costs at its source; nothing, and why, where that cannot be told now."""
        try:
            return connection_costs(self.database, self.vault, connection), None
        except PenstockError as error:
            return (), str(error)


def configured() -> Settings:
    """The settings, with logs set up by them."""
    logging.configure(settings())
    return settings()


@contextmanager
def opened() -> Iterator[Workspace]:
    """The workspace, given back at the end.

    Logs hold errors only, unless a level is set: the command itself tells a waiting person what matters.
    """
    chosen = settings()
    if "log_level" not in chosen.model_fields_set:
        chosen = chosen.model_copy(update={"log_level": "error"})
    logging.configure(chosen)
    vault = Vault(chosen)
    database = open_database(chosen)
    try:
        yield Workspace(chosen, database, vault, Connections(database, vault), Keys(database))
    finally:
        database.dispose()
