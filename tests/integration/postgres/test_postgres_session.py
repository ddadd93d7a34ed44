"""Opening and closing, locks, and what happens when somebody is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import cycle

import pytest
from postgres_harness import Harness

from destinations.postgres import connect
from destinations.postgres.session import PostgresSession
from engine.contract import (
    Batch,
    Column,
    ColumnType,
    Complete,
    Deletion,
    DestinationBusy,
    DestinationRefused,
    DestinationUnavailable,
    Follow,
    Loaded,
    LoadSession,
    Present,
    Rows,
    Table,
    TestStatus,
)

DEAL = Table("deal", (Column("id", ColumnType.BIGINT), Column("name", ColumnType.TEXT)), ("id",))

HOLDER = """
import sys
from destinations.postgres import plugin
session = plugin.connect(plugin.config(url=sys.argv[1])).open("hubspot")
print("open", flush=True)
sys.stdin.read()
"""

LOADER = """
import sys
from destinations.postgres import plugin
from engine.contract import Column, ColumnType, Rows, Table
session = plugin.connect(plugin.config(url=sys.argv[1])).open("hubspot")
table = Table("deal", (Column("id", ColumnType.BIGINT), Column("name", ColumnType.TEXT)), ("id",))
session.prepare(table)
done = session.cursors().get("deals", {"done": 0})["done"]
while True:
    session.write(Rows("deal", table.column_names, [(str(done * 50 + n), "x" * 100) for n in range(50)]))
    done += 1
    session.commit("deals", {"done": done})
    print(done, flush=True)
"""


@contextmanager
def started(script: str, url: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", script, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def opened_soon(harness: Harness) -> LoadSession:
    """The server needs a moment to notice that a client is gone."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return harness.destination.open("hubspot")
        except DestinationBusy:
            assert time.monotonic() < deadline


def test_a_killed_process_does_not_keep_the_schema(harness: Harness) -> None:
    with started(HOLDER, harness.url) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(DestinationBusy, match="hubspot") as caught:
            harness.destination.open("hubspot")
        assert caught.value.follow is Follow.RETRY
        process.kill()
        opened_soon(harness).close()


def test_rows_and_cursor_agree_whenever_the_loader_is_killed(harness: Harness) -> None:
    done = 0
    for commits in (1, 2, 5, 3, 1, 8):
        with started(LOADER, harness.url) as process:
            assert process.stdout is not None
            for _ in range(commits):
                process.stdout.readline()
            process.kill()
        with closing(opened_soon(harness)) as session:
            now = session.cursors()["deals"]["done"]
        assert now >= done + commits
        assert len(harness.read("hubspot", "deal")) == 50 * now
        done = now


@pytest.mark.parametrize(
    ("statement", "waits"),
    [
        ("LOCK TABLE hubspot.deal", ["commit", "lacking", "widen"]),
        ("LOCK TABLE hubspot.deal IN SHARE MODE", ["commit", "widen"]),
        ("UPDATE hubspot.deal SET name = 'mine'", ["commit", "widen"]),
        ("SELECT FROM hubspot.deal", ["widen"]),
    ],
)
def test_who_holds_a_lock_is_told_and_waited_for_no_longer_than_needed(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, statement: str, waits: list[str]
) -> None:
    monkeypatch.setattr(connect, "LOCK_TIMEOUT", "50ms")
    with closing(harness.destination.open("hubspot")) as session:
        session.prepare(DEAL)
        session.write(Rows("deal", DEAL.column_names, [("1", "One")]))
        session.commit("deals", {"after": "1"})
        tries: dict[str, Callable[[], object]] = {
            "commit": lambda: session.commit("deals", {"after": "2"}),
            "lacking": lambda: session.lacking("deal", ("id",), [("1",)]),
            "widen": lambda: session.prepare(Table("deal", (*DEAL.columns, Column("more", ColumnType.TEXT)), ("id",))),
        }
        with harness.person.transaction():
            harness.person.execute("SET LOCAL application_name = 'report'")
            harness.person.execute(statement)
            for wait in waits:
                session.write(Rows("deal", DEAL.column_names, [("1", "Uno")]))
                with pytest.raises(DestinationRefused) as caught:
                    tries[wait]()
                told = str(caught.value)
                assert (
                    f"holds a lock on hubspot.deal: process {harness.person.info.backend_pid} (user postgres, report"
                    in told
                )
                assert "in a transaction since 2" in told
                assert f"SELECT pg_terminate_backend({harness.person.info.backend_pid})." in told
        for each in tries.values():
            each()
        assert session.cursors() == {"deals": {"after": "2"}}


