from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.connections import service
from engine.connections.body import ConnectionBody, ConnectionChange, parse
from engine.connections.service import Connections
from engine.contract import Conflict, InvalidSetting, NotFound, PenstockError, SourceRefused
from engine.settings import Settings
from engine.state.database import Database
from engine.state.models import Connection, DestinationRecord, Event, Group, SetupTestRecord, Sync
from engine.state.secrets import Vault


def body(token: str | None = "good", **changes: Any) -> ConnectionBody:
    auth = {"access_token": token} if token else None
    return parse(ConnectionBody, {"service": "picky", "config": {"schema": "crm"}, "auth": auth, **changes})


def change(**fields: Any) -> ConnectionChange:
    return parse(ConnectionChange, fields)


def everything(database: Database) -> list[tuple[Any, ...]]:
    """All that is stored about connections."""
    with database.session() as session:
        return [
            tuple(getattr(record, column.name) for column in model.__table__.columns)
            for model in (Connection, SetupTestRecord, Event)
            for record in session.scalars(select(model)).all()
        ]


def events(database: Database) -> list[tuple[str | None, str]]:
    with database.session() as session:
        return [(event.connection, event.kind) for event in session.scalars(select(Event).order_by(Event.id))]


def test_a_new_connection_is_stored_with_what_its_tests_found(connections: Connections, database: Database) -> None:
    created = connections.create(body(config={"schema": "crm", "since": "2024-01-01"}, sync_frequency=60))
    stored = connections.get("crm")
    assert (stored.id, stored.service, stored.schema) == (created.id, "picky", "crm")
    assert (stored.config, stored.sync_frequency, stored.setup_state) == ({"since": "2024-01-01"}, 60, "connected")
    assert stored.is_historical_sync
    assert not stored.paused
    titles = [(test.title, test.status) for test in connections.setup_tests("crm")]
    assert titles[:2] == [("Connecting", "PASSED"), ("Reading deals", "WARNING")]
    assert len(titles) > 2  # the destination's own
    assert events(database) == [("crm", "created")]


def test_credentials_are_sealed(connections: Connections, database: Database, vault: Vault) -> None:
    created = connections.create(body("planted"))
    assert "planted" not in str(everything(database))
    assert created.auth is not None
    assert vault.open(created.auth) == {"access_token": "planted"}


def test_credentials_that_the_tests_renewed_are_the_ones_stored(connections: Connections, vault: Vault) -> None:
    created = connections.create(body("renewed-by-use"))
    assert vault.open(created.auth or "") == {"access_token": "renewed"}


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"service": "nope"}, InvalidSetting, r"^service: Unsupported service 'nope'\. Known: "),
        ({"config": {"schema": "crm", "since": "soon"}}, InvalidSetting, r"^config\.since: "),
        (
            {"config": {"schema": "crm", "colour": 1}},
            InvalidSetting,
            r"^config\.colour: There is no such setting\. Known: since\.$",
        ),
        ({"daily_sync_time": "14:00"}, InvalidSetting, r"^daily_sync_time: counts only when sync_frequency is 1440"),
        ({"config": {"schema": "Crm"}}, InvalidSetting, r"^config\.schema: 'Crm' must start with"),
        ({"config": {"schema": "penstock"}}, InvalidSetting, r"^config\.schema: 'penstock' is reserved"),
        ({"config": {"schema": "x" * 64}}, InvalidSetting, r"^config\.schema: .* has 64 characters"),
        ({"group_id": "nope"}, NotFound, r"^There is no group 'nope'\. Known: default\."),
        ({"auth": {"token": "planted"}}, InvalidSetting, r"^auth\.access_token: is required\.$"),
        ({"auth": None}, InvalidSetting, r"^auth: is required, unless run_setup_tests is false\.$"),
        (
            {"auth": {"access_token": "wrong"}},
            SourceRefused,
            r"^Connecting: The token is not valid\. Make a new one\. Nothing was stored\.$",
        ),
        (
            {"auth": {"access_token": "raises"}},
            SourceRefused,
            r"The token was revoked\. Make a new one\. Nothing was stored\.$",
        ),
        (
            {"auth": {"access_token": "narrow"}},
            SourceRefused,
            r"Grant the scope deals\.read\..*Grant the scope owners\.read\.",
        ),
    ],
)
def test_bad_input_is_told_and_changes_nothing(
    connections: Connections, database: Database, changes: dict[str, Any], error: type[PenstockError], told: str
) -> None:
    before = everything(database)
    with pytest.raises(error, match=told) as refused:
        connections.create(body(**{"auth": {"access_token": "good"}, **changes}))
    assert "planted" not in str(refused.value)
    assert everything(database) == before


