"""What can be done to connections. Each action is one transaction that leaves an event behind."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine.connections import checks, status
from engine.connections.approvals import Approvals, Subject
from engine.connections.blocks import trusted_kinds
from engine.connections.body import (
    NOT_STORED,
    ConnectionBody,
    ConnectionChange,
    changed_auth,
    check_auth,
    check_schedule,
    checked_config,
)
from engine.connections.destination_body import NETWORKING
from engine.connections.endpoints import check_networking
from engine.connections.ends import connect_destination, connect_source, host_of, trust_in
from engine.connections.grants import check_app, is_granted
from engine.connections.host import Credentials, StoredCredentials, UnsavedCredentials
from engine.connections.outbox import announce_setup
from engine.connections.store import (
    NAMED,
    PAGE,
    Look,
    destination_of,
    find,
    forget_approvals,
    hold_connection,
    last_sync,
    looks,
    note,
    note_pause,
    sole,
)
from engine.contract import Conflict, InvalidSetting, NotFound, SetupTest, SourcePlugin
from engine.network.trust import Kind
from engine.plugins import source_plugin
from engine.queue import jobs
from engine.state.database import Database
from engine.state.models import DAILY, Connection, DestinationRecord, Group, Sync
from engine.state.secrets import Vault


class Connections:
    """The connections in a state database. A connection goes by its name, which is its schema, or by its id.

    What is returned is a copy: changing it changes nothing. Methods that take a name raise `NotFound` when there is no
    such connection, and `Conflict` when several groups have one.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._approvals = Approvals(database)

    def all(self) -> Sequence[Connection]:
        """Every connection, by name."""
        with self._database.session() as session:
            return session.scalars(select(Connection).order_by(Connection.schema, Connection.id)).all()

    def get(self, name: str) -> Connection:
        """The connection of this name or id."""
        with self._database.session() as session:
            return find(session, name)

    def look(self, name: str) -> Look:
        """The connection of this name or id, with what its status is told by."""
        with self._database.autocommit() as reading:
            found = {look.connection.id: look for look in looks(reading, NAMED, {"name": name})}
        return found[sole(name, [look.connection for look in found.values()]).id]

    def page(
        self, *, group_id: str | None = None, schema: str | None = None, after: str = "", limit: int = 100
    ) -> list[Look]:
        """At most so many connections whose id comes after the given one, in the order of ids.

        Raises:
            NotFound: there is no such group.
        """
        query = PAGE
        if schema is not None:
            query = query.where(Connection.schema == schema)
        with self._database.autocommit() as reading:
            if group_id is not None:
                if reading.scalar(select(Group.id).where(Group.id == group_id)) is None:
                    raise NotFound("group", group_id)
                query = query.where(Connection.group_id == group_id)
            return looks(reading, query, {"after": after, "most": limit})

    def last_sync(self, connection: Connection) -> Sync | None:
        """The connection's latest sync."""
        with self._database.session() as session:
            return last_sync(session, connection)

    def setup_tests(self, name: str) -> list[SetupTest]:
        """What the last round of setup tests found."""
        with self._database.session() as session:
            return checks.kept(session, find(session, name).id)

    def create(self, body: ConnectionBody, *, must_pass: bool = True, by: str | None = None) -> Connection:
        """Store a new connection, after its setup tests have passed unless the body does without them.

        Without `must_pass` it is stored also when they fail, or cannot run for want of credentials: as incomplete.
        `by` is who asks.

        Raises:
            InvalidSetting, Conflict, NotFound, SourceRefused, DestinationRefused: nothing was stored.
        """
        plugin = source_plugin(body.service)
        auth = body.auth.get_secret_value() if body.auth is not None else None
        config = checked_config(plugin, body.config.of_source)
        if auth is not None:
            check_auth(plugin, auth)
        if body.connect_card_config is not None:
            check_app(plugin, auth)
        check_schedule(body.sync_frequency, body.daily_sync_time)
        connection = Connection(
            id=secrets.token_hex(8),
            service=body.service,
            schema=body.config.schema_name,
            config=config,
            setup_state="incomplete",
            # whatever an earlier connection of this name has left in the destination, this one reads from the start
            resync_requested=True,
            connected_by=by,
            **{"group_id": body.group_id, **body.stored()},
        )
        with self._database.session() as session:
            record = destination_of(session, body.group_id)
            _hold_free(session, connection)
            _check_networking(session, connection, record)
            trust = trust_in(session, record)
        trust.kinds = trusted_kinds(body)
        destination = connect_destination(record, self._database, self._vault, connection=connection, trust=trust)
        destination.validate_schema_name(connection.schema)
        self._hold_apart(connection, destination.place)
        tests: list[SetupTest] = []
        if auth is not None:
            credentials = UnsavedCredentials(auth)
            if body.run_setup_tests and (body.connect_card_config is None or is_granted(plugin, auth)):
                host = host_of(connection, self._database, self._vault, credentials=credentials)
                tests = checks.run_setup_tests(connect_source(connection, host), destination, must_pass=must_pass)
                tests += self._agent_tests(connection, record)
                connection.setup_state = status.setup_state("incomplete", tests)
            connection.auth = self._vault.seal(credentials.load())
        elif body.run_setup_tests and body.connect_card_config is None:
            if must_pass:
                raise InvalidSetting("auth", "is required, unless run_setup_tests is false.")
            tests = [checks.NO_CREDENTIALS]
        try:
            with self._database.session() as session:
                session.add(connection)
                session.flush()
                note(session, connection, "created", f"Created, from {plugin.title} into schema {connection.schema}.")
                checks.keep(session, connection.id, tests)
                if tests:
                    announce_setup(session, connection)
        except IntegrityError:  # another process was faster
            with self._database.session() as session:
                _hold_free(session, connection)
            raise
        self._approvals.keep(Subject("connection", connection.id), trust.met, by=by)
        return connection

    def update(self, name: str, change: ConnectionChange, *, must_pass: bool = True) -> Connection:
        """Change what is given. New config or credentials are tested first, unless the change does without that.

        Without `must_pass` the change is stored also when the tests fail.

        Raises:
            InvalidSetting, SourceRefused, DestinationRefused: nothing was changed.
        """
        columns = change.stored()
        if not change.model_fields_set - NOT_STORED:
            raise InvalidSetting("", "Nothing was given that could be changed.")
        before = self.get(name)
        if change.config.get("schema", before.schema) != before.schema:
            raise InvalidSetting("config.schema", "is permanent; create another connection instead.")
        plugin = source_plugin(before.service)
        config = _changed_config(plugin, before, change)
        credentials = self._changed_credentials(plugin, before, change)
        check_schedule(columns.get("sync_frequency", before.sync_frequency), columns.get("daily_sync_time"))
        networking = {field: columns.get(field, getattr(before, field)) for field in NETWORKING}
        wanted = Connection(id=before.id, service=before.service, config=config, group_id=before.group_id, **networking)
        with self._database.session() as session:
            _check_networking(session, wanted, destination_of(session, before.group_id))
        is_moved = any(value != getattr(before, field) for field, value in networking.items())
        asked = "run_setup_tests" in change.model_fields_set
        tests: list[SetupTest] | None = None
        if change.run_setup_tests and (change.config or change.auth is not None or is_moved or asked):
            tests = self._test(wanted, credentials, must_pass=must_pass, trusted=trusted_kinds(change))
        if change.auth is not None:
            columns["auth"] = self._vault.seal(credentials.load())
        with self._database.session() as session:
            connection = hold_connection(session, before.id)
            # somebody else may have changed it while the tests ran
            columns["config"] = _changed_config(plugin, connection, change)
            if columns.get("sync_frequency", connection.sync_frequency) != DAILY:
                columns["daily_sync_time"] = None
            _change(session, connection, columns)
            if change.is_historical_sync is not None:
                _request_historical(session, connection, wanted=change.is_historical_sync)
            if tests is not None:
                connection.setup_state = status.setup_state(connection.setup_state, tests)
                checks.keep(session, connection.id, tests)
                announce_setup(session, connection)
        jobs.settle(self._database)
        if before.paused and not connection.paused:
            self._begin_what_waited(connection)
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
            connection = find(session, name, held=True)
            if status.is_running(last_sync(session, connection), session.scalars(select(func.now())).one()):
                raise Conflict(
                    f"'{connection.schema}' is being synced, and its sync has not stopped yet. Try again in a minute."
                )
            note(session, connection, "deleted", "Deleted. Its tables in the destination stay.")
            session.flush()
            forget_approvals(session, "connection", connection.id)
            session.delete(connection)
        return connection

    def test(
        self, name: str, tell: checks.Tell = checks.keep_quiet, *, trusted: frozenset[Kind] = frozenset()
    ) -> list[SetupTest]:
        """Run the setup tests, keep what they find, and set the connection's setup state by it.

        What they come across of the `trusted` kinds is approved.
        """
        before = self.get(name)
        tests = self._test(before, self._stored_credentials(before), must_pass=False, tell=tell, trusted=trusted)
        with self._database.session() as session:
            connection = hold_connection(session, before.id)
            connection.setup_state = status.setup_state(connection.setup_state, tests, changed=False)
            note(session, connection, "tested", f"Setup tests ran: the connection is {connection.setup_state}.")
            checks.keep(session, connection.id, tests)
            announce_setup(session, connection)
        return tests

    def request_historical(self, name: str) -> Connection:
        """Let the next sync read everything again, over the data that is there."""
        with self._database.session() as session:
            connection = find(session, name, held=True)
            _request_historical(session, connection, wanted=True)
        return connection

    def request_reconciliation(self, name: str) -> Connection:
        """Let the next sync look for what the source changed without a word."""
        with self._database.session() as session:
            connection = find(session, name, held=True)
            connection.reconcile_requested_at = func.now()
            note(session, connection, "reconcile_requested", "The next sync reconciles both sides.")
        return connection

    def _set_paused(self, name: str, *, paused: bool) -> Connection:
        with self._database.session() as session:
            connection = find(session, name, held=True)
            if connection.paused != paused:
                connection.paused = paused
                note_pause(session, connection)
        if not paused:
            self._begin_what_waited(connection)
        return connection

    def _begin_what_waited(self, connection: Connection) -> None:
        """Begin the re-sync that was asked for while a connection was paused, if there is one."""
        waits = connection.resync_streams or (connection.resync_requested and connection.succeeded_at is not None)
        if waits and connection.auth is not None:
            jobs.enqueue(self._database, connection.id, "resync")

    def _changed_credentials(
        self, plugin: SourcePlugin, connection: Connection, change: ConnectionChange
    ) -> Credentials:
        credentials: Credentials = self._stored_credentials(connection)
        if change.auth is not None:
            auth = changed_auth(plugin, _openable(credentials), change.auth.get_secret_value())
            credentials = UnsavedCredentials(auth)
        if change.connect_card_config is not None:
            check_app(plugin, credentials.load())
        return credentials

    def _hold_apart(self, connection: Connection, place: str) -> None:
        """Hold that no connection of another group fills the same tables."""
        with self._database.session() as session:
            others = session.scalars(
                select(Connection).where(
                    Connection.schema == connection.schema, Connection.group_id != connection.group_id
                )
            ).all()
            records = [(other, destination_of(session, other.group_id)) for other in others]
        for other, record in records:
            if connect_destination(record, self._database, self._vault, connection=other).place == place:
                raise Conflict(
                    f"config.schema: The connection {other.id} of the group '{other.group_id}' fills that schema at "
                    f"{place} already. Choose another name."
                )

    def _stored_credentials(self, connection: Connection) -> StoredCredentials:
        return StoredCredentials(self._database, self._vault, connection.id)

    def _test(
        self,
        connection: Connection,
        credentials: Credentials,
        *,
        must_pass: bool,
        tell: checks.Tell = checks.keep_quiet,
        trusted: frozenset[Kind] = frozenset(),
    ) -> list[SetupTest]:
        if not credentials.load():
            if must_pass:
                raise InvalidSetting("auth", checks.NO_CREDENTIALS.message)
            return [checks.NO_CREDENTIALS]
        with self._database.session() as session:
            record = destination_of(session, connection.group_id)
            trust = trust_in(session, record, connection)
        trust.kinds = trusted
        host = host_of(connection, self._database, self._vault, credentials=credentials)
        tests = checks.run_setup_tests(
            connect_source(connection, host),
            connect_destination(record, self._database, self._vault, connection=connection, trust=trust),
            must_pass=must_pass,
            tell=tell,
        )
        self._approvals.keep(Subject("connection", connection.id), trust.met, by=None)
        return tests + self._agent_tests(connection, record)

    def _agent_tests(self, connection: Connection, record: DestinationRecord) -> list[SetupTest]:
        """Whether somebody is there to sync a connection that only some workers may."""
        agent = connection.hybrid_deployment_agent_id or record.hybrid_deployment_agent_id
        return [] if agent is None else [checks.agent_test(agent, alive=jobs.worker_is_alive(self._database, agent))]


