from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import structlog
from structlog.testing import capture_logs
from support.paged import QUOTA_RESET
from support.rig import Rig, eventually

from engine.contract import Conflict, DestinationUnavailable, NotFound
from engine.sync import aftermath, record
from engine.sync.progress import Progress

A_THIRD = 20  # records in two of the six pages of `in_pages`


@pytest.fixture
def in_pages(rig: Rig) -> Rig:
    """Six pages of ten records, of which each commit takes one."""
    rig.connect(pages=6, size=10)
    return rig


@pytest.fixture(autouse=True)
def _commit_each_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sync.reader.AT_LEAST_EVERY", 0.0)


def connection(rig: Rig, name: str = "test") -> dict[str, Any]:
    return rig.one("SELECT * FROM penstock.connections WHERE schema = %s", name)


def cancels_after(records: int, stop: threading.Event) -> Any:
    def watch(progress: Progress) -> None:
        if progress.read >= records:
            stop.set()

    return watch


def test_a_first_sync_reads_everything_and_says_so(rig: Rig) -> None:
    rig.connect(streams=["a", "b"], pages=3, size=10)
    outcome = rig.sync()
    assert outcome.outcome == "succeeded"
    assert rig.loaded("a") == rig.loaded("b") == list(range(30))
    (sync,) = rig.syncs()
    assert (sync["outcome"], sync["historical"], sync["trigger"]) == ("succeeded", True, "manual")
    assert (sync["records_read"], sync["rows_inserted"], sync["api_calls"]) == (60, 60, 6)
    assert sync["started_at"] < sync["finished_at"]
    streams = rig.rows("SELECT stream, outcome, records_read, records_expected FROM penstock.sync_streams ORDER BY 1")
    assert [tuple(stream.values()) for stream in streams] == [("a", "succeeded", 30, 30), ("b", "succeeded", 30, 30)]
    after = connection(rig)
    assert (after["succeeded_at"], after["failed_at"]) == (sync["finished_at"], None)
    assert (after["is_historical_sync"], after["setup_state"]) == (False, "connected")


def test_the_next_sync_reads_what_is_new(rig: Rig) -> None:
    rig.connect(pages=3, size=10)
    rig.sync()
    before = connection(rig)["succeeded_at"]
    rig.configure(pages=4)
    assert rig.sync().progress.read == 10
    assert rig.loaded() == list(range(40))
    assert not rig.syncs()[1]["historical"]
    assert connection(rig)["succeeded_at"] > before


def test_progress_can_be_seen_from_anywhere_while_it_runs(in_pages: Rig) -> None:
    seen: list[tuple[int, str]] = []

    def watch(_progress: Progress) -> None:
        row = in_pages.one("SELECT records_read, outcome FROM penstock.syncs")
        seen.append((row["records_read"], row["outcome"]))

    in_pages.sync(watch=watch)
    assert {(10, "running"), (30, "running"), (60, "succeeded")} <= set(seen)


@pytest.mark.parametrize(
    ("failure", "outcome", "code", "says"),
    [
        ("unavailable", "failed", "source_unavailable", "it is tried again"),
        ("quota", "rescheduled", "quota_spent", "quota is spent"),
        ("credentials", "failed", "credentials_rejected", "Reconnect"),
        ("mistake", "failed", "unexpected", "ZeroDivisionError"),
    ],
)
def test_an_error_ends_it_and_what_was_read_stays(
    in_pages: Rig, failure: str, outcome: str, code: str, says: str
) -> None:
    in_pages.configure(fail_at=2, failure=failure)
    ended = in_pages.sync()
    assert ended.outcome == outcome
    assert in_pages.loaded() == list(range(A_THIRD))
    (sync,) = in_pages.syncs()
    assert (sync["outcome"], sync["error_code"]) == (outcome, code)
    assert says in sync["error"]
    after = connection(in_pages)
    assert after["succeeded_at"] is None
    assert (after["failed_at"] is not None) == (outcome == "failed")
    assert after["is_historical_sync"]
    in_pages.configure(fail_at=None)
    assert in_pages.sync().progress.read == 60 - A_THIRD  # it goes on in the middle of the historical sync
    assert in_pages.loaded() == list(range(60))