def test_a_schema_that_another_connection_fills_is_refused(connections: Connections, database: Database) -> None:
    first = connections.create(body())
    before = everything(database)
    with pytest.raises(
        Conflict, match=rf"^config\.schema: The connection 'crm' \(picky, id {first.id}\) fills that schema"
    ):
        connections.create(body("wrong"))
    assert everything(database) == before


def test_a_race_for_a_schema_has_one_winner(
    connections: Connections, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = connections.create(body())
    looked = iter([lambda *_: None])  # the other one was not there yet when it was looked for

    def look(session: Session, connection: Connection) -> None:
        next(looked, hold_free)(session, connection)

    hold_free = service._hold_free
    monkeypatch.setattr(service, "_hold_free", look)
    with pytest.raises(Conflict, match=first.id):
        connections.create(body())


def test_without_setup_tests_it_is_stored_but_incomplete(connections: Connections) -> None:
    created = connections.create(body("wrong", run_setup_tests=False))
    assert created.setup_state == "incomplete"
    assert connections.setup_tests(created.id) == []


def test_a_connection_for_the_connect_card_needs_no_credentials_yet(connections: Connections) -> None:
    card = {"redirect_uri": "https://example.org"}
    created = connections.create(body(None, connect_card_config=card))
    assert (created.auth, created.setup_state, created.connect_card_config) == (None, "incomplete", card)
    assert [test.status for test in connections.test("crm")] == ["FAILED"]
    assert connections.get("crm").setup_state == "incomplete"


def test_a_bad_setting_of_the_operator_is_told_by_its_variable(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_PICKY_MOOD", "bad")
    with pytest.raises(InvalidSetting, match=r"^PENSTOCK_PICKY_MOOD: must be a whole number\.$"):
        connections.create(body())


def test_names_and_ids_both_find_a_connection(connections: Connections) -> None:
    created = connections.create(body())
    connections.create(body(config={"schema": "other"}))
    assert connections.get("crm").id == connections.get(created.id).id == created.id
    assert [each.schema for each in connections.all()] == ["crm", "other"]
    with pytest.raises(
        NotFound, match=r"^There is no connection 'nope'\. `penstock connections list` shows them all\.$"
    ):
        connections.get("nope")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"sync_frequency": 1440, "daily_sync_time": "03:00"}, {"sync_frequency": 1440, "daily_sync_time": "03:00"}),
        ({"sync_frequency": 5}, {"sync_frequency": 5, "daily_sync_time": None}),  # goes with a daily sync only
        ({"config": {"schema": "crm", "since": "2025-01-01"}}, {"config": {"since": "2025-01-01"}}),
        ({"schedule_type": "manual", "paused": True}, {"schedule_type": "manual", "paused": True}),
    ],
)
def test_a_change_keeps_what_it_does_not_name(
    connections: Connections, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = connections.create(body(sync_frequency=1440, daily_sync_time="14:00"))
    connections.update("crm", change(**fields))
    after = connections.get("crm")
    columns = {column.name for column in Connection.__table__.columns}
    assert {name: getattr(after, name) for name in expected} == expected
    assert all(getattr(after, name) == getattr(before, name) for name in columns - set(expected))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, r"^Nothing was given that could be changed\.$"),
        ({"run_setup_tests": True}, r"^Nothing was given that could be changed\.$"),
        ({"config": {"schema": "other"}}, r"^config\.schema: is permanent"),
        ({"config": {"since": "soon"}}, r"^config\.since: "),
        ({"daily_sync_time": "14:00"}, r"^daily_sync_time: counts only"),
        ({"auth": {"token": "planted"}}, r"^auth\.access_token: is required\.$"),
        ({"auth": {"access_token": "wrong"}, "paused": True}, r"^Connecting: The token is not valid\."),
    ],
)
def test_a_bad_change_is_told_and_changes_nothing(
    connections: Connections, database: Database, fields: dict[str, Any], told: str
) -> None:
    connections.create(body())
    before = everything(database)
    with pytest.raises(PenstockError, match=told):
        connections.update("crm", change(**fields))
    assert everything(database) == before


def test_new_credentials_mend_a_connection(connections: Connections, database: Database, vault: Vault) -> None:
    connections.create(body("wrong", run_setup_tests=False))
    updated = connections.update("crm", change(auth={"access_token": "better"}))
    assert (updated.setup_state, vault.open(updated.auth or "")) == ("connected", {"access_token": "better"})
    assert events(database) == [("crm", "created"), ("crm", "updated")]


