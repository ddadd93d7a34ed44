"""Destinations: the database that a group's connections load to. One a group, and it goes by the group's id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Secret, SecretStr, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from engine.connections import status
from engine.connections.approvals import Approvals, Subject
from engine.connections.blocks import Trusting, trusted_kinds
from engine.connections.body import NOT_STORED
from engine.connections.checks import results
from engine.connections.destination_body import KEPT, NETWORKING, DestinationBody, DestinationChange
from engine.connections.endpoints import check_networking
from engine.connections.ends import connect_destination, trust_in
from engine.connections.merging import merged
from engine.connections.ssh_keys import public_key_of
from engine.connections.store import forget_approvals, hold
from engine.contract import Conflict, InvalidSetting, NotFound, SetupTest
from engine.invalid import invalid_setting
from engine.network.trust import Trust
from engine.plugins import destination_plugin
from engine.queue import jobs
from engine.settings import MASK
from engine.state.database import Database
from engine.state.models import Connection, DestinationRecord, Group
from engine.state.secrets import Vault

PUBLIC_KEY = "public_key"
"""In answers the config of a destination behind a tunnel has the key that the SSH server has to let in."""


class Destinations:
    """The destinations in a state database. Methods that take an id raise `NotFound` when there is no such one."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._approvals = Approvals(database)

    def page(self, *, after: str = "", limit: int = 100) -> Sequence[DestinationRecord]:
        """At most so many destinations whose id comes after the given one, in the order of ids."""
        query = select(DestinationRecord).where(DestinationRecord.group_id > after)
        with self._database.session() as session:
            return session.scalars(query.order_by(DestinationRecord.group_id).limit(limit)).all()

    def get(self, group_id: str) -> DestinationRecord:
        """A group's destination."""
        with self._database.session() as session:
            found = session.get(DestinationRecord, group_id)
        if found is None:
            raise NotFound("destination", group_id)
        return found

    def create(self, body: DestinationBody) -> tuple[DestinationRecord, list[SetupTest]]:
        """Give a group its destination, and run the setup tests; it is stored also if one fails.

        Raises:
            InvalidSetting, NotFound, Conflict: nothing was stored.
        """
        with self._database.session() as session:
            if session.get(Group, body.group_id) is None:
                raise NotFound("group", body.group_id)
        record = DestinationRecord(
            group_id=body.group_id,
            service=body.service,
            time_zone_offset=body.time_zone_offset,
            config=self._sealed(body.service, body.config.get_secret_value()),
            kept=dict(body.kept()),
            setup_status="incomplete",
            **{"networking_method": "Directly", **body.networking()},
        )
        trust = self._trust(record, body)
        tests = self._tests(record, trust) if body.run_setup_tests else []
        try:
            with self._database.session() as session:
                session.add(record)
        except IntegrityError:
            raise Conflict(f"group_id: The group '{body.group_id}' has a destination already. Change that.") from None
        self._keep(record, trust)
        return record, tests

    def update(self, group_id: str, change: DestinationChange) -> tuple[DestinationRecord, list[SetupTest]]:
        """Change what is given; a new config is tested, and stored also if a test fails.

        Raises:
            InvalidSetting: nothing was changed.
        """
        if not change.model_fields_set - NOT_STORED:
            raise InvalidSetting("", "Nothing was given that could be changed.")
        tested = self.get(group_id)
        self._apply(change, tested)
        trust = self._trust(tested, change)
        is_moved = bool(change.config.get_secret_value() or change.networking())
        tests = self._tests(tested, trust) if change.run_setup_tests and is_moved else []
        with self._database.session() as session:
            record = hold(
                session, DestinationRecord, group_id, NotFound("destination", group_id)
            )  # somebody else may have changed it while the tests ran
            self._apply(change, record)
            record.setup_status = tested.setup_status
        self._keep(record, trust)
        jobs.settle(self._database)
        return record, tests

    def test(self, group_id: str, body: Trusting) -> tuple[DestinationRecord, list[SetupTest]]:
        """Run the setup tests, and set the setup status by them."""
        tested = self.get(group_id)
        trust = self._trust(tested, body)
        tests = self._tests(tested, trust, changed=False)
        with self._database.session() as session:
            record = hold(session, DestinationRecord, group_id, NotFound("destination", group_id))
            record.setup_status = tested.setup_status
        self._keep(record, trust)
        return record, tests

    def delete(self, group_id: str) -> None:
        """Forget the destination; the database itself is not touched.

        Raises:
            Conflict: connections load to it.
        """
        with self._database.session() as session:
            record = hold(session, DestinationRecord, group_id, NotFound("destination", group_id))
            name = session.scalar(select(Connection.schema).where(Connection.group_id == group_id).limit(1))
            if name is not None:
                raise Conflict(f"Connections load to '{group_id}' ('{name}'). Delete those first.")
            forget_approvals(session, "destination", group_id)
            session.delete(record)

    def document(self, record: DestinationRecord) -> dict[str, Any]:
        """A destination as the REST interface shows it, its secrets masked.

        Numbers of the config are text: clients are made for that, although they send numbers.
        """
        config = self._shown(record)
        return {
            "id": record.group_id,
            "group_id": record.group_id,
            "service": record.service,
            "time_zone_offset": record.time_zone_offset,
            "setup_status": record.setup_status.upper(),
            **{column: getattr(record, column) for column in NETWORKING},
            **KEPT,
            **record.kept,
            "config": {name: str(value) if type(value) is int else value for name, value in config.items()},
        }

    def _apply(self, change: DestinationChange, record: DestinationRecord) -> None:
        given = change.config.get_secret_value()
        if given:
            record.config = self._sealed(record.service, merged(self._opened(record), given))
        if change.time_zone_offset is not None:
            record.time_zone_offset = change.time_zone_offset
        record.kept = {**record.kept, **change.kept()}
        for column, value in change.networking().items():
            setattr(record, column, value)

    def _tests(self, record: DestinationRecord, trust: Trust, *, changed: bool = True) -> list[SetupTest]:
        tests = results(connect_destination(record, self._database, self._vault, trust=trust))
        record.setup_status = status.setup_state(record.setup_status, tests, changed=changed)
        return tests

    def _trust(self, record: DestinationRecord, body: Trusting) -> Trust:
        """What is trusted on the way there. Raises InvalidSetting where the way itself is not set up."""
        with self._database.session() as session:
            check_networking(
                session,
                record.networking_method,
                proxy_agent_id=record.proxy_agent_id,
                private_link_id=record.private_link_id,
            )
            trust = trust_in(session, record)
        trust.kinds = trusted_kinds(body)
        return trust

    def _keep(self, record: DestinationRecord, trust: Trust) -> None:
        self._approvals.keep(Subject("destination", record.group_id), trust.met, by=None)

    def _opened(self, record: DestinationRecord) -> dict[str, Any]:
        return {} if record.config is None else self._vault.open(record.config)

    def _sealed(self, service: str, config: Mapping[str, Any]) -> str:
        config = {name: value for name, value in config.items() if name != PUBLIC_KEY}
        try:
            destination_plugin(service).config.model_validate(config)
        except ValidationError as error:
            known = list(destination_plugin(service).config.model_fields)
            raise invalid_setting(error, prefix="config", known=known) from None
        return self._vault.seal(config)

    def _shown(self, record: DestinationRecord) -> dict[str, Any]:
        if record.config is None:
            return self._database.described
        model: BaseModel = destination_plugin(record.service).config.model_validate(self._opened(record))
        shown = {
            name: MASK if isinstance(value, Secret | SecretStr) else value
            for name, value in model
            if name in model.model_fields_set
        }
        if "SshTunnel" in (record.networking_method, shown.get("connection_type")):
            shown[PUBLIC_KEY] = public_key_of(self._database, self._vault, record.group_id)
        return shown