def test_a_question_waits_for_the_session_itself_as_long_as_that_takes(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "LOCK_TIMEOUT", "20ms")
    with closing(harness.destination.open("hubspot")) as session, ThreadPoolExecutor(1) as other:
        assert isinstance(session, PostgresSession)
        session.prepare(DEAL)
        with session._connection.transaction():
            session._connection.execute("LOCK TABLE hubspot.deal")
            asked = other.submit(session.lacking, "deal", ("id",), [("1",)])
            waiting = "SELECT query_start FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            tries: set[object] = set()
            while len(tries) < 3:
                tries.update(harness.person.execute(waiting).fetchall())
            assert not asked.done()
        assert asked.result() == [("1",)]


def test_a_lock_leaves_a_session_of_use(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "LOCK_TIMEOUT", "50ms")
    with closing(harness.destination.open("hubspot")) as session:
        session.prepare(DEAL)
        with harness.person.transaction():
            harness.person.execute("LOCK TABLE hubspot.deal")
            session.write(Rows("deal", DEAL.column_names, [("1", "One")]))
            with pytest.raises(DestinationRefused):
                session.commit("deals", {"after": "1"})
        assert session.cursors() == {}
        assert session.commit("deals", {}) == Loaded()
        session.write(Rows("deal", DEAL.column_names, [("1", "One")]))
        assert session.commit("deals", {"after": "1"}) == Loaded(inserted=1)


