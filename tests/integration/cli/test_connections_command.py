from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.state.upgrade import known_versions

Run = Callable[..., Any]
CREATE = ("connections", "create", "--service", "picky", "--schema", "crm")


def test_create_tells_the_name_the_tests_and_what_to_do_next(penstock: Run) -> None:
    ended = penstock(*CREATE, "--config", "since=2024-01-01")
    lines = ended.out.splitlines()
    assert ended.code == 0
    assert lines[0].startswith("Created 'crm' (picky), id ")
    assert lines[1].split()[:2] == ["PASSED", "Connecting"]
    assert lines[2].split()[0] == "WARNING"
    assert lines[-1] == "Next: penstock sync crm"
    shown = json.loads(penstock("connections", "show", "crm", "--json").out)
    assert shown["config"] == {"schema": "crm", "since": "2024-01-01"}


def test_create_takes_the_rest_body_from_a_file(penstock: Run, tmp_path: Path) -> None:
    body = {
        "service": "picky",
        "sync_frequency": 1440,
        "daily_sync_time": "14:00",
        "config": {"schema": "crm"},
        "auth": {"access_token": "planted"},
    }
    (tmp_path / "body.json").write_text(json.dumps(body))
    ended = penstock("connections", "create", "--file", "body.json", "--json")
    created = json.loads(ended.out)
    assert ended.code == 0
    assert (created["schema"], created["sync_frequency"], created["daily_sync_time"]) == ("crm", 1440, "14:00")
    assert created["setup_tests"][0] == {
        "title": "Connecting",
        "status": "PASSED",
        "message": "Account 1",
        "details": None,
    }
    assert "planted" not in ended.out + ended.err


def test_create_reads_the_body_from_standard_input(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"service": "picky", "config": {"schema": "crm"}, "auth": {"access_token": "good"}}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(body)))
    assert penstock("connections", "create", "--file", "-").code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--service", "nope"), "service: Unsupported service 'nope'. Known: "),
        (("--config", "since=2023-02-30"), "config.since: "),
        (("--config", "colour=red"), "config.colour: There is no such setting. Known: since."),
        (("--sync-frequency", "7"), "sync_frequency: must be one of 1, 5, 15, "),
        (("--sync-frequency", "1440", "--daily-sync-time", "14:30"), "daily_sync_time: must be a full hour"),
        (("--daily-sync-time", "14:00"), "daily_sync_time: counts only when sync_frequency is 1440"),
        (("--schema", "No Good"), "config.schema: 'No Good' must start with a letter"),
        (("--schema", "pg_x"), "config.schema: 'pg_x' is reserved"),
        (("--schema", "taken"), "config.schema: The connection 'taken' (picky, id "),
        (("--group", "nope"), "There is no group 'nope'. Known: default."),
        (("--file", "nope.json"), "--file: nope.json cannot be read (No such file or directory)."),
    ],
)
def test_bad_input_is_one_sentence_code_2_and_changes_nothing(
    penstock: Run, stored: Run, arguments: tuple[str, ...], told: str
) -> None:
    assert penstock(*CREATE, "--schema", "taken").code == 0
    before = stored()
    ended = penstock(*CREATE, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"penstock: {told}")
    assert len(ended.err.splitlines()) == 1
    assert stored() == before


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("wrong", "Connecting: The token is not valid. Make a new one. Nothing was stored."),
        ("narrow", "Reading deals: Grant the scope deals.read. Reading owners: Grant the scope owners.read."),
    ],
)
def test_credentials_that_do_not_do_are_told_and_nothing_is_stored(
    penstock: Run, stored: Run, monkeypatch: pytest.MonkeyPatch, token: str, told: str
) -> None:
    monkeypatch.setenv("PENSTOCK_ACCESS_TOKEN", token)
    ended = penstock(*CREATE)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"penstock: {told}")
    assert stored() == []


