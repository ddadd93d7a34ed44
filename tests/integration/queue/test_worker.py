from __future__ import annotations

import threading
from typing import Any

import pytest
from support.rig import Rig, eventually
from support.working import working

from engine.queue import jobs, worker
from engine.queue.jobs import enqueue


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "CARE_EVERY", 0.2)
    monkeypatch.setattr(worker, "POLL_EVERY", 0.2)
    monkeypatch.setattr("engine.sync.reader.AT_LEAST_EVERY", 0.0)
    monkeypatch.setattr("engine.sync.run.BUSY_SECONDS", 0.2)


def waiting(rig: Rig) -> list[dict[str, Any]]:
    return rig.rows(
        "SELECT id, status::text, args, priority, scheduled_at > now() AS later FROM penstock.procrastinate_jobs"
    )


def succeeded(rig: Rig, count: int = 1) -> bool:
    return [sync["outcome"] for sync in rig.syncs()].count("succeeded") >= count


def test_a_worker_does_what_is_in_the_queue(rig: Rig) -> None:
    ids = [rig.connect(name) for name in ("one", "two", "three")]
    with working(rig):
        for connection_id in ids:
            enqueue(rig.database, connection_id, "manual")
        eventually(lambda: all(rig.loaded(name=name) for name in ("one", "two", "three")))
        eventually(lambda: not waiting(rig))


def test_one_job_of_a_connection_waits_at_a_time(rig: Rig) -> None:
    connection_id = rig.connect()
    first = enqueue(rig.database, connection_id, "schedule")
    assert enqueue(rig.database, connection_id, "schedule") == first
    assert enqueue(rig.database, rig.connect("other"), "schedule") != first
    assert len(waiting(rig)) == 2


def test_a_job_that_waits_takes_over_what_a_person_asked_for(rig: Rig) -> None:
    connection_id = rig.connect()
    job = enqueue(rig.database, connection_id, "schedule")
    rig.execute("UPDATE penstock.procrastinate_jobs SET scheduled_at = now() + interval '1 hour'")
    assert enqueue(rig.database, connection_id, "resync") == job
    assert enqueue(rig.database, connection_id, "schedule") == job
    (found,) = waiting(rig)
    assert (found["args"]["trigger"], found["priority"], found["later"]) == ("resync", jobs.ASKED_FOR, None)


def test_whoever_asks_at_the_moment_a_worker_takes_the_job_gets_one_too(rig: Rig) -> None:
    connection_id = rig.connect(manual=True, pages=0)
    asked: list[int] = []

    def ask() -> None:
        asked.extend(enqueue(rig.database, connection_id, "manual") for _ in range(50))

    with working(rig):
        together = [threading.Thread(target=ask) for _ in range(6)]
        for each in together:
            each.start()
        for each in together:
            each.join()
        eventually(lambda: not waiting(rig))
    assert len(asked) == 300
    assert {sync["outcome"] for sync in rig.syncs()} == {"succeeded"}


def test_what_is_not_due_any_more_is_dropped(rig: Rig) -> None:
    connection_id = rig.connect()
    enqueue(rig.database, connection_id, "schedule")
    rig.connections.pause("test")
    other = rig.connect("other")
    with working(rig):
        enqueue(rig.database, other, "manual")
        eventually(lambda: rig.loaded(name="other") and not waiting(rig))
    assert rig.syncs() == []


def test_what_a_person_asked_for_is_done_although_paused(rig: Rig) -> None:
    connection_id = rig.connect(paused=True)
    with working(rig):
        enqueue(rig.database, connection_id, "manual")
        eventually(lambda: succeeded(rig))


def test_the_job_of_a_connection_that_is_gone_is_dropped(rig: Rig) -> None:
    connection_id = rig.connect()
    enqueue(rig.database, connection_id, "manual")
    rig.connections.delete("test")
    with working(rig):
        eventually(lambda: not waiting(rig))