def test_closing_frees_the_schema_before_the_server_notices(
    harness: Harness, session: LoadSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(session, PostgresSession)
    with monkeypatch.context() as patch:
        patch.setattr(session._connection, "close", lambda: None)
        session.close()
    harness.destination.open("hubspot").close()


def test_no_transaction_is_open_between_write_and_commit(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    session.write(Rows("deal", DEAL.column_names, [("1", "One")]))
    statement = (
        "SELECT state FROM pg_stat_activity WHERE application_name = 'penstock' AND datname = current_database()"
    )
    assert harness.person.execute(statement).fetchall() == [("idle",)]


def test_a_table_that_is_dropped_under_a_session_is_made_again_by_the_next(
    harness: Harness, session: LoadSession
) -> None:
    session.prepare(DEAL)
    harness.person.execute("DROP TABLE hubspot.deal")
    session.write(Rows("deal", DEAL.column_names, [("1", "One")]))
    with pytest.raises(Exception, match="changed while it was loaded") as caught:
        session.commit("deals", {})
    assert caught.value.follow is Follow.RETRY  # type: ignore[attr-defined]
    session.close()
    with closing(harness.destination.open("hubspot")) as later:
        assert list(later.prepare(DEAL).changes) == ["made table deal"]


def test_a_table_that_is_dropped_under_a_session_is_not_made_again_by_the_same_one(
    harness: Harness, session: LoadSession
) -> None:
    session.prepare(DEAL)
    session.commit("deals", {"after": "1"})
    harness.person.execute("DROP TABLE hubspot.deal")
    wider = Table("deal", (*DEAL.columns, Column("extra", ColumnType.TEXT)), ("id",))
    for _ in range(2):
        with pytest.raises(DestinationUnavailable, match=r"hubspot\.deal was dropped while it was loaded"):
            session.prepare(wider, ["deals"])
    assert session.cursors() == {"deals": {"after": "1"}}
    assert harness.person.execute("SELECT to_regclass('hubspot.deal')").fetchone() == (None,)
    session.close()
    with closing(harness.destination.open("hubspot")) as later:
        assert later.prepare(wider, ["deals"]).forgotten == ("deals",)


@pytest.mark.parametrize(
    ("dropped", "forgotten"),
    [
        (["name"], ["deals"]),
        (["_fivetran_synced"], []),
        (["is_deleted"], []),
        (["_fivetran_deleted"], []),
        (["_fivetran_deleted", "is_deleted"], ["deals"]),
    ],
)
def test_what_was_in_a_dropped_column_is_read_anew_unless_it_is_known(
    harness: Harness, session: LoadSession, dropped: list[str], forgotten: list[str]
) -> None:
    deal = replace(DEAL, deleted_aliases=("is_deleted",))
    session.prepare(deal)
    session.write(Rows("deal", deal.column_names, [("1", "One"), ("2", "Two")]))
    session.commit("deals", {"after": "1"})
    session.write(Deletion("deal", ("id",), [("2",)]))
    session.commit("deals", {"after": "2"})
    session.close()
    harness.person.execute("ALTER TABLE hubspot.deal " + ", ".join(f"DROP {column}" for column in dropped))
    with closing(harness.destination.open("hubspot")) as later:
        assert list(later.prepare(deal, ["deals"]).forgotten) == forgotten
    if not forgotten:
        marked = "SELECT _fivetran_deleted, is_deleted, _fivetran_synced IS NOT NULL FROM hubspot.deal ORDER BY id"
        assert harness.person.execute(marked).fetchall() == [(False, False, True), (True, True, True)]


@pytest.mark.parametrize("change", ["ALTER name TYPE varchar(3)", "DROP name", "RENAME name TO mine"])
@pytest.mark.parametrize("rows", [1, 3000])
def test_a_column_that_is_changed_under_a_session_takes_nothing(
    harness: Harness, session: LoadSession, change: str, rows: int
) -> None:
    session.prepare(DEAL)
    session.commit("deals", {"after": "1"})
    harness.person.execute(f"ALTER TABLE hubspot.deal {change}")
    session.write(Rows("deal", DEAL.column_names, [(str(n), "long enough") for n in range(rows)]))
    with pytest.raises(DestinationUnavailable, match="changed while it was loaded"):
        session.commit("deals", {"after": "2"})
    assert session.cursors() == {"deals": {"after": "1"}}
    assert harness.person.execute("SELECT count(*) FROM hubspot.deal").fetchone() == (0,)


@pytest.mark.parametrize(("sessions", "is_let_in"), [([7, 7], False), ([7, 8], True)])
def test_a_pooler_has_to_keep_to_a_session(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, sessions: list[int], *, is_let_in: bool
) -> None:
    """What a pooler says of the sessions it gave a connection, and another one beside it."""
    told = cycle(sessions)
    monkeypatch.setattr("destinations.postgres.pooling._session", lambda _connection: next(told))
    tests = {test.title: test.status for test in harness.destination.setup_tests()}
    assert tests["Checking sessions"] is (TestStatus.PASSED if is_let_in else TestStatus.FAILED)
    if is_let_in:
        harness.destination.open("hubspot").close()
    else:
        with pytest.raises(DestinationRefused, match="is a pooler in transaction mode"):
            harness.destination.open("hubspot")


def test_nobody_waits_for_an_answer_from_a_session_that_ends(harness: Harness) -> None:
    session = harness.destination.open("hubspot")
    session.prepare(DEAL)
    session.lacking("deal", ("id",), [("1",)])
    with harness.person.transaction(), ThreadPoolExecutor(1) as other:
        harness.person.execute("LOCK TABLE hubspot.deal")
        asked = other.submit(session.lacking, "deal", ("id",), [("1",)])
        waiting = "SELECT FROM pg_stat_activity WHERE application_name = 'penstock' AND wait_event_type = 'Lock'"
        while harness.person.execute(f"{waiting} AND datname = current_database()").fetchone() is None:
            pass
        session.close()
        with pytest.raises(DestinationUnavailable):
            asked.result()
    with pytest.raises(DestinationUnavailable, match="closed"):
        session.lacking("deal", ("id",), [("1",)])


@pytest.mark.parametrize(
    ("batch", "problem"),
    [
        (Rows("deal", ("id",), [("1",)]), "deal is not prepared"),
        (Rows("owner", ("id", "age", "sex"), [("1", "2", "3")]), "owner has no columns age, sex"),
        (Rows("owner", ("name",), [("One",)]), r"owner is given rows without their key \(id\)"),
        (Rows("owner", ("id",), [("1",)], deleted=True), "owner has no soft delete"),
        (Deletion("owner", ("id",), [("1",)]), "owner has no soft delete"),
        (Complete("owner"), "owner has no soft delete"),
        (Present("owner", "id", ["1"]), "owner has no soft delete"),
        (Present("pair", "a", ["1"]), r"pair has the key \(a, b\), not \(a\)"),
        (Present("team", "id", ["1"], dependents=(("deal", "id"),)), r"dependent deal\.id that is not prepared"),
        (Present("team", "id", ["1"], dependents=(("pair", "c"),)), r"dependent pair\.c that is not prepared"),
        (Present("team", "id", ["1"], dependents=(("owner", "id"),)), r"owner\.id .* whose rows cannot go"),
    ],
)
def test_a_batch_that_contradicts_its_table_is_turned_away(session: LoadSession, batch: Batch, problem: str) -> None:
    session.prepare(Table("owner", DEAL.columns, ("id",), soft_delete=False))
    session.prepare(Table("team", DEAL.columns, ("id",)))
    session.prepare(Table("pair", tuple(Column(name, ColumnType.BIGINT) for name in "ab"), ("a", "b")))
    with pytest.raises(ValueError, match=problem):
        session.write(batch)
    assert session.commit("owners", {}) == Loaded()
