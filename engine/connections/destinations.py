"""Destinations: the database that a group's connections load to. One a group, and it goes by the group's id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Secret, SecretStr, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from engine.connections import status
from engine.connections.checks import results
from engine.connections.destination_body import KEPT, DestinationBody, DestinationChange
from engine.connections.ends import connect_destination
from engine.connections.store import forget_approvals
from engine.contract import Conflict, InvalidSetting, NotFound, SetupTest
from engine.invalid import invalid_setting
from engine.plugins import destination_plugin
from engine.settings import MASK
from engine.state.database import Database
from engine.state.models import Connection, DestinationRecord, Group
from engine.state.secrets import Vault


class Destinations:
    """The destinations in a state database. Methods that take an id raise `NotFound` when there is no such one."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

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
        )
        tests = self._tests(record) if body.run_setup_tests else []
        try:
            with self._database.session() as session:
                session.add(record)
        except IntegrityError:
            raise Conflict(f"group_id: The group '{body.group_id}' has a destination already. Change that.") from None
        return record, tests

    def update(self, group_id: str, change: DestinationChange) -> tuple[DestinationRecord, list[SetupTest]]:
        """Change what is given; a new config is tested, and stored also if a test fails.

        Raises:
            InvalidSetting: nothing was changed.
        """
        if not change.model_fields_set - {"run_setup_tests", "trust_certificates", "trust_fingerprints"}:
            raise InvalidSetting("", "Nothing was given that could be changed.")
        record = self.get(group_id)
        given = change.config.get_secret_value()
        if given:
            record.config = self._sealed(record.service, _merged(self._opened(record), given))
        if change.time_zone_offset is not None:
            record.time_zone_offset = change.time_zone_offset
        record.kept = {**record.kept, **change.kept()}
        tests = self._tests(record) if change.run_setup_tests and given else []
        with self._database.session() as session:
            session.merge(record)
        return record, tests

    def test(self, group_id: str) -> tuple[DestinationRecord, list[SetupTest]]:
        """Run the setup tests, and set the setup status by them."""
        record = self.get(group_id)
        tests = self._tests(record)
        with self._database.session() as session:
            session.get_one(DestinationRecord, group_id).setup_status = record.setup_status
        return record, tests

    def delete(self, group_id: str) -> None:
        """Forget the destination; the database itself is not touched.

        Raises:
            Conflict: connections load to it.
        """
        self.get(group_id)
        with self._database.session() as session:
            name = session.scalar(select(Connection.schema).where(Connection.group_id == group_id).limit(1))
            if name is not None:
                raise Conflict(f"Connections load to '{group_id}' ('{name}'). Delete those first.")
            forget_approvals(session, "destination", group_id)
            session.delete(session.get_one(DestinationRecord, group_id))

    def document(self, record: DestinationRecord) -> dict[str, Any]:
        """A destination as the REST interface shows it, its secrets masked."""
        return {
            "id": record.group_id,
            "group_id": record.group_id,
            "service": record.service,
            "time_zone_offset": record.time_zone_offset,
            "setup_status": record.setup_status.upper(),
            **KEPT,
            **record.kept,
            "config": self._shown(record),
        }

    def _tests(self, record: DestinationRecord) -> list[SetupTest]:
        tests = results(connect_destination(record, self._database, self._vault))
        record.setup_status = status.setup_state(record.setup_status, tests)
        return tests

    def _opened(self, record: DestinationRecord) -> dict[str, Any]:
        return {} if record.config is None else self._vault.open(record.config)

    def _sealed(self, service: str, config: Mapping[str, Any]) -> str:
        try:
            destination_plugin(service).config.model_validate(dict(config))
        except ValidationError as error:
            known = list(destination_plugin(service).config.model_fields)
            raise invalid_setting(error, prefix="config", known=known) from None
        return self._vault.seal(config)

    def _shown(self, record: DestinationRecord) -> dict[str, Any]:
        if record.config is None:
            return self._database.described
        model: BaseModel = destination_plugin(record.service).config.model_validate(self._opened(record))
        return {
            name: MASK if isinstance(value, Secret | SecretStr) else value
            for name, value in model
            if name in model.model_fields_set
        }


def _merged(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored with what is given over it: null takes a setting away, a mask given back changes nothing."""
    merged = {**stored, **{name: value for name, value in given.items() if value != MASK}}
    return {name: value for name, value in merged.items() if value is not None}
