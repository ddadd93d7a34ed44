"""Connections that only the workers of an agent may sync."""

from __future__ import annotations

import pytest
from support.rig import Rig, eventually
from support.working import working

from engine.connections.body import ConnectionChange
from engine.contract import TestStatus
from engine.queue import jobs, worker
from engine.queue.follow import sync_now


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POLL_EVERY", 0.1)


def give(rig: Rig, agent: str | None, name: str = "test") -> None:
    rig.connections.update(name, ConnectionChange(hybrid_deployment_agent_id=agent))


def queues(rig: Rig) -> list[str]:
    return [row["queue_name"] for row in rig.rows("SELECT queue_name FROM penstock.procrastinate_jobs ORDER BY id")]


def test_only_the_workers_of_its_agent_sync_a_connection(rig: Rig) -> None:
    theirs, others = rig.connect("theirs", manual=True), rig.connect("others", manual=True)
    give(rig, "north", "theirs")
    with working(rig):
        for connection_id in (theirs, others):
            jobs.enqueue(rig.database, connection_id, "manual")
        eventually(lambda: rig.loaded(name="others") and queues(rig) == ["syncs@north"])
        assert not rig.syncs("theirs")
    with working(rig, "south"), working(rig, "north"):
        jobs.enqueue(rig.database, others, "manual")
        eventually(lambda: rig.loaded(name="theirs") and queues(rig) == ["syncs"])
    assert len(rig.syncs("others")) == 1


def test_a_destinations_agent_counts_for_connections_without_one(rig: Rig) -> None:
    connection_id = rig.connect(manual=True)
    rig.execute("UPDATE penstock.destinations SET hybrid_deployment_agent_id = 'north'")
    jobs.enqueue(rig.database, connection_id, "manual")
    assert queues(rig) == ["syncs@north"]
    give(rig, "south")
    assert queues(rig) == ["syncs@south"]


def test_what_waits_moves_with_its_connection(rig: Rig) -> None:
    jobs.enqueue(rig.database, rig.connect(manual=True), "manual")
    give(rig, "north")
    assert queues(rig) == ["syncs@north"]
    give(rig, None)
    with working(rig):
        eventually(lambda: bool(rig.loaded()))


def test_a_job_that_reaches_the_wrong_worker_is_sent_on(rig: Rig) -> None:
    jobs.enqueue(rig.database, rig.connect(manual=True), "manual")
    rig.execute("UPDATE penstock.connections SET hybrid_deployment_agent_id = 'north'")  # behind the engine's back
    with working(rig):
        eventually(lambda: queues(rig) == ["syncs@north"])
        assert not rig.syncs()


def test_whoever_is_there_can_be_seen(rig: Rig) -> None:
    with working(rig, "north"):
        assert [row["agent"] for row in rig.rows("SELECT agent FROM penstock.workers")] == ["north"]
        assert jobs.worker_is_alive(rig.database, "north")
        assert not jobs.worker_is_alive(rig.database)
    assert rig.rows("SELECT FROM penstock.workers") == []


def test_the_setup_tests_warn_of_an_agent_that_is_not_there(rig: Rig) -> None:
    rig.connect(manual=True)
    give(rig, "north")
    assert rig.connections.test("test")[-1].status is TestStatus.WARNING
    assert "penstock worker --agent north" in rig.connections.test("test")[-1].message
    with working(rig, "north"):
        assert rig.connections.test("test")[-1].status is TestStatus.PASSED
    assert rig.connections.get("test").setup_state == "connected"


def test_a_sync_by_hand_goes_to_the_agent_and_runs_here_only_without_it(rig: Rig) -> None:
    rig.connect(manual=True)
    give(rig, "north")
    with working(rig):
        assert sync_now(rig.database, rig.vault, "test").outcome == "succeeded"
    with working(rig, "north"):
        assert sync_now(rig.database, rig.vault, "test").outcome == "succeeded"
        assert not queues(rig)
