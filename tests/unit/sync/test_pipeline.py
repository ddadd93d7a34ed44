from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from support.memory import MemorySession, ScriptedSource, Step, raises, stream, table, waits

from engine.contract import (
    AccessDenied,
    Cancelled,
    Checkpoint,
    DestinationUnavailable,
    Expected,
    Loaded,
    Notice,
    QuotaSpent,
    Rows,
    SchemaChange,
    SourceUnavailable,
    Stream,
)
from engine.sync import pipeline
from engine.sync.load import ROWS, Load
from engine.sync.pipeline import pump

CONTACTS, DEALS = stream("contact"), stream("deal")


class Notes:
    """An observer that writes everything down."""

    def __init__(self) -> None:
        self.loads: list[tuple[str, int]] = []
        self.said: list[tuple[str, Expected | Notice]] = []
        self.changes: list[str] = []
        self.ends: dict[str, BaseException | None] = {}
        self.ticks = 0

    def loaded(self, load: Load, loaded: Loaded) -> None:
        self.loads.append((load.stream, loaded.inserted))

    def told(self, stream: str, message: Expected | Notice) -> None:
        self.said.append((stream, message))

    def changed(self, change: SchemaChange, changes: Sequence[str]) -> None:
        self.changes += [change.reason, *changes]

    def ended(self, stream: str, error: BaseException | None) -> None:
        assert stream not in self.ends
        self.ends[stream] = error

    def tick(self) -> None:
        self.ticks += 1


class Run:
    """One run of the pipeline over scripted streams, with everything that came of it."""

    def __init__(self, session: MemorySession | None = None) -> None:
        self.session = session or MemorySession()
        self.stop = threading.Event()
        self.notes = Notes()
        self.source = ScriptedSource({})

    def pump(self, scripts: dict[Stream, Sequence[Step]]) -> None:
        self.source = ScriptedSource(scripts)
        for each in scripts:
            for one in each.tables:
                self.session.prepare(one)
        pump(self.source, list(scripts), self.session, self.notes, self.stop)

    def ids(self, name: str) -> list[str]:
        return sorted(key[0] for key in self.session.tables[name])


@pytest.fixture
def run() -> Run:
    return Run()


def page(name: str, number: int, *, size: int = 1) -> list[Step]:
    """A page of records and the checkpoint after it, as steps `2 * number` and `2 * number + 1`."""
    records = [(f"{number:04}-{i}",) for i in range(size)]
    return [Rows(name, ("id",), records), Checkpoint({"step": 2 * number + 1})]


def pages(name: str, count: int, *, size: int = 1) -> list[Step]:
    return [step for number in range(count) for step in page(name, number, size=size)]


def test_all_streams_are_read_to_their_ends(run: Run) -> None:
    run.pump({CONTACTS: pages("contact", 30, size=100), DEALS: [Expected(5), *pages("deal", 5)]})
    assert len(run.ids("contact")) == 3000
    assert len(run.ids("deal")) == 5
    assert run.session.known == {"contact": {"step": 59}, "deal": {"step": 9}}
    assert run.notes.ends == {"contact": None, "deal": None}
    assert run.notes.said == [("deal", Expected(5))]
    assert sorted(run.source.closed) == ["contact", "deal"]


def test_small_units_share_commits_and_large_ones_do_not_wait(run: Run) -> None:
    run.pump({CONTACTS: pages("contact", 45, size=100)})
    assert [records for _, records in run.notes.loads] == [ROWS, ROWS, 500]


def test_a_stream_goes_on_from_its_cursor(run: Run) -> None:
    run.session.known["contact"] = {"step": 3}
    run.pump({CONTACTS: pages("contact", 4)})
    assert run.source.began_at == {"contact": {"step": 3}}
    assert run.ids("contact") == ["0002-0", "0003-0"]


def test_a_cursor_without_rows_is_committed_too(run: Run) -> None:
    run.pump({CONTACTS: [Checkpoint({"step": 0})]})
    assert run.session.known == {"contact": {"step": 0}}