@pytest.mark.parametrize(
    "meanwhile",
    [{"sync_frequency": 1440, "daily_sync_time": "14:00"}, {"config": {"since": "2024-01-01"}}, {"paused": True}],
)
def test_what_somebody_else_changes_while_a_change_is_tested_stays(
    connections: Connections, monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any]
) -> None:
    connections.create(body())
    run = service.checks.run_setup_tests

    def run_while_somebody_changes_it(*ends: Any, **options: Any) -> Any:
        connections.update("crm", change(**meanwhile, run_setup_tests=False))
        return run(*ends, **options)

    monkeypatch.setattr(service.checks, "run_setup_tests", run_while_somebody_changes_it)
    updated = connections.update("crm", change(auth={"access_token": "better"}, data_delay_threshold=7))
    assert updated.data_delay_threshold == 7
    assert {name: getattr(updated, name) for name in meanwhile} == meanwhile


def test_what_is_deleted_while_a_change_is_tested_stays_deleted(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.create(body())

    def run_while_somebody_deletes_it(*_ends: Any, **_options: Any) -> Any:
        connections.delete("crm")
        return []

    monkeypatch.setattr(service.checks, "run_setup_tests", run_while_somebody_deletes_it)
    with pytest.raises(NotFound):
        connections.update("crm", change(auth={"access_token": "better"}))
    assert connections.all() == []


def test_pausing_and_resuming_leave_one_event_each(connections: Connections, database: Database) -> None:
    connections.create(body())
    assert connections.pause("crm").paused
    assert connections.pause("crm").paused
    assert not connections.resume("crm").paused
    assert [kind for _, kind in events(database)] == ["created", "paused", "resumed"]


def test_testing_keeps_the_findings_and_sets_the_state(
    connections: Connections, vault: Vault, database: Database
) -> None:
    created = connections.create(body())
    with database.session() as session:
        session.get_one(Connection, created.id).auth = vault.seal({"access_token": "narrow"})
    tests = connections.test("crm")
    assert [test.status for test in tests][:3] == ["PASSED", "FAILED", "FAILED"]
    assert connections.setup_tests("crm") == tests
    assert connections.get("crm").setup_state == "broken"
    with database.session() as session:
        session.get_one(Connection, created.id).auth = vault.seal({"access_token": "renewed-by-use"})
    connections.test("crm")
    assert connections.get("crm").setup_state == "connected"
    assert vault.open(connections.get("crm").auth or "") == {"access_token": "renewed"}


def test_asking_for_everything_again(connections: Connections, database: Database) -> None:
    created = connections.create(body())
    with database.session() as session:
        session.get_one(Connection, created.id).is_historical_sync = False
    connections.request_historical("crm")
    stored = connections.get("crm")
    assert stored.is_historical_sync
    assert stored.resync_requested
    assert ("crm", "resync_requested") in events(database)


def test_a_deleted_connection_leaves_its_events_and_its_name(connections: Connections, database: Database) -> None:
    created = connections.create(body())
    with database.session() as session:
        session.add(Sync(connection_id=created.id, trigger="manual", historical=True, outcome="succeeded"))
    connections.delete("crm")
    assert connections.all() == []
    assert events(database) == [("crm", "created"), ("crm", "deleted")]
    assert connections.create(body()).id != created.id


def test_a_connection_that_is_being_synced_is_not_deleted(connections: Connections, database: Database) -> None:
    created = connections.create(body())
    with database.session() as session:
        session.add(Sync(connection_id=created.id, trigger="manual", historical=True))
    with pytest.raises(Conflict, match="is being synced"):
        connections.delete("crm")
    with database.session() as session:  # its process died: nobody will ever end it
        session.scalars(select(Sync)).one().heartbeat_at = datetime(2020, 1, 1, tzinfo=UTC)
    connections.delete("crm")


def test_a_schema_of_one_place_is_filled_by_one_connection(connections: Connections, database: Database) -> None:
    first = connections.create(body())
    with database.session() as session:
        session.add(Group(id="other", name="Other"))
        session.flush()
        session.add(DestinationRecord(group_id="other", service="postgres_warehouse", time_zone_offset="0"))
    with pytest.raises(Conflict, match=rf"^config\.schema: The connection {first.id} of the group 'default' fills"):
        connections.create(body(group_id="other"))
    assert connections.create(body(group_id="other", config={"schema": "crm_other"})).group_id == "other"


def test_a_lost_key_is_made_up_for_by_new_credentials(
    connections: Connections, database: Database, tmp_path: Path
) -> None:
    connections.create(body())
    other = Vault(Settings(home=tmp_path / "other"))
    anew = Connections(database, other)
    with pytest.raises(InvalidSetting, match="This key does not open"):
        anew.test("crm")
    assert other.open(anew.update("crm", change(auth={"access_token": "better"})).auth or "") == {
        "access_token": "better"
    }
