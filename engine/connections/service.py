"""What can be done to connections. Each action is one transaction that leaves an event behind."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine.connections import checks, status
from engine.connections.body import ConnectionBody, ConnectionChange, check_schedule, check_source
from engine.connections.ends import connect_destination, connect_source
from engine.connections.host import ConnectionHost, Credentials, StoredCredentials, UnsavedCredentials
from engine.contract import Conflict, InvalidSetting, NotFound, SetupTest
from engine.plugins import source_plugin
from engine.state.database import Database
from engine.state.models import DAILY, Connection, DestinationRecord, Event, Group, Sync
from engine.state.secrets import Vault


class Connections:
    """The connections in a state database. A connection goes by its name, which is its schema, or by its id.

    What is returned is a copy: changing it changes nothing. Methods that take a name raise `NotFound` when there is no
    such connection, and `Conflict` when several groups have one.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def all(self) -> Sequence[Connection]:
        """Every connection, by name."""
        with self._database.session() as session:
            return session.scalars(select(Connection).order_by(Connection.schema, Connection.id)).all()

    def get(self, name: str) -> Connection:
        """The connection of this name or id."""
        with self._database.session() as session:
            return _find(session, name)

    def last_sync(self, connection: Connection) -> Sync | None:
        """The connection's latest sync."""
        with self._database.session() as session:
            return _last_sync(session, connection)

    def setup_tests(self, name: str) -> list[SetupTest]:
        """What the last round of setup tests found."""
        with self._database.session() as session:
            return checks.kept(session, _find(session, name).id)

    def create(self, body: ConnectionBody) -> Connection:
        """Store a new connection, after its setup tests have passed unless the body does without them.

        Raises:
            InvalidSetting, Conflict, NotFound, SourceRefused, DestinationRefused: nothing was stored.
        """
        plugin = source_plugin(body.service)
        auth = body.auth.get_secret_value() if body.auth is not None else None
        check_source(plugin, body.config.of_source, auth)
        check_schedule(body.sync_frequency, body.daily_sync_time)
        connection = Connection(
            id=secrets.token_hex(8),
            service=body.service,
            schema=body.config.schema_name,
            config=body.config.of_source,
            setup_state="incomplete",
            # whatever an earlier connection of this name has left in the destination, this one reads from the start
            resync_requested=True,
            **{"group_id": body.group_id, **body.stored()},
        )
        with self._database.session() as session:
            record = _destination(session, body.group_id)
            _hold_free(session, connection)
        destination = connect_destination(record, self._database, self._vault)
        destination.validate_schema_name(connection.schema)
        tests: list[SetupTest] = []
        if auth is not None:
            credentials = UnsavedCredentials(auth)
            if body.run_setup_tests:
                source = connect_source(connection, ConnectionHost(self._database, credentials))
                tests = checks.run_setup_tests(source, destination, must_pass=True)
                connection.setup_state = "connected"
            connection.auth = self._vault.seal(credentials.load())
        elif body.run_setup_tests and body.connect_card_config is None:
            raise InvalidSetting("auth", "is required, unless run_setup_tests is false.")
        try:
            with self._database.session() as session:
                session.add(connection)
                session.flush()
                _note(session, connection, "created", f"Created, from {plugin.title} into schema {connection.schema}.")
                checks.keep(session, connection.id, tests)
        except IntegrityError:  # another process was faster
            with self._database.session() as session:
                _hold_free(session, connection)
            raise
        return connection

    def update(self, name: str, change: ConnectionChange) -> Connection:
        """Change what is given. New config or credentials are tested first, unless the change does without that.

        Raises:
            InvalidSetting, SourceRefused, DestinationRefused: nothing was changed.
        """
        columns = change.stored()
        if not columns and not change.config and change.auth is None:
            raise InvalidSetting("", "Nothing was given that could be changed.")
        before = self.get(name)
        if change.config.get("schema", before.schema) != before.schema:
            raise InvalidSetting("config.schema", "is permanent; create another connection instead.")
        config = {**before.config, **{key: value for key, value in change.config.items() if key != "schema"}}
        auth = change.auth.get_secret_value() if change.auth is not None else None
        check_source(source_plugin(before.service), config, auth)
        frequency = columns.get("sync_frequency", before.sync_frequency)
        check_schedule(frequency, columns.get("daily_sync_time"))
        if frequency != DAILY:
            columns["daily_sync_time"] = None
        tests: list[SetupTest] | None = None
        credentials: Credentials = self._stored_credentials(before) if auth is None else UnsavedCredentials(auth)
        if change.run_setup_tests and (change.config or auth is not None):
            probe = Connection(service=before.service, config=config, group_id=before.group_id)
            tests = self._test(probe, credentials, must_pass=True)
        with self._database.session() as session:
            connection = _find(session, before.id)
            wanted = {**columns, "config": config}
            changed = {column: value for column, value in wanted.items() if getattr(connection, column) != value}
            for column, value in changed.items():
                setattr(connection, column, value)
            if auth is not None:
                connection.auth = self._vault.seal(credentials.load())
            names = sorted({*changed, *(["auth"] if auth is not None else [])})
            _note(session, connection, "updated", f"Changed: {', '.join(names)}.", {"changed": names})
            if tests is not None:
                connection.setup_state = "connected"
                checks.keep(session, connection.id, tests)
        return connection

    def pause(self, name: str) -> Connection:
        """Let the schedule pass it over; a running sync goes on to its end."""
        return self._set_paused(name, paused=True)

    def resume(self, name: str) -> Connection:
        """Sync it by its schedule again."""
        return self._set_paused(name, paused=False)

    def delete(self, name: str) -> Connection:
        """Forget the connection, its credentials and its history; its tables in the destination stay.

        Raises:
            Conflict: it is being synced.
        """
        with self._database.session() as session:
            connection = _find(session, name)
            if status.is_running(_last_sync(session, connection), session.scalars(select(func.now())).one()):
                raise Conflict(f"'{connection.schema}' is being synced. Delete it when the sync has ended.")
            _note(session, connection, "deleted", "Deleted. Its tables in the destination stay.")
            session.flush()
            session.delete(connection)
        return connection

    def test(self, name: str) -> list[SetupTest]:
        """Run the setup tests, keep what they find, and set the connection's setup state by it."""
        before = self.get(name)
        tests = self._test(before, self._stored_credentials(before), must_pass=False)
        with self._database.session() as session:
            connection = _find(session, before.id)
            connection.setup_state = status.setup_state(connection.setup_state, tests)
            _note(session, connection, "tested", f"Setup tests ran: the connection is {connection.setup_state}.")
            checks.keep(session, connection.id, tests)
        return tests

    def request_historical(self, name: str) -> Connection:
        """Let the next sync read everything again, over the data that is there."""
        with self._database.session() as session:
            connection = _find(session, name)
            connection.is_historical_sync = connection.resync_requested = True
            _note(session, connection, "resync_requested", "The next sync reads everything again.")
        return connection

    def _set_paused(self, name: str, *, paused: bool) -> Connection:
        with self._database.session() as session:
            connection = _find(session, name)
            if connection.paused != paused:
                connection.paused = paused
                _note(session, connection, *(("paused", "Paused.") if paused else ("resumed", "Resumed.")))
        return connection

    def _stored_credentials(self, connection: Connection) -> StoredCredentials:
        return StoredCredentials(self._database, self._vault, connection.id)

    def _test(self, connection: Connection, credentials: Credentials, *, must_pass: bool) -> list[SetupTest]:
        if not credentials.load():
            raise InvalidSetting("auth", "There are no credentials yet: give them with `penstock connections update`.")
        with self._database.session() as session:
            record = _destination(session, connection.group_id)
        return checks.run_setup_tests(
            connect_source(connection, ConnectionHost(self._database, credentials)),
            connect_destination(record, self._database, self._vault),
            must_pass=must_pass,
        )


