from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.hubspot.authorization import PERMISSIONS, SCOPES, HubSpotAuthorization
from connectors.hubspot.objects import OBJECT_TYPES, RELATIONS
from connectors.hubspot.reference import DEAL_PIPELINES, OWNERS, PROPERTIES
from engine.contract import InvalidSetting

GUIDE = Path(__file__).parents[3] / "docs/howto/connect-hubspot.md"
OWN = {"client_access": {"client_id": "own", "client_secret": "planted"}}


@pytest.fixture(autouse=True)
def _no_operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CLIENT_ID", "CLIENT_SECRET", "APP_URL"):
        monkeypatch.delenv(f"PENSTOCK_HUBSPOT_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


def test_a_person_is_told_of_every_table() -> None:
    told = [table for permission in PERMISSIONS for table in permission.tables]
    assert sorted(told) == sorted(
        [
            *(table.name for stream in (OWNERS, DEAL_PIPELINES, PROPERTIES) for table in stream.tables),
            *(object_type.table for object_type in OBJECT_TYPES),
            *(object_type.merges_table for object_type in OBJECT_TYPES if object_type.merges_table),
            *(relation.table for relation in RELATIONS),
        ]
    )


def test_a_person_is_asked_for_the_scopes_of_the_guide() -> None:
    guide = set(re.findall(r"\bcrm\.\S+\.read\b", GUIDE.read_text(encoding="utf-8").partition("```\n\n")[0]))
    assert set(SCOPES) == {"oauth", *guide}


def test_the_app_is_the_connections_own_else_the_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    def client(auth: dict[str, object]) -> str:
        url = urlsplit(HubSpotAuthorization().url(auth, "https://back", "state"))
        assert url._replace(query="").geturl() == "https://app.hubspot.com/oauth/authorize"
        return parse_qs(url.query)["client_id"][0]

    with pytest.raises(InvalidSetting, match=r"^auth\.client_access: is required for a Connect Card, unless"):
        client({})
    assert client(OWN) == "own"
    monkeypatch.setenv("PENSTOCK_HUBSPOT_CLIENT_ID", "operator")
    with pytest.raises(InvalidSetting):
        client({})
    monkeypatch.setenv("PENSTOCK_HUBSPOT_CLIENT_SECRET", "planted")
    assert (client({}), client(OWN), client({"access_token": "static"})) == ("operator", "own", "operator")


@pytest.mark.parametrize(
    ("auth", "granted"),
    [({}, False), (OWN, False), ({**OWN, "refresh_token": "r"}, True), ({"access_token": "static"}, True)],
)
def test_the_app_alone_does_not_let_in(auth: dict[str, object], granted: bool) -> None:
    assert HubSpotAuthorization().is_granted(auth) is granted
