from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from engine.settings import Settings
from engine.state.database import Database, open_database


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=SecretStr(database_url))


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """A state database, brought up by its first start."""
    database = open_database(settings)
    yield database
    database.dispose()