def _find(session: Session, name: str) -> Connection:
    """The connection of this id, else of this name."""
    found = session.scalars(select(Connection).where(or_(Connection.id == name, Connection.schema == name))).all()
    exact = [connection for connection in found if connection.id == name] or found
    if not exact:
        raise NotFound("connection", name, "`penstock connections list` shows them all.")
    if len(exact) > 1:
        ids = ", ".join(connection.id for connection in exact)
        raise Conflict(f"Several groups have a connection '{name}'. Give its id instead: {ids}.")
    return exact[0]


def _destination(session: Session, group_id: str) -> DestinationRecord:
    record = session.get(DestinationRecord, group_id)
    if record is None:
        known = ", ".join(session.scalars(select(Group.id).order_by(Group.id)))
        raise NotFound("group", group_id, f"Known: {known}. It may be left out.")
    return record


def _hold_free(session: Session, connection: Connection) -> None:
    taken = session.scalar(
        select(Connection).where(Connection.group_id == connection.group_id, Connection.schema == connection.schema)
    )
    if taken is not None:
        raise Conflict(
            f"config.schema: The connection '{taken.schema}' ({taken.service}, id {taken.id}) fills that schema already. "
            "Choose another name."
        )


def _last_sync(session: Session, connection: Connection) -> Sync | None:
    return session.scalar(select(Sync).where(Sync.connection_id == connection.id).order_by(Sync.id.desc()).limit(1))


def _note(
    session: Session, connection: Connection, kind: str, message: str, details: Mapping[str, Any] | None = None
) -> None:
    session.add(
        Event(
            connection_id=connection.id,
            connection=connection.schema,
            kind=kind,
            message=message,
            details=dict(details) if details else None,
        )
    )