def test_without_credentials_and_without_anybody_to_ask_it_tells(
    penstock: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PENSTOCK_ACCESS_TOKEN")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    ended = penstock(*CREATE)
    assert (ended.code, ended.err) == (2, "penstock: auth: is required, unless run_setup_tests is false.\n")


def test_an_unreachable_database_is_told_without_its_password(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", "postgresql://u:planted@127.0.0.1:1/d")
    for command in (CREATE, ("connections", "list"), ("status",), ("db", "upgrade"), ("sync", "crm")):
        ended = penstock(*command)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("penstock: The state database at 127.0.0.1:1 cannot be used: Connection refused.")
        assert "planted" not in ended.err


@pytest.mark.parametrize(
    "command",
    [
        ("connections", "show"),
        ("connections", "test"),
        ("connections", "pause"),
        ("connections", "resume"),
        ("connections", "delete", "--yes"),
        ("connections", "update", "--schedule-type", "manual"),
        ("history",),
        ("sync",),
    ],
)
def test_an_unknown_name_is_told(penstock: Run, command: tuple[str, ...]) -> None:
    ended = penstock(*command, "nope")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "penstock: There is no connection 'nope'. `penstock connections list` shows them all.\n"


def test_the_life_of_a_connection(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "There are no connections yet" in penstock("connections", "list").out
    assert json.loads(penstock("connections", "list", "--json").out) == []
    penstock(*CREATE)
    assert penstock("connections", "pause", "crm").out == "Paused 'crm'.\n"
    assert json.loads(penstock("status", "--json").out)[0]["sync_state"] == "paused"
    assert penstock("connections", "resume", "crm").out == "Resumed 'crm'.\n"
    changed = penstock("connections", "update", "crm", "--sync-frequency", "60", "--json")
    assert json.loads(changed.out)["sync_frequency"] == 60
    assert penstock("connections", "list").out.splitlines()[1].split()[:4] == ["crm", "picky", "connected", "scheduled"]
    assert "crm" in penstock("status").out
    assert "'crm' was never synced. Start it: penstock sync crm" in penstock("history", "crm").out
    assert json.loads(penstock("history", "crm", "--json").out) == []
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert penstock("connections", "delete", "crm").code == 1
    assert penstock("connections", "delete", "crm", "--yes").code == 0
    assert json.loads(penstock("connections", "list", "--json").out) == []


def test_failing_setup_tests_are_code_1(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_ACCESS_TOKEN", "narrow")
    created = penstock(*CREATE, "--skip-tests")
    assert created.out.splitlines()[-1] == "Next: penstock connections test crm"
    ended = penstock("connections", "test", "crm")
    assert ended.code == 1
    assert "Grant the scope deals.read." in ended.out
    tests = json.loads(penstock("connections", "test", "crm", "--json").out)
    assert [test["status"] for test in tests][:3] == ["PASSED", "FAILED", "FAILED"]


def test_update_takes_new_credentials_only_when_told_to(
    penstock: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    penstock(*CREATE)
    monkeypatch.setenv("PENSTOCK_ACCESS_TOKEN", "wrong")
    assert penstock("connections", "update", "crm", "--sync-frequency", "60").code == 0
    assert penstock("connections", "test", "crm").code == 0
    (tmp_path / "token").write_text("wrong\n")
    ended = penstock("connections", "update", "crm", "--access-token-file", "token")
    assert ended.code == 2
    assert "The token is not valid." in ended.err
    assert penstock("connections", "test", "crm").code == 0


def test_db_upgrade_makes_the_tables_once(penstock: Run, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", database_url)
    assert f"is at version {known_versions()[-1]} now." in penstock("db", "upgrade").out
    assert f"is up to date (version {known_versions()[-1]})." in penstock("db", "upgrade").out


def test_settings_are_listed_with_their_source_and_without_secrets(penstock: Run) -> None:
    listed = {each["name"]: each for each in json.loads(penstock("settings", "--json").out)}
    assert listed["PENSTOCK_DATABASE_URL"]["value"] == "******"
    assert listed["PENSTOCK_DATABASE_URL"]["source"] == "environment"
    assert listed["PENSTOCK_HUBSPOT_API_URL"] == {
        "name": "PENSTOCK_HUBSPOT_API_URL",
        "value": "https://api.hubapi.com",
        "source": "default",
        "description": "HubSpot's API.",
    }
    assert "PENSTOCK_HOME" in penstock("settings").out


def test_a_bad_setting_is_told_by_its_variable(penstock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_LOG_FORMAT", "xml")
    ended = penstock("connections", "list")
    assert (ended.code, ended.err) == (2, "penstock: PENSTOCK_LOG_FORMAT: must be console or json.\n")
