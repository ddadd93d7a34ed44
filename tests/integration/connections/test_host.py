"""Rate budgets, credentials and stopping, as a source sees them."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence

import pytest
from pydantic import SecretStr

from engine.connections.host import ConnectionHost, StoredCredentials, UnsavedCredentials
from engine.connections.pacing import Pace
from engine.contract import Cancelled, NotFound
from engine.state.database import Database
from engine.state.models import Connection
from engine.state.secrets import Vault

BUDGET = ("account", "ten-secondly")

LATE = 0.1
"""Seconds by which a busy machine may note the time of a request late."""


def take(database: Database, count: int, *, threads: int, limit: int, seconds: float) -> list[float]:
    """The times at which this many requests were let through."""
    host = ConnectionHost(database, UnsavedCredentials({}))
    taken: list[float] = []

    def work() -> None:
        for _ in range(count // threads):
            host.acquire(*BUDGET, limit=limit, seconds=seconds)
            taken.append(time.monotonic())

    together(*[work] * threads)
    return taken


def together(*work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def fullest(times: Sequence[float], seconds: float) -> int:
    """The most requests in any window of so many seconds."""
    ordered = sorted(times)
    return max(sum(first <= time < first + seconds for time in ordered) for first in ordered)


def _take_in_process(url: str, count: int, limit: int, seconds: float) -> list[float]:
    database = Database(SecretStr(url))
    taken = take(database, count, threads=3, limit=limit, seconds=seconds)
    database.dispose()
    return taken


@pytest.mark.parametrize(("limit", "count"), [(5, 6), (60, 60)], ids=["slot by slot", "in blocks"])
def test_no_window_holds_more_than_the_limit_over_processes_and_threads(
    database: Database, limit: int, count: int
) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        job = (database.url.get_secret_value(), count, limit, 1.0)
        times = [each for taken in pool.starmap(_take_in_process, [job] * 3) for each in taken]
    assert len(times) == 3 * count
    assert fullest(times, 1.0 - LATE) <= limit
    assert max(times) - min(times) < 3 * len(times) / limit  # it is used, too


def test_one_process_uses_nearly_all_of_the_limit(database: Database) -> None:
    take(database, 4, threads=1, limit=100, seconds=1.0)
    times = take(database, 200, threads=4, limit=100, seconds=1.0)
    assert len(times) / (max(times) - min(times)) > 80
    assert fullest(times, 1.0 - LATE) <= 100


def test_budgets_of_other_accounts_and_policies_are_others(database: Database) -> None:
    host = ConnectionHost(database, UnsavedCredentials({}))
    host.hold(*BUDGET, seconds=60)
    host.acquire("other account", BUDGET[1], limit=1, seconds=60)
    started = time.monotonic()
    host.acquire(BUDGET[0], "search", limit=1, seconds=60)
    assert time.monotonic() - started < 5


def test_a_limit_that_nothing_reaches_costs_no_reservation(database: Database) -> None:
    host = ConnectionHost(database, UnsavedCredentials({}))
    database.dispose()
    for _ in range(1000):
        host.acquire(*BUDGET, limit=100_000, seconds=10)
    with database.connect_psycopg() as person:
        assert person.execute("SELECT count(*) FROM penstock.rate_budgets").fetchone() == (0,)


def test_nobody_takes_from_a_held_budget(database: Database) -> None:
    mine, others = (ConnectionHost(database, UnsavedCredentials({})) for _ in range(2))
    mine.acquire(*BUDGET, limit=1000, seconds=10)
    held_at = time.monotonic()
    mine.hold(*BUDGET, seconds=1.0)
    together(*(lambda host=host: host.acquire(*BUDGET, limit=1000, seconds=10) for host in (mine, others)))
    assert time.monotonic() - held_at >= 1.0
    with database.connect_psycopg() as person:
        assert person.execute("SELECT held_until IS NOT NULL FROM penstock.rate_budgets").fetchone() == (True,)


def test_a_thread_that_waits_for_its_slot_heeds_a_hold(database: Database) -> None:
    host = ConnectionHost(database, UnsavedCredentials({}))
    passed_at: list[float] = []

    def take_the_next() -> None:
        host.acquire(*BUDGET, limit=1, seconds=1)
        passed_at.append(time.monotonic())

    host.acquire(*BUDGET, limit=1, seconds=1)
    first = host._budgets[BUDGET].block
    waiting = threading.Thread(target=take_the_next)
    waiting.start()
    while host._budgets[BUDGET].block is first:
        time.sleep(0.01)
    held_at = time.monotonic()
    host.hold(*BUDGET, seconds=2.0)
    waiting.join()
    assert passed_at[0] - held_at >= 2.0


def test_a_changed_limit_holds_from_the_next_request_on(database: Database) -> None:
    host = ConnectionHost(database, UnsavedCredentials({}))
    host.acquire(*BUDGET, limit=400, seconds=1)  # leaves a block of slots behind
    times = []
    for _ in range(4):
        host.acquire(*BUDGET, limit=10, seconds=1)
        times.append(time.monotonic())
    pace = Pace(10, 1)
    assert times[-1] - times[0] >= 3 * pace.spacing - pace.slack


@pytest.mark.parametrize(
    "wait",
    [
        lambda host: host.acquire(*BUDGET, limit=1, seconds=3600),
        lambda host: host.wait(3600),
    ],
)
def test_a_stop_ends_every_wait(database: Database, wait: Callable[[ConnectionHost], None]) -> None:
    stop = threading.Event()
    host = ConnectionHost(database, UnsavedCredentials({}), stop)
    host.acquire(*BUDGET, limit=1, seconds=3600)
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(Cancelled):
        wait(host)


def test_a_stop_ends_a_source_that_never_waits(database: Database) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        ConnectionHost(database, UnsavedCredentials({}), stop).acquire(*BUDGET, limit=10**9, seconds=1)


def test_calls_are_counted_over_threads(database: Database) -> None:
    host = ConnectionHost(database, UnsavedCredentials({}))
    together(*[lambda: [host.called() for _ in range(2000)] and None] * 4)
    assert host.calls == 8000


def test_renewed_credentials_are_stored_sealed_and_seen_by_others(database: Database, vault: Vault) -> None:
    with database.session() as session:
        session.add(Connection(id="c1", group_id="default", service="x", schema="crm", config={}))
    mine, others = (ConnectionHost(database, StoredCredentials(database, vault, "c1")) for _ in range(2))
    assert mine.credentials() == {}
    mine.keep_credentials({"refresh_token": "planted"})
    assert others.credentials() == {"refresh_token": "planted"}
    with database.session() as session:
        assert "planted" not in (session.get_one(Connection, "c1").auth or "")


def test_the_credentials_of_a_deleted_connection_are_told(database: Database, vault: Vault) -> None:
    with pytest.raises(NotFound):
        ConnectionHost(database, StoredCredentials(database, vault, "gone")).credentials()