def test_a_worker_that_stops_puts_its_sync_back_at_the_next_checkpoint(rig: Rig) -> None:
    connection_id = rig.connect(pages=200, size=1, seconds=0.05)
    with working(rig):
        enqueue(rig.database, connection_id, "manual")
        eventually(lambda: len(rig.loaded()) >= 3)
    assert [sync["outcome"] for sync in rig.syncs()] == ["cancelled"]
    loaded = len(rig.loaded())
    assert [(job["status"], job["args"]["trigger"]) for job in waiting(rig)] == [("todo", "manual")]
    rig.configure(seconds=0)
    with working(rig):
        eventually(lambda: succeeded(rig))
    assert rig.syncs()[1]["records_read"] == 200 - loaded
    assert rig.loaded() == list(range(200))


def test_the_jobs_of_a_dead_worker_are_taken_up(rig: Rig) -> None:
    connection_id = rig.connect()
    enqueue(rig.database, connection_id, "manual")
    rig.execute(
        "WITH dead AS (INSERT INTO penstock.procrastinate_workers (last_heartbeat)"
        " VALUES (now() - interval '25 seconds') RETURNING id)"
        " UPDATE penstock.procrastinate_jobs SET status = 'doing', worker_id = dead.id FROM dead"
    )
    with working(rig):
        eventually(lambda: succeeded(rig))


def test_the_jobs_of_a_silent_worker_are_left_alone_until_it_counts_as_dead(rig: Rig) -> None:
    connection_id = rig.connect()
    enqueue(rig.database, connection_id, "manual")
    rig.execute(
        "WITH silent AS (INSERT INTO penstock.procrastinate_workers (last_heartbeat)"
        " VALUES (now() + interval '1 hour') RETURNING id)"
        " UPDATE penstock.procrastinate_jobs SET status = 'doing', worker_id = silent.id FROM silent"
    )
    other = rig.connect("other")
    with working(rig):
        enqueue(rig.database, other, "manual")
        eventually(lambda: rig.loaded(name="other"))
        assert rig.syncs() == []


def test_a_connection_that_somebody_else_syncs_is_tried_again_later(rig: Rig) -> None:
    connection_id = rig.connect(pages=10_000, size=1, seconds=0.05)
    stop = threading.Event()
    elsewhere = threading.Thread(target=rig.sync, kwargs={"stop": stop})
    elsewhere.start()
    eventually(rig.loaded)
    with working(rig):
        enqueue(rig.database, connection_id, "manual")
        eventually(lambda: [job["status"] == "todo" and job["later"] for job in waiting(rig)] == [True])
        assert len(rig.syncs()) == 1
    stop.set()
    elsewhere.join()


def test_a_job_that_goes_back_gives_way_to_one_that_waits(rig: Rig) -> None:
    connection_id = rig.connect(pages=200, size=1, seconds=0.05)
    with working(rig):
        enqueue(rig.database, connection_id, "manual")
        eventually(rig.loaded)
        enqueue(rig.database, connection_id, "manual")
    assert [job["status"] for job in waiting(rig)] == ["todo"]


def test_a_worker_outlives_its_connections(rig: Rig) -> None:
    first, second = rig.connect("first"), rig.connect("second")
    with working(rig) as one:
        enqueue(rig.database, first, "manual")
        eventually(lambda: rig.loaded(name="first"))
        for _ in range(3):
            rig.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        enqueue(rig.database, second, "manual")
        eventually(lambda: rig.loaded(name="second"))
        assert one.alive


def test_a_worker_that_was_struck_off_comes_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "HEARTBEAT", 0.2)
    connection_id = rig.connect()
    with working(rig):
        rig.execute("DELETE FROM penstock.procrastinate_workers")
        enqueue(rig.database, connection_id, "manual")
        eventually(lambda: succeeded(rig))


def test_what_nobody_thought_of_is_tried_again_and_logged(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    connection_id = rig.connect()

    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(worker, "run_sync", crash)
    with working(rig):
        enqueue(rig.database, connection_id, "manual")
        eventually(lambda: [job["status"] == "todo" and job["later"] for job in waiting(rig)] == [True])
