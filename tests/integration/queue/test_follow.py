from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from support.rig import Rig, eventually
from support.working import working

from engine.contract import NotFound
from engine.queue import worker
from engine.queue.follow import sync_now
from engine.sync.progress import Progress


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "CARE_EVERY", 0.2)
    monkeypatch.setattr(worker, "POLL_EVERY", 0.2)
    monkeypatch.setattr("engine.queue.follow.LOOK_EVERY", 0.05)
    monkeypatch.setattr("engine.sync.reader.AT_LEAST_EVERY", 0.0)


def test_without_a_worker_it_runs_here(rig: Rig) -> None:
    rig.connect(paused=True)  # asked for by hand, it runs although paused
    seen: list[Progress] = []
    outcome = sync_now(rig.database, rig.vault, "test", on_progress=seen.append)
    assert (outcome.outcome, outcome.progress.read) == ("succeeded", 50)
    assert seen[-1].outcome == "succeeded"
    assert f":{os.getpid()}" in rig.syncs()[0]["worker"]


def test_a_living_worker_gets_it_and_is_followed(rig: Rig) -> None:
    rig.connect(pages=5, size=10, seconds=0.1)
    seen: list[Progress] = []
    with working(rig):
        outcome = sync_now(rig.database, rig.vault, "test", on_progress=seen.append)
    assert (outcome.outcome, outcome.progress.read) == ("succeeded", 50)
    assert [stream.expected for stream in outcome.progress.streams] == [50]
    reads = [progress.read for progress in seen]
    assert reads == sorted(reads)
    assert len(set(reads)) > 2
    assert len(rig.syncs()) == 1


def test_everything_is_read_again_when_asked_for(rig: Rig) -> None:
    rig.connect()
    sync_now(rig.database, rig.vault, "test")
    assert sync_now(rig.database, rig.vault, "test").progress.read == 0
    assert sync_now(rig.database, rig.vault, "test", historical=True).progress.read == 50
    with working(rig):
        assert sync_now(rig.database, rig.vault, "test", historical=True).progress.read == 50
    assert [sync["trigger"] for sync in rig.syncs()] == ["manual", "manual", "resync", "resync"]


def test_a_sync_that_runs_already_is_followed(rig: Rig) -> None:
    rig.connect(pages=20, size=1, seconds=0.05)
    elsewhere = threading.Thread(target=rig.sync)
    elsewhere.start()
    eventually(rig.loaded)
    outcome = sync_now(rig.database, rig.vault, "test")
    elsewhere.join()
    assert (outcome.outcome, outcome.progress.read) == ("succeeded", 20)
    assert len(rig.syncs()) == 1


def test_a_sync_whose_process_was_killed_is_not_waited_for(rig: Rig) -> None:
    rig.connect()
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    worker = f"{socket.gethostname()}:{ended.pid}"
    rig.execute(
        "INSERT INTO penstock.syncs (connection_id, trigger, historical, worker)"
        " SELECT id, 'manual', true, %s FROM penstock.connections",
        worker,
    )
    began = time.monotonic()
    assert sync_now(rig.database, rig.vault, "test").outcome == "succeeded"
    assert time.monotonic() - began < 30
    assert [sync["outcome"] for sync in rig.syncs()] == ["interrupted", "succeeded"]


def test_a_failure_elsewhere_is_told_as_it_was(rig: Rig) -> None:
    rig.connect(fail_at=1, failure="credentials")
    with working(rig):
        outcome = sync_now(rig.database, rig.vault, "test")
    assert (outcome.outcome, outcome.error_code) == ("failed", "credentials_rejected")
    assert outcome.error == rig.syncs()[0]["error"]


def test_a_worker_that_only_seems_alive_is_not_waited_for(rig: Rig) -> None:
    rig.connect()
    rig.execute("INSERT INTO penstock.procrastinate_workers (last_heartbeat) VALUES (now() - interval '19 seconds')")
    assert sync_now(rig.database, rig.vault, "test").outcome == "succeeded"
    assert rig.rows("SELECT FROM penstock.procrastinate_jobs") == []


def test_when_the_worker_stops_meanwhile_it_goes_on_here(rig: Rig) -> None:
    rig.connect(pages=40, size=1, seconds=0.05)
    begun, outcomes = threading.Event(), []

    def watch(progress: Progress) -> None:
        if progress.read:
            begun.set()

    def follow() -> None:
        outcomes.append(sync_now(rig.database, rig.vault, "test", on_progress=watch))

    follower = threading.Thread(target=follow)
    with working(rig):
        follower.start()
        assert begun.wait(20)
    follower.join(40)
    assert [outcome.outcome for outcome in outcomes] == ["succeeded"]
    assert rig.loaded() == list(range(40))
    assert [sync["outcome"] for sync in rig.syncs()] == ["cancelled", "succeeded"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_what_runs_here_at_its_next_checkpoint(rig: Rig, number: signal.Signals) -> None:
    rig.connect(pages=1000, size=1, seconds=0.02)
    before = signal.getsignal(number)
    interrupted = threading.Event()

    def interrupt(progress: Progress) -> None:
        if progress.read == 3 and not interrupted.is_set():
            interrupted.set()
            os.kill(os.getpid(), number)

    outcome = sync_now(rig.database, rig.vault, "test", on_progress=interrupt)
    assert outcome.outcome == "cancelled"
    assert rig.syncs()[0]["outcome"] == "cancelled"
    assert signal.getsignal(number) == before


def test_an_unknown_name_is_told_so(rig: Rig) -> None:
    with pytest.raises(NotFound):
        sync_now(rig.database, rig.vault, "nothing")