def test_a_spent_quota_reschedules_until_its_reset(in_pages: Rig) -> None:
    in_pages.configure(fail_at=2, failure="quota")
    in_pages.sync()
    (sync,) = in_pages.syncs()
    assert sync["retry_at"] == connection(in_pages)["rescheduled_for"] == QUOTA_RESET
    assert sync["error"] == "The daily quota is spent. The sync goes on by itself at 2099-01-01 00:00 UTC."
    in_pages.configure(fail_at=None)
    in_pages.sync()
    assert connection(in_pages)["rescheduled_for"] is None


@pytest.mark.parametrize("held", [{"manual": True}, {"paused": True}], ids=["manual", "paused"])
def test_a_rescheduled_sync_that_nothing_starts_by_itself_says_so(rig: Rig, held: dict[str, Any]) -> None:
    rig.connect(fail_at=2, failure="quota", **held)
    assert rig.sync().error == (
        "The daily quota is spent. Start the sync again after 2099-01-01 00:00 UTC: it goes on then."
    )


def test_rejected_credentials_break_the_connection_until_a_sync_works(in_pages: Rig) -> None:
    in_pages.configure(fail_at=2, failure="credentials")
    in_pages.sync()
    assert connection(in_pages)["setup_state"] == "broken"
    event = in_pages.one("SELECT message FROM penstock.events WHERE kind = 'reconnect'")
    assert "Reconnect" in event["message"]
    in_pages.configure(fail_at=None)
    in_pages.sync()
    assert connection(in_pages)["setup_state"] == "connected"


def test_an_unexpected_error_is_told_by_its_type_and_logged_with_its_traceback(
    in_pages: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_pages.configure(fail_at=2, failure="mistake")
    with capture_logs() as logs:
        # One that was used before goes on as logging was set up then.
        monkeypatch.setattr("engine.sync.run.log", structlog.stdlib.get_logger())
        in_pages.sync()
    assert "internal-detail" not in in_pages.syncs()[0]["error"]
    (crash,) = [entry for entry in logs if entry["event"] == "sync_crashed"]
    assert isinstance(crash["exc_info"], ZeroDivisionError)


def test_failures_in_a_row_are_tried_again_later_and_later(in_pages: Rig) -> None:
    in_pages.configure(fail_at=0, failure="unavailable")
    for _ in range(3):
        in_pages.sync()
    waits = [sync["retry_at"] - sync["finished_at"] for sync in in_pages.syncs()]
    assert waits == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=5)]
    in_pages.configure(fail_at=None)
    in_pages.sync()
    in_pages.configure(fail_at=6, pages=7)
    in_pages.sync()
    last = in_pages.syncs()[-1]
    assert last["retry_at"] - last["finished_at"] == timedelta(minutes=1)  # a success in between counts


def test_a_manual_connection_is_not_tried_again_by_itself(rig: Rig) -> None:
    rig.connect(manual=True, fail_at=0)
    assert rig.sync().retry_at is None


def test_a_stream_without_access_leaves_the_others_alone(rig: Rig) -> None:
    rig.connect(streams=["a", "b"], pages=3, size=10, fail_at=1, failure="access")
    assert rig.sync().outcome == "succeeded"
    assert rig.loaded("b") == list(range(30))
    streams = rig.rows("SELECT stream, outcome FROM penstock.sync_streams ORDER BY stream")
    assert [stream["outcome"] for stream in streams] == ["failed", "succeeded"]
    assert rig.syncs()[0]["notices"] == [
        {
            "code": "access_denied",
            "message": "The table a is not updated. The token lacks the scope x.read. Grant it.",
            "stream": "a",
        }
    ]
    event = rig.one("SELECT message FROM penstock.events WHERE kind = 'access_denied'")
    assert event["message"].startswith("The table a is not updated.")
    rig.configure(fail_at=None)
    assert rig.sync().progress.read == 20  # it resumes by itself when the scope is back
    assert rig.loaded("a") == list(range(30))


