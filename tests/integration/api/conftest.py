"""The HTTP application in this process, over a state database of its own that is the destination as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from pydantic import SecretStr
from structlog.typing import EventDict
from support import picky
from support.http import serving

from engine.api.app import create_app
from engine.api.services import Services
from engine.settings import Settings
from engine.state.database import Database, open_database
from engine.state.secrets import Vault

Create = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    """What is logged."""
    capture = structlog.testing.LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture.entries
    structlog.reset_defaults()


@pytest.fixture
def settings(state_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=SecretStr(state_url), webhook_private_addresses=True)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    yield database
    database.dispose()


@pytest.fixture
def vault(settings: Settings) -> Vault:
    return Vault(settings)


@pytest.fixture
def services(
    database: Database, vault: Vault, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Services:
    monkeypatch.syspath_prepend(str(picky.install(tmp_path / "plugins")))
    return Services.of(database, vault, settings)


@pytest.fixture
def anonymous(services: Services) -> Iterator[httpx.Client]:
    """A client without a key."""
    with serving(create_app({}, list, services)) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def client(anonymous: httpx.Client, services: Services) -> httpx.Client:
    """A client whose key may read and write."""
    key, secret = services.keys.create("test")
    anonymous.auth = (key.id, secret.get_secret_value())
    return anonymous


@pytest.fixture
def create(client: httpx.Client) -> Create:
    """Make a connection to the picky source; gives its document."""

    def post(schema: str = "crm", **fields: Any) -> dict[str, Any]:
        body = {"service": "picky", "config": {"schema": schema}, "auth": {"access_token": "good"}, **fields}
        answer = client.post("/v1/connections", json=body)
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()["data"]
        return document

    return post
