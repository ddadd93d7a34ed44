from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.rig import install_paged_source


@pytest.fixture
def connected(penstock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, with a connection `test` to a source with the tables a and b."""
    monkeypatch.syspath_prepend(str(install_paged_source(tmp_path / "paged")))
    body = {"service": "paged", "config": {"schema": "test", "streams": ["a", "b"]}, "auth": {"token": "good"}}
    file = tmp_path / "body.json"
    file.write_text(json.dumps(body))
    made = penstock("connections", "create", "--file", str(file))
    assert made.code == 0, made.err
    return penstock


def test_what_is_synced_is_shown_and_chosen(connected: Any, state_url: str) -> None:
    unknown = connected("connections", "schemas", "test")
    assert (unknown.code, unknown.out) == (2, "")
    assert "no schema config" in unknown.err
    assert connected("connections", "schemas", "test", "--reload").code == 0
    for arguments in (("disable", "test", "b"), ("hash", "test", "a.name")):
        changed = connected("connections", *arguments)
        assert changed.code == 0, changed.err
        assert "penstock sync test" in changed.out
    shown = connected("connections", "schemas", "test").out.splitlines()
    assert [line.split() for line in shown if line.split()[0] in {"a", "b"}] == [
        ["a", "yes", "SOFT_DELETE", "name"],
        ["b", "no", "SOFT_DELETE"],
    ]
    assert connected("sync", "test").code == 0
    with psycopg.connect(state_url) as person:
        assert person.execute("SELECT to_regclass('test.b'), max(length(name)) FROM test.a").fetchone() == (None, 64)
    for arguments in (("enable", "test", "b"), ("unhash", "test", "a.name")):
        assert connected("connections", *arguments).code == 0
    document = json.loads(connected("connections", "schemas", "test", "--json").out)
    assert all(table["enabled"] for table in document["schemas"]["paged"]["tables"].values())
    assert connected("sync", "test").code == 0
    with psycopg.connect(state_url) as person:
        assert person.execute("SELECT count(*) FROM test.b").fetchone() == (50,)
        assert person.execute("SELECT name FROM test.a ORDER BY id LIMIT 1").fetchone() == ("a-0",)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("disable", "test", "a.id"), "rows are found by this column"),
        (("hash", "test", "a.id"), "rows are found by this column"),
        (("disable", "test", "c"), "no such table"),
        (("hash", "test", "a"), "hashed"),
    ],
)
def test_what_cannot_be_is_told(connected: Any, arguments: tuple[str, ...], told: str) -> None:
    connected("connections", "schemas", "test", "--reload")
    ended = connected("connections", *arguments)
    assert ended.code != 0
    assert told in ended.err