def test_the_time_moves_whenever_the_list_of_tables_without_access_is_renewed(rig: Rig) -> None:
    def renewed_at() -> str | None:
        renewed: str | None = connection(rig)["config"].get("tables_without_access_updated_at")
        return renewed

    def syncs(**config: Any) -> bool:
        """Whether the time moves with a sync under this config."""
        rig.configure(**{"fail_at": None, "failure": "access", **config})
        before = renewed_at()
        rig.sync()
        return renewed_at() != before

    rig.connect(streams=["a", "b"], pages=3, size=10)
    assert not syncs()
    assert renewed_at() is None
    assert syncs(fail_at=3, pages=4)
    assert syncs(), "no table is without access any more: that is a new list"
    assert not syncs()
    assert syncs(fail_at=4, pages=5)
    assert not syncs(fail_at=4, failure="unavailable"), "a sync that did not get so far knows nothing new"
    assert syncs()
    assert not syncs()


def test_a_sync_in_which_nothing_may_be_read_fails(rig: Rig) -> None:
    rig.connect(streams=["a"], fail_at=0, failure="access")
    assert rig.sync().outcome == "failed"
    assert rig.syncs()[0]["error_code"] == "access_denied"
    assert connection(rig)["failed_at"] is not None


def test_a_notice_is_told_once(rig: Rig) -> None:
    rig.connect(streams=["a", "b"], notice="Something is strange.")
    rig.sync()
    assert [notice["message"] for notice in rig.syncs()[0]["notices"]] == ["Something is strange."]
    assert len(rig.rows("SELECT FROM penstock.events WHERE kind = 'strange'")) == 1


def test_a_cancelled_sync_keeps_what_it_has_and_goes_on_next_time(in_pages: Rig) -> None:
    stop = threading.Event()
    in_pages.configure(seconds=0.02)
    outcome = in_pages.sync(stop=stop, watch=cancels_after(A_THIRD, stop))
    assert outcome.outcome == "cancelled"
    loaded = len(in_pages.loaded())
    assert A_THIRD <= loaded < 60
    (sync,) = in_pages.syncs()
    assert (sync["outcome"], sync["records_read"], sync["error"]) == ("cancelled", loaded, None)
    after = connection(in_pages)
    assert (after["succeeded_at"], after["failed_at"]) == (None, None)
    assert in_pages.sync().progress.read == 60 - loaded


def test_a_resync_reads_everything_again_and_drops_nothing(in_pages: Rig) -> None:
    in_pages.sync()
    in_pages.execute("INSERT INTO test.a (id, name, _fivetran_synced) VALUES (999, 'old', now())")
    in_pages.connections.request_historical("test")
    assert in_pages.sync(trigger="resync").progress.read == 60
    assert in_pages.loaded() == [*range(60), 999]
    assert in_pages.syncs()[1]["historical"]
    assert not connection(in_pages)["is_historical_sync"]


def test_a_resync_that_was_cut_short_goes_on_and_does_not_start_over(in_pages: Rig) -> None:
    in_pages.sync()
    in_pages.connections.request_historical("test")
    in_pages.configure(seconds=0.02)
    stop = threading.Event()
    first = in_pages.sync(stop=stop, watch=cancels_after(A_THIRD, stop))
    assert first.outcome == "cancelled"
    assert connection(in_pages)["is_historical_sync"]
    assert in_pages.sync().progress.read == 60 - first.progress.read
    assert not connection(in_pages)["is_historical_sync"]


