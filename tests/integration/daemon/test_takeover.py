"""One sync of a connection at a time, whoever stops, sleeps, vanishes or comes back."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.forked import Command
from support.rig import Rig, eventually

from destinations.postgres import connect
from engine.queue import jobs, worker
from engine.queue.jobs import enqueue
from engine.sync import run

BRISK = {
    "engine.queue.worker.DEAD_AFTER": timedelta(seconds=2),
    "engine.queue.worker.HEARTBEAT": 0.2,
    "engine.queue.worker.CARE_EVERY": 0.2,
    "engine.queue.worker.POLL_EVERY": 0.2,
    "engine.queue.worker.SOON": timedelta(seconds=0.5),
    "engine.sync.run.BUSY_SECONDS": 0.2,
    "engine.sync.reader.AT_LEAST_EVERY": 0.0,
}
"""Every wait is a tenth of what it is."""

Start = Callable[..., Command]


@pytest.fixture
def start(rig: Rig, tmp_path: Path) -> Iterator[Start]:
    """Starts commands, and ends those that still run."""
    with ExitStack() as stack:

        def start(*arguments: str) -> Command:
            command = Command([*arguments], rig.environment(), tmp_path / f"{len(started)}.log", BRISK)
            started.append(command)
            stack.callback(command.wait, 20)
            stack.callback(command.kill)
            return command

        started: list[Command] = []
        yield start


def a_sync_in(rig: Rig, start: Start, **config: Any) -> tuple[Command, Command]:
    """A worker that syncs, in the middle of it, and one that has nothing to do."""
    connection_id = rig.connect(manual=True, size=1, **config)
    busy = start("worker")
    enqueue(rig.database, connection_id, "manual")
    eventually(lambda: len(rig.loaded()) >= 3)
    idle = start("worker")
    eventually(lambda: len(rig.rows("SELECT FROM penstock.procrastinate_workers")) == 2)
    assert rig.syncs()[0]["worker"].endswith(f":{busy.pid}")
    return busy, idle


def test_a_worker_that_sleeps_keeps_its_sync_while_its_connection_stands(rig: Rig, start: Start) -> None:
    sleeper, other = a_sync_in(rig, start, pages=60, seconds=0.05)
    sleeper.signal(signal.SIGSTOP)
    loaded = rig.loaded()
    eventually(lambda: other.said().count("sync_put_off") >= 2)  # its job was rescued, and its lock is still there
    assert [sync["outcome"] for sync in rig.syncs()] == ["running"]
    assert len(rig.loaded()) <= len(loaded) + 1  # what was under way to the database
    sleeper.signal(signal.SIGCONT)
    eventually(lambda: [sync["outcome"] for sync in rig.syncs()] == ["succeeded", "succeeded"])
    first, second = rig.syncs()
    assert (first["records_read"], second["records_read"]) == (60, 0)
    assert first["finished_at"] <= second["started_at"]
    assert rig.loaded() == list(range(60))


def test_a_worker_that_wakes_up_after_it_was_replaced_commits_nothing(rig: Rig, start: Start) -> None:
    sleeper, other = a_sync_in(rig, start, pages=100, seconds=0.05)
    sleeper.signal(signal.SIGSTOP)
    rig.execute(  # as the server does it with a client that does not answer any more
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    )
    eventually(lambda: len(rig.syncs()) == 2)
    sleeper.signal(signal.SIGCONT)
    eventually(lambda: "broke off" in sleeper.said())
    eventually(lambda: [sync["outcome"] for sync in rig.syncs()] == ["interrupted", "succeeded"])
    first, second = rig.syncs()
    assert second["worker"].endswith(f":{other.pid}")
    assert first["rows_inserted"] <= 100 - second["rows_inserted"]
    assert second["rows_updated"] == 0
    assert rig.loaded() == list(range(100))
    state = rig.one("SELECT succeeded_at, failed_at FROM penstock.connections")
    assert (state["succeeded_at"], state["failed_at"]) == (second["finished_at"], None)


def test_commands_beside_a_worker_never_sync_with_it(rig: Rig, start: Start) -> None:
    connection_id = rig.connect(manual=True, pages=5, size=1, seconds=0.05)
    start("worker")
    eventually(lambda: jobs.worker_is_alive(rig.database))
    for _ in range(3):
        rig.connections.request_historical("test")
        enqueue(rig.database, connection_id, "resync")
        for code, said in [command.wait(60) for command in [start("sync", "test") for _ in range(3)]]:
            assert code == 0, said
    eventually(lambda: not rig.rows("SELECT FROM penstock.procrastinate_jobs"))
    syncs = rig.syncs()
    assert {sync["outcome"] for sync in syncs} == {"succeeded"}
    for earlier, later in pairwise(syncs):
        assert earlier["finished_at"] <= later["started_at"]


def test_a_machine_that_vanishes_is_replaced_within_a_minute() -> None:
    """Of a vanished machine the server hears nothing: it gives the lock back when its probes are not answered."""
    session = connect._SESSION
    idle, interval, count = (int(session[f"tcp_keepalives_{name}"]) for name in ("idle", "interval", "count"))
    unanswered = int(session["tcp_user_timeout"].removesuffix("s"))
    freed = max(idle + interval * count, unanswered + interval)
    first_try = jobs.DEAD_AFTER.total_seconds() + worker.HEARTBEAT + worker.CARE_EVERY + worker.POLL_EVERY
    between = run.BUSY_SECONDS + worker.SOON.total_seconds() + worker.POLL_EVERY
    assert first_try + math.ceil(max(0.0, freed - first_try) / between) * between < 60
