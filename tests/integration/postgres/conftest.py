"""PostgreSQL as a destination in an empty database."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from postgres_harness import Harness

from destinations.postgres import plugin
from engine.contract import LoadSession


@pytest.fixture
def harness(database_url: str) -> Iterator[Harness]:
    with psycopg.connect(database_url, autocommit=True) as person:
        yield Harness(database_url, plugin.connect(plugin.config(url=database_url)), person)


@pytest.fixture
def session(harness: Harness) -> Iterator[LoadSession]:
    session = harness.destination.open("hubspot")
    yield session
    session.close()