def test_a_crash_while_it_forgets_forgets_once_more(in_pages: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    in_pages.sync()
    in_pages.connections.request_historical("test")

    def crash(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(record, "forgotten", crash)
        with pytest.raises(SystemExit):
            in_pages.sync()
    assert in_pages.sync().progress.read == 60


def test_a_resync_asked_for_meanwhile_is_not_forgotten(in_pages: Rig) -> None:
    def ask(progress: Progress) -> None:
        if progress.read == A_THIRD:
            in_pages.connections.request_historical("test")

    in_pages.sync(watch=ask)
    assert connection(in_pages)["is_historical_sync"]
    assert in_pages.sync().progress.read == 60


def test_a_reconciliation_asked_for_meanwhile_is_not_forgotten(in_pages: Rig) -> None:
    def ask(progress: Progress) -> None:
        if progress.read == A_THIRD:
            in_pages.connections.request_reconciliation("test")

    in_pages.connections.request_reconciliation("test")
    in_pages.sync(watch=ask)
    assert connection(in_pages)["reconcile_requested_at"] is not None
    in_pages.sync()
    assert connection(in_pages)["reconcile_requested_at"] is None


@pytest.mark.parametrize(("fail_at", "is_begun"), [(0, False), (2, True)])
def test_a_reconciliation_is_begun_once_all_streams_remember_it(rig: Rig, fail_at: int, *, is_begun: bool) -> None:
    rig.connect(streams=["a", "b"], fail_at=fail_at)
    rig.connections.request_reconciliation("test")
    assert rig.sync().outcome == "failed"
    assert (connection(rig)["reconcile_requested_at"] is None) == is_begun


def test_two_syncs_of_a_connection_never_run_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sync.run.BUSY_SECONDS", 0.3)
    rig.connect(seconds=0.1, pages=1000, size=1)
    stop = threading.Event()
    first = threading.Thread(target=rig.sync, kwargs={"stop": stop})
    first.start()
    eventually(rig.loaded)
    with pytest.raises(Conflict, match="running already"):
        rig.sync()
    assert len(rig.syncs()) == 1
    stop.set()
    first.join()
    assert [sync["outcome"] for sync in rig.syncs()] == ["cancelled"]


def test_what_died_is_marked_when_the_next_one_starts(rig: Rig) -> None:
    rig.connect()
    rig.execute(
        "WITH dead AS (INSERT INTO penstock.syncs (connection_id, trigger, historical)"
        " SELECT id, 'schedule', true FROM penstock.connections RETURNING id)"
        " INSERT INTO penstock.sync_streams (sync_id, stream) SELECT id, 'a' FROM dead"
    )
    rig.sync()
    dead, alive = rig.syncs()
    assert (dead["outcome"], alive["outcome"]) == ("interrupted", "succeeded")
    assert dead["finished_at"] == dead["heartbeat_at"]
    assert (
        rig.one("SELECT outcome FROM penstock.sync_streams WHERE sync_id = %s", dead["id"])["outcome"] == "interrupted"
    )


def test_a_destination_that_cannot_be_reached_fails_the_sync(rig: Rig) -> None:
    rig.connect()
    nowhere = rig.vault.seal({"url": "postgresql://nobody:planted@127.0.0.1:9/none"})
    rig.execute("UPDATE penstock.destinations SET config = %s", nowhere)
    outcome = rig.sync()
    assert (outcome.outcome, outcome.error_code) == ("failed", "destination_unavailable")
    assert outcome.retry_at is not None
    assert "127.0.0.1" in rig.syncs()[0]["error"]
    assert "planted" not in rig.syncs()[0]["error"]


def test_without_the_destinations_lock_a_sync_that_lives_is_left_alone(rig: Rig) -> None:
    rig.connect()
    rig.execute(
        "INSERT INTO penstock.syncs (connection_id, trigger, historical) SELECT id, 'manual', true FROM penstock.connections"
    )
    rig.execute(
        "UPDATE penstock.destinations SET config = %s", rig.vault.seal({"url": "postgresql://x@127.0.0.1:9/none"})
    )
    with pytest.raises(Conflict):
        rig.sync()
    rig.execute("UPDATE penstock.syncs SET heartbeat_at = now() - interval '2 minutes'")
    assert rig.sync().outcome == "failed"
    assert [sync["outcome"] for sync in rig.syncs()] == ["interrupted", "failed"]


def test_the_end_waits_for_a_state_database_that_is_away(in_pages: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    really_end, tries = aftermath.end, []

    def end(*arguments: Any, **named: Any) -> Any:
        tries.append(arguments)
        if len(tries) < 3:
            raise DestinationUnavailable("away")
        return really_end(*arguments, **named)

    monkeypatch.setattr(aftermath, "end", end)
    assert in_pages.sync().outcome == "succeeded"
    assert in_pages.syncs()[0]["outcome"] == "succeeded"


def test_progress_that_cannot_be_written_does_not_stop_the_sync(in_pages: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise DestinationUnavailable("away")

    monkeypatch.setattr(record, "save", away)
    with capture_logs() as logs:
        assert in_pages.sync().outcome == "succeeded"
    assert [entry["event"] for entry in logs].count("state_away") == 1
    assert in_pages.syncs()[0]["records_read"] == 60
    assert in_pages.one("SELECT outcome, records_read FROM penstock.sync_streams") == {
        "outcome": "succeeded",
        "records_read": 60,
    }


def test_a_sync_that_others_took_for_dead_changes_nothing_any_more(in_pages: Rig) -> None:
    def take_over(progress: Progress) -> None:
        if progress.read == A_THIRD:
            in_pages.execute("UPDATE penstock.syncs SET outcome = 'interrupted', finished_at = now()")

    in_pages.sync(watch=take_over)
    assert in_pages.syncs()[0]["outcome"] == "interrupted"
    assert connection(in_pages)["succeeded_at"] is None


def test_an_unknown_connection_is_told_so(rig: Rig) -> None:
    from engine.sync.run import run_sync  # noqa: PLC0415 - beside the one use

    with pytest.raises(NotFound):
        run_sync(rig.database, rig.vault, "nothing", "manual", stop=threading.Event())


def test_a_destination_session_that_is_cut_fails_and_the_next_sync_goes_on(in_pages: Rig) -> None:
    def cut(progress: Progress) -> None:
        if progress.read == A_THIRD:
            with in_pages.person() as person:
                person.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
                )

    outcome = in_pages.sync(watch=cut)
    assert (outcome.outcome, outcome.error_code) == ("failed", "destination_unavailable")
    assert outcome.retry_at is not None
    assert in_pages.sync().outcome == "succeeded"
    assert in_pages.loaded() == list(range(60))


def test_no_secret_is_written_anywhere(in_pages: Rig) -> None:
    in_pages.configure(fail_at=2, failure="mistake")
    in_pages.sync()
    with in_pages.person() as person:
        tables = person.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'penstock'").fetchall()
        for found in tables:
            query = psycopg.sql.SQL("SELECT t::text FROM {} t").format(
                psycopg.sql.Identifier("penstock", found["tablename"])
            )
            assert not [row for row in person.execute(query) if "planted-secret" in row["t"]], found


def test_a_sync_that_another_process_has_ended_stops(rig: Rig) -> None:
    rig.connect(pages=40, size=1, seconds=0.05)

    def end_it(progress: Progress) -> None:
        if progress.read:
            rig.execute("UPDATE penstock.syncs SET outcome = 'interrupted', finished_at = now()")

    assert rig.sync(watch=end_it).outcome == "cancelled"
    assert len(rig.loaded()) < 40
    assert [sync["outcome"] for sync in rig.syncs()] == ["interrupted"]


def test_a_sync_ends_whatever_its_source_says(rig: Rig) -> None:
    rig.connect(pages=3, fail_at=1, failure="gibberish")
    ended = rig.sync()
    assert (ended.outcome, ended.error) == ("failed", "The source said: a\ufffdb.")
    assert rig.syncs()[0]["error"] == ended.error
