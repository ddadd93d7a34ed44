"""Starting syncs for those who do not wait for them: everything goes through the queue."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing

from sqlalchemy import update

from engine.connections import checks, status
from engine.connections.ends import connect_source, host_of
from engine.connections.service import Connections
from engine.connections.store import find, note
from engine.contract import Conflict, InvalidSetting
from engine.queue import jobs
from engine.state.database import Database
from engine.state.models import Connection, Sync
from engine.state.secrets import Vault

LEAVING_SECONDS = 15.0
"""How long to wait for a sync that was told to stop: it looks every few seconds, and its reading has a few more to end."""

Scope = Mapping[str, Sequence[str]]
"""Tables by their schema."""


class Control:
    """Starts, restarts and repeats syncs. However often something is asked for, it is done once."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._connections = Connections(database, vault)

    def sync(self, name: str, *, force: bool = False) -> Connection:
        """Let the connection be synced now, paused or not; its schedule stays.

        A sync that is running, or about to, is that sync. With `force` a running one is stopped at its next
        checkpoint, and another one goes on from there.

        Raises:
            InvalidSetting: it has no credentials yet.
        """
        connection = self._with_credentials(name)
        if force:
            self._stop(connection)
        elif self._is_under_way(connection):
            return connection
        jobs.enqueue(self._database, connection.id, "manual")
        self._note(connection, "sync_requested", "A sync was asked for.")
        return connection

    def resync(self, name: str, scope: Scope | None = None) -> Connection:
        """Let everything, or the tables of the scope, be read again, over the data that is there.

        It begins when a running sync has ended; for a paused connection when it is resumed.

        Raises:
            InvalidSetting: it has no credentials yet, or a table of the scope does not exist; the source was asked.
        """
        connection = self._with_credentials(name)
        if scope is None:
            connection = self._connections.request_historical(connection.id)
        else:
            connection = self._request_tables(connection, scope)
        if not connection.paused:
            jobs.enqueue(self._database, connection.id, "resync")
        return connection

    def delete(self, name: str) -> Connection:
        """Forget the connection, its credentials and its history; its tables stay. A sync that runs is stopped first.

        Raises:
            Conflict: its sync does not stop.
        """
        connection = self._connections.get(name)
        give_up_at = time.monotonic() + LEAVING_SECONDS
        while True:
            self._stop(connection)  # also one that begins meanwhile
            try:
                return self._connections.delete(connection.id)
            except Conflict:
                if time.monotonic() > give_up_at:
                    raise
            time.sleep(0.2)

    def _with_credentials(self, name: str) -> Connection:
        connection = self._connections.get(name)
        if connection.auth is None:
            raise InvalidSetting("auth", checks.NO_CREDENTIALS.message)
        return connection

    def _is_under_way(self, connection: Connection) -> bool:
        if jobs.is_about_to_begin(self._database, connection.id):
            return True
        look = self._connections.look(connection.id)
        return status.is_running(look.last, look.now)

    def _stop(self, connection: Connection) -> None:
        with self._database.transaction() as changing:
            changing.execute(
                update(Sync)
                .where(Sync.connection_id == connection.id, Sync.outcome == "running")
                .values(stop_requested=True)
            )

    def _request_tables(self, connection: Connection, scope: Scope) -> Connection:
        named: set[str] = set()
        for schema, tables in scope.items():
            if schema not in (connection.schema, connection.service):
                raise InvalidSetting(schema, f"There is no such schema. The tables are in '{connection.schema}'.")
            named |= set(tables)
        streams = self._filling(connection, named)
        with self._database.session() as session:
            stored = find(session, connection.id)
            stored.resync_streams = sorted({*stored.resync_streams, *streams})
            told = ", ".join(sorted(named))
            note(session, stored, "tables_resync_requested", f"The next sync reads these tables again: {told}.")
        return stored

    def _filling(self, connection: Connection, tables: set[str]) -> set[str]:
        """The streams that fill these tables."""
        host = host_of(connection, self._database, self._vault)
        with closing(connect_source(connection, host)) as source:
            streams = source.discover({}).streams
        filling = {table.name: stream.name for stream in streams for table in stream.tables}
        unknown = sorted(tables - filling.keys())
        if unknown:
            raise InvalidSetting(connection.schema, f"There is no table '{unknown[0]}'.")
        return {filling[table] for table in tables}

    def _note(self, connection: Connection, kind: str, message: str) -> None:
        with self._database.session() as session:
            note(session, connection, kind, message)