def test_a_slow_stream_shows_its_progress(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sync.reader.AT_LEAST_EVERY", 0.0)
    run.pump({CONTACTS: pages("contact", 3)})
    assert run.notes.loads == [("contact", 1)] * 3


def test_a_schema_change_is_made_before_the_rows_that_need_it(run: Run) -> None:
    wider = table("contact", "city")
    run.pump(
        {
            CONTACTS: [
                Rows("contact", ("id",), [("1",)]),
                SchemaChange(wider, "a property was added"),
                Rows("contact", ("id", "city"), [("2", "Bern")]),
                Checkpoint({"step": 3}),
            ]
        }
    )
    assert run.session.prepared[-1] == wider
    assert run.notes.changes == ["a property was added", "table contact changed"]
    assert run.session.tables["contact"][("2",)] == ("2", "Bern")


def test_a_stream_without_access_does_not_stop_the_others(run: Run) -> None:
    denied = AccessDenied("The token lacks a scope.", scopes=["crm.objects.deals.read"], stream="deal")
    run.pump({DEALS: [raises(denied)], CONTACTS: pages("contact", 50, size=100)})
    assert len(run.ids("contact")) == 5000
    assert run.notes.ends == {"contact": None, "deal": denied}


def test_when_no_stream_has_access_the_run_fails(run: Run) -> None:
    denied = AccessDenied("The token lacks a scope.", scopes=["x"])
    with pytest.raises(AccessDenied):
        run.pump({DEALS: [raises(denied)], CONTACTS: [raises(denied)]})


@pytest.mark.parametrize(
    "error",
    [
        SourceUnavailable("It did not answer."),
        QuotaSpent("Spent.", policy="daily", retry_at=datetime(2026, 11, 21, tzinfo=UTC)),
        ZeroDivisionError("a mistake in a source"),
    ],
)
def test_a_streams_error_stops_all_and_what_is_whole_is_committed(run: Run, error: Exception) -> None:
    others_wait = waits(threading.Event(), run.stop)
    with pytest.raises(type(error)) as caught:
        run.pump(
            {
                DEALS: [*pages("deal", 2), Rows("deal", ("id",), [("half",)]), raises(error)],
                CONTACTS: [*pages("contact", 3), Rows("contact", ("id",), [("half",)]), others_wait],
            }
        )
    assert caught.value is error
    assert run.ids("deal") == ["0000-0", "0001-0"]
    assert run.ids("contact") == ["0000-0", "0001-0", "0002-0"]
    assert isinstance(run.notes.ends["contact"], Cancelled)
    assert run.notes.ends["deal"] is error
    assert sorted(run.source.closed) == ["contact", "deal"]


def test_whoever_asks_to_stop_cancels_at_the_next_message(run: Run) -> None:
    with pytest.raises(Cancelled):
        run.pump({CONTACTS: [*pages("contact", 3), run.stop.set, *page("contact", 3), *page("contact", 4)]})
    assert run.ids("contact") == ["0000-0", "0001-0", "0002-0"]
    assert run.source.closed == ["contact"]


def test_a_stop_after_the_last_stream_ended_cancels_nothing(run: Run) -> None:
    run.pump({CONTACTS: [*pages("contact", 3), run.stop.set]})
    assert run.notes.ends == {"contact": None}


def test_a_reader_that_hangs_is_left_behind(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "GRACE", 0.2)
    released = threading.Event()

    def hang() -> None:
        run.stop.set()
        released.wait(20)

    began = time.monotonic()
    with pytest.raises(Cancelled):
        run.pump({CONTACTS: [*pages("contact", 1), hang, *page("contact", 1)]})
    assert time.monotonic() - began < 5
    assert isinstance(run.notes.ends["contact"], Cancelled)
    released.set()


def test_a_destination_that_fails_stops_the_readers(run: Run) -> None:
    error = DestinationUnavailable("It broke off.")

    def fail_later(_stream: str) -> None:
        if run.session.commits:
            raise error

    run.session.before_commit = fail_later
    with pytest.raises(DestinationUnavailable) as caught:
        run.pump({CONTACTS: pages("contact", 1_000, size=100), DEALS: [waits(threading.Event(), run.stop)]})
    assert caught.value is error
    assert len(run.session.commits) == 1
    assert run.session.known == {"contact": {"step": 39}}


def test_a_stream_that_was_read_but_not_loaded_is_not_done(run: Run) -> None:
    def fail(_stream: str) -> None:
        raise DestinationUnavailable("It broke off.")

    run.session.before_commit = fail
    with pytest.raises(DestinationUnavailable):
        run.pump({CONTACTS: pages("contact", 1)})
    assert isinstance(run.notes.ends["contact"], Cancelled)


def test_the_first_error_is_the_one_that_counts(run: Run) -> None:
    both = threading.Barrier(2)

    def meet() -> None:
        both.wait(10)

    def late() -> None:
        assert run.stop.wait(10)

    with pytest.raises(SourceUnavailable, match="first"):
        run.pump(
            {
                CONTACTS: [meet, raises(SourceUnavailable("first"))],
                DEALS: [meet, late, raises(SourceUnavailable("second"))],
            }
        )


def test_a_source_that_forgets_its_checkpoint_is_told_so(run: Run) -> None:
    with pytest.raises(RuntimeError, match="without a checkpoint"):
        run.pump({CONTACTS: [Rows("contact", ("id",), [("1",)])]})


def test_readers_wait_for_a_slow_destination(run: Run) -> None:
    """However fast they read, only a few loads are in memory."""
    read = 0
    most_ahead = 0

    def count() -> None:
        nonlocal read
        read += 1

    def measure(_stream: str) -> None:
        nonlocal most_ahead
        time.sleep(0.01)
        most_ahead = max(most_ahead, read - len(run.session.commits))

    run.session.before_commit = measure
    script = [step for number in range(40) for step in (*page("contact", number, size=ROWS), count)]
    run.pump({CONTACTS: script})
    assert len(run.session.commits) == 40
    assert most_ahead <= 5


def test_many_readers_together_hold_no_more_than_a_few_loads(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    per_page = 100 * 1_000
    monkeypatch.setattr("engine.sync.reader.IN_MEMORY", 5 * per_page)
    streams = [stream(f"s{number}") for number in range(10)]
    read, loaded = [0], [0]
    most = [0]

    def count() -> None:
        read[0] += 1

    def measure(_stream: str) -> None:
        time.sleep(0.005)
        loaded[0] += len(run.session.staged)
        most[0] = max(most[0], read[0] - loaded[0])

    run.session.before_commit = measure

    def script(name: str) -> list[Step]:
        long = "x" * 1_000
        one = [Rows(name, ("id", "text"), [(str(number), long) for number in range(100)]), count]
        return [step for number in range(20) for step in (*one, Checkpoint({"step": 3 * number + 2}))]

    run.pump({each: script(each.name) for each in streams})
    assert loaded[0] == 200
    assert most[0] < 5 + 2 * len(streams)


def test_it_gives_signs_of_life_while_it_waits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "TICK", 0.01)
    enough = threading.Event()
    ticked = run.notes.tick

    def tick() -> None:
        ticked()
        if run.notes.ticks > 5:
            enough.set()

    run.notes.tick = tick  # type: ignore[method-assign]
    run.pump({CONTACTS: [waits(enough, run.stop), Checkpoint({"step": 1})]})
    assert run.notes.ticks > 5
