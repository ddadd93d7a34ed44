"""A long run of syncs of a changing source, and what it leaves behind: nothing may grow with the number of syncs."""

from __future__ import annotations

import gc
import os
import random
import threading
import tracemalloc
from dataclasses import dataclass, fields
from pathlib import Path
from unittest import mock

import psycopg
from simulation import changes
from simulation.play import BEGINNING
from simulation.syncing import Engine
from simulation.world import TYPES, World
from support.comparison import Comparison

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.server import running_sandbox

EVERY = 300
"""Virtual seconds between two syncs."""
WARMING_UP = 5
"""Syncs after which everything that is made once has been made."""
_SANDBOX = tracemalloc.Filter(inclusive=False, filename_pattern="*/sandbox/*")
_TOLERANCE = {"kilobytes": 200, "catalog": 40, "cursors": 20_000}
"""By how much a reading may differ from an earlier one: caches fill, and a cursor remembers what changed lately."""


@dataclass(frozen=True)
class Reading:
    """What there is between two syncs."""

    kilobytes: int
    """Memory of this process, without the sandbox's."""
    files: int
    """Open file descriptors, sockets among them."""
    threads: int
    sessions: int
    """Connections that the database has."""
    temporary: int
    """Temporary tables."""
    catalog: int
    """Relations and columns in the database's catalog."""
    cursors: int
    """Characters of all cursors."""


@dataclass
class Soaked:
    """What was read after each sync, and what should not have been."""

    readings: list[Reading]
    findings: list[str]


def soak(url: str, schema: str, hours: float) -> Soaked:
    """Let a small account change, and sync it every five minutes for so many virtual hours, over real sockets."""
    account = Account(contacts=60, companies=20, deals=30, properties=12, until=BEGINNING, stands_at=BEGINNING)
    account.configure(index_lag=5, index_lag_spread=60)
    engine = Engine(account, url, schema, {}, {"access_token": account.token})
    engine.over_sockets = True
    world = World(account, engine, url, schema)
    soaked = Soaked([], [])
    rng = random.Random(1)
    tracemalloc.start()
    try:
        with running_sandbox(account) as sandbox, mock.patch.dict(os.environ, PENSTOCK_HUBSPOT_API_URL=sandbox.url):
            for _ in range(round(hours * 3600 / EVERY)):
                outcome = engine.sync()
                if outcome.ended != "succeeded":
                    soaked.findings.append(f"a sync ended as {outcome}")
                soaked.readings.append(_reading(url))
                _change(world, rng)
                account.advance(EVERY)
            account.advance(2 * 3600)
            engine.sync(reconcile=True)
            soaked.findings += Comparison(account, url, schema).differences()
    finally:
        tracemalloc.stop()
    soaked.findings += _growth(soaked.readings)
    return soaked


def _change(world: World, rng: random.Random) -> None:
    """Changes of every kind that leave the account as large as it is."""
    for action in (changes.update, changes.recalculate, changes.associate, changes.dissociate, changes.archive):
        action(world, rng)
    for object_type in TYPES:
        world.account.touch(object_type, rng.sample(world.live(object_type), 10))
        for record_id in world.archived(object_type):
            world.account.restore(object_type, record_id)


def _reading(url: str) -> Reading:
    gc.collect()
    traced = tracemalloc.take_snapshot().filter_traces([_SANDBOX]).statistics("filename")
    counts = """
        SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()),
               (SELECT count(*) FROM pg_class WHERE relpersistence = 't'),
               (SELECT count(*) FROM pg_class) + (SELECT count(*) FROM pg_attribute),
               (SELECT coalesce(sum(length(cursor::text)), 0) FROM penstock.cursors)
    """
    with psycopg.Connection.connect(url, autocommit=True) as person:
        for _ in range(50):  # the server takes a moment to end what serves a closed connection
            sessions, temporary, catalog, cursors = person.execute(counts).fetchone() or (0, 0, 0, 0)
            if not sessions:
                break
            person.execute("SELECT pg_sleep(0.02)")
    files = len(list(Path("/proc/self/fd").iterdir()))
    kilobytes = sum(statistic.size for statistic in traced) // 1024
    return Reading(kilobytes, files, threading.active_count(), sessions, temporary, catalog, cursors)


def _growth(readings: list[Reading]) -> list[str]:
    """What is more at the end than it was once everything was warm; the most of some readings, as all of them vary."""
    middle = max(WARMING_UP, len(readings) // 2)
    found = []
    for field in fields(Reading):
        early, late = (
            max(getattr(reading, field.name) for reading in part)
            for part in (readings[WARMING_UP:middle], readings[middle:])
        )
        if late > early + _TOLERANCE.get(field.name, 0):
            found.append(f"{field.name} grow from {early} to {late}: {[getattr(r, field.name) for r in readings]}")
    return found
