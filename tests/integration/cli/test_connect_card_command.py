from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BODY = {
    "service": "hubspot",
    "config": {"schema": "crm"},
    "auth": {"client_access": {"client_id": "a", "client_secret": "planted"}},
    "connect_card_config": {"redirect_uri": "https://your.site/path"},
}


@pytest.fixture(autouse=True)
def _address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_ACCESS_TOKEN", raising=False)


def test_a_connection_that_waits_for_its_card_gets_a_link(penstock: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "crm.json").write_text(json.dumps(BODY))
    made = penstock("connections", "create", "--file", "crm.json")
    assert made.code == 0, made.err
    assert made.out.endswith("Next: penstock connections connect-card crm\n")
    link = penstock("connections", "connect-card", "crm")
    assert link.code == 0
    assert link.out.startswith("http://localhost:8484/connect-card/setup?auth=ey")
    assert link.out.count("\n") == 1
    assert "Good for 3 days" in link.err


def test_where_the_person_goes_can_be_changed_and_stays(penstock: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "crm.json").write_text(json.dumps(BODY))
    penstock("connections", "create", "--file", "crm.json")
    for arguments in (("--redirect-uri", "https://other.site"), ()):
        card = json.loads(penstock("connections", "connect-card", "crm", *arguments, "--json").out)
        assert card["connect_card_config"] == {"redirect_uri": "https://other.site"}
        assert card["connect_card"]["uri"].endswith(card["connect_card"]["token"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing",), "penstock: There is no connection 'nothing'."),
        (("plain",), "penstock: service: Picky cannot be connected by a Connect Card: give `auth` instead."),
        (("plain", "--redirect-uri", "your.site"), "penstock: connect_card_config.redirect_uri: must be an address"),
    ],
)
def test_what_cannot_be_is_told(
    penstock: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.setenv("PENSTOCK_ACCESS_TOKEN", "good")
    assert penstock("connections", "create", "--service", "picky", "--schema", "plain").code == 0
    refused = penstock("connections", "connect-card", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(told)
