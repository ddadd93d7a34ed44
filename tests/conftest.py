"""A real PostgreSQL for every test that asks for one."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import support.postgres
from hypothesis import HealthCheck, settings
from psycopg import sql
from pydantic import SecretStr

from engine.settings import Settings
from engine.state.database import open_database

# Without compiled modules each command that a test starts spends seconds on importing them; some containers forbid them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shared machine makes any example slow now and then; laws are about what is computed, not how fast.
settings.register_profile("penstock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("penstock")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server on which databases may be made: the configured one, else one in Docker, else an embedded one."""
    with support.postgres.postgres_server() as url:
        yield url


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    with _database(postgres_server, "template0") as url:
        yield url


@pytest.fixture(scope="session")
def _state_template(postgres_server: str) -> Iterator[str]:
    with _database(postgres_server, "template0") as url, tempfile.TemporaryDirectory() as home:
        open_database(Settings(home=Path(home), database_url=SecretStr(url))).dispose()
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def state_url(postgres_server: str, _state_template: str) -> Iterator[str]:
    """The URL of a state database as the first start leaves it, dropped afterwards."""
    with _database(postgres_server, _state_template) as url:
        yield url


@contextmanager
def _database(server_url: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'").format(*map(sql.Identifier, (name, template)))
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(server_url, autocommit=True) as server:
        if server.info.server_version >= 150000:
            create += sql.SQL(" STRATEGY file_copy")  # half the work
        server.execute(create)
    yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(drop)
