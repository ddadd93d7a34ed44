from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.cli import body, credentials
from engine.cli.output import relative
from engine.contract import InvalidSetting

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_options_go_before_the_file_and_unsaid_ones_say_nothing(tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text('{"service": "a", "paused": true, "config": {"schema": "x", "since": "2024-01-01"}}')
    given = body.with_options(body.body_in(file), {"schema": "y"}, service="b", paused=None, group_id=None)
    assert given == {"service": "b", "paused": True, "config": {"schema": "y", "since": "2024-01-01"}}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", r"--file: .*body\.json is no JSON: line 1, column 2: "),
        (b"[]", r"--file: .*body\.json must hold a JSON object\."),
        (b"\xff", r"--file: .*body\.json is no text in UTF-8\."),
        (None, r"--file: .*body\.json cannot be read \(No such file or directory\)\."),
    ],
)
def test_a_file_that_holds_no_body_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "body.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidSetting, match=f"^{told}"):
        body.body_in(file)


def test_a_byte_order_mark_is_no_part_of_a_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "body.json"
    file.write_text('{"paused": true}', encoding="utf-8-sig")
    monkeypatch.setattr(sys, "stdin", io.StringIO(file.read_text(encoding="utf-8")))
    assert body.body_in(file) == body.body_in(Path("-")) == {"paused": True}


def test_a_pair_may_hold_further_equals_signs() -> None:
    assert body.pairs(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    assert body.pairs(None) == {}
    with pytest.raises(InvalidSetting, match=r"^--config: 'a' must be KEY=VALUE\.$"):
        body.pairs(["a"])


def test_secrets_come_from_files_and_from_lines_of_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text("s3\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("r4\n"))
    given = credentials.given(None, "id1", file, Path("-"))
    assert credentials.as_auth(given) == {
        "refresh_token": "r4",
        "client_access": {"client_id": "id1", "client_secret": "s3"},
    }


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in credentials.VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    assert credentials.as_auth(credentials.from_environment()) is None
    monkeypatch.setenv("PENSTOCK_ACCESS_TOKEN", "t1")
    assert credentials.as_auth(credentials.from_environment()) == {"access_token": "t1"}


def test_nobody_is_asked_where_nobody_sits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("t1\n"))
    assert credentials.asked() == {}


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_secret_file_without_a_secret_is_told(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InvalidSetting, match=r"^--access-token-file: "):
        credentials.given(file, None, None, None)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=-1), "1 second ago"),
        (timedelta(seconds=-59), "59 seconds ago"),
        (timedelta(minutes=-90), "1 hour ago"),
        (timedelta(hours=2), "in 2 hours"),
        (timedelta(days=-3, hours=-5), "3 days ago"),
    ],
)
def test_times_are_told_as_seen_from_now(distance: timedelta, words: str) -> None:
    assert relative(NOW + distance, NOW) == words


def test_no_time_is_no_word() -> None:
    nothing: Any = None
    assert relative(nothing, NOW) == ""


def test_a_connection_has_one_schema() -> None:
    assert body.settings("crm", ["since=2024-01-01"]) == {"schema": "crm", "since": "2024-01-01"}
    assert body.settings("crm", ["schema=crm"])["schema"] == "crm"
    with pytest.raises(InvalidSetting, match=r"^--config: gives another schema than --schema crm\.$"):
        body.settings("crm", ["schema=other"])
    with pytest.raises(InvalidSetting, match=r"^--schema: is required, unless"):
        body.with_schema({"service": "hubspot"})
