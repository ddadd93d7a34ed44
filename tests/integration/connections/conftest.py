from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from support import picky

from engine.connections.service import Connections
from engine.settings import Settings
from engine.state.database import Database, open_database
from engine.state.secrets import Vault


@pytest.fixture
def settings(state_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=SecretStr(state_url))


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    yield database
    database.dispose()


@pytest.fixture
def vault(settings: Settings) -> Vault:
    return Vault(settings)


@pytest.fixture
def connections(database: Database, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Connections:
    """The connections of an empty state database that is the destination as well; the picky source is known."""
    monkeypatch.syspath_prepend(str(picky.install(tmp_path / "plugins")))
    return Connections(database, vault)