def _openable(stored: Credentials) -> Mapping[str, Any]:
    """Credentials that are stored; none where the key that opens them is lost: new ones take their place."""
    try:
        return stored.load()
    except InvalidSetting:
        return {}


def _changed_config(plugin: SourcePlugin, connection: Connection, change: ConnectionChange) -> dict[str, Any]:
    given = {name: value for name, value in change.config.items() if name != "schema"}
    return checked_config(plugin, {**connection.config, **given}) if given else connection.config


def _check_networking(session: Session, connection: Connection, record: DestinationRecord) -> None:
    check_networking(
        session,
        connection.networking_method,
        proxy_agent_id=connection.proxy_agent_id,
        private_link_id=connection.private_link_id or record.private_link_id,
    )


def _change(session: Session, connection: Connection, columns: dict[str, Any]) -> None:
    wanted = {**columns, "kept": {**connection.kept, **columns.get("kept", {})}}
    changed = {column: value for column, value in wanted.items() if getattr(connection, column) != value}
    for column, value in changed.items():
        setattr(connection, column, value)
    if "paused" in changed:
        note_pause(session, connection)
    names = sorted(changed.keys() - {"paused"})
    if names or not changed:
        note(session, connection, "updated", f"Changed: {', '.join(names) or 'nothing'}.", {"changed": names})


def _request_historical(session: Session, connection: Connection, *, wanted: bool) -> None:
    if wanted:
        connection.is_historical_sync = connection.resync_requested = True
        note(session, connection, "resync_requested", "The next sync reads everything again.")
    elif connection.resync_requested and connection.succeeded_at is not None:
        connection.is_historical_sync = connection.resync_requested = False
        note(session, connection, "resync_withdrawn", "The next sync reads what changed only.")


def _hold_free(session: Session, connection: Connection) -> None:
    taken = session.scalar(
        select(Connection).where(Connection.group_id == connection.group_id, Connection.schema == connection.schema)
    )
    if taken is not None:
        raise Conflict(
            f"config.schema: The connection '{taken.schema}' ({taken.service}, id {taken.id}) fills that schema already. "
            "Choose another name."
        )
