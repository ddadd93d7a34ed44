"""Starting syncs for those who do not wait for them: everything goes through the queue."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import chain

from sqlalchemy import update

from engine.connections import checks, status
from engine.connections.ends import connect_source, host_of
from engine.connections.service import Connections
from engine.connections.store import has_schema, hold_connection, note
from engine.contract import Conflict, InvalidSetting, NotFound
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
            return self._resynced(self._connections.request_historical(connection.id))
        for schema in scope:
            if not has_schema(connection, schema):
                raise InvalidSetting(schema, f"There is no such schema. The tables are in '{connection.schema}'.")
        wanted, filling = set(chain.from_iterable(scope.values())), self._filling(connection)
        unknown = sorted(wanted - filling.keys())
        if unknown:
            raise InvalidSetting(connection.schema, f"There is no table '{unknown[0]}'.")
        return self._resynced(self._request_tables(connection, wanted, filling))

    def resync_table(self, name: str, schema: str, table: str) -> Connection:
        """The same for one table.

        Raises:
            InvalidSetting: the connection has no credentials yet.
            NotFound: there is no such schema or table; the source was asked.
        """
        connection = self._with_credentials(name)
        if not has_schema(connection, schema):
            raise NotFound("schema", schema)
        filling = self._filling(connection)
        if table not in filling:
            raise NotFound("table", table)
        return self._resynced(self._request_tables(connection, {table}, filling))

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

    def _resynced(self, connection: Connection) -> Connection:
        if not connection.paused:
            jobs.enqueue(self._database, connection.id, "resync")
        return connection

    def _request_tables(self, connection: Connection, tables: set[str], filling: Mapping[str, str]) -> Connection:
        with self._database.session() as session:
            stored = hold_connection(session, connection.id)
            stored.resync_streams = sorted({*stored.resync_streams, *(filling[table] for table in tables)})
            told = ", ".join(sorted(tables))
            note(session, stored, "tables_resync_requested", f"The next sync reads these tables again: {told}.")
        return stored

    def _filling(self, connection: Connection) -> dict[str, str]:
        """The source's tables as they are now, each with the stream that fills it."""
        host = host_of(connection, self._database, self._vault)
        with closing(connect_source(connection, host)) as source:
            streams = source.discover({}).streams
        return {table.name: stream.name for stream in streams for table in stream.tables}

    def _note(self, connection: Connection, kind: str, message: str) -> None:
        with self._database.session() as session:
            stored = hold_connection(session, connection.id)
            note(session, stored, kind, message)
