"""The connector, the sync runner and PostgreSQL together, against a sandbox HubSpot."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from support.mirror import Mirror, MirrorMaker, Waits, mirrored
from support.rig import Rig

from connectors.hubspot.sandbox.account import Account
from engine.settings import Settings


@pytest.fixture(scope="session")
def hubspot_rig(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One engine for all tests here: each has a connection and a schema of its own."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name)))
    url = urlsplit(postgres_server)._replace(path=f"/{name}").geturl()
    home = tmp_path_factory.mktemp("home")
    rig = Rig(Settings(home=home, database_url=SecretStr(url)), home)
    yield rig
    rig.close()
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(autouse=True)
def _without_pacing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests come as fast as they can."""
    for limit in ("DEFAULT_LIMIT", "SEARCHES_PER_SECOND", "ASSOCIATION_READS"):
        monkeypatch.setattr(f"connectors.hubspot.quota.{limit}", 1_000_000)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """Nobody waits for HubSpot's limits, but what would have been waited is noted."""
    noted = Waits()
    noted.install(monkeypatch)
    return noted


@pytest.fixture
def mirror(hubspot_rig: Rig) -> Iterator[MirrorMaker]:
    """Makes a mirror of an account; `auth` and the connection's config can be given."""
    with ExitStack() as stack:

        def make(account: Account | None = None, **options: Any) -> Mirror:
            return stack.enter_context(mirrored(hubspot_rig, account or Account(), **options))

        yield make
