"""What a person takes away from the destination is there again after the next sync."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.rig import Rig

from engine.sync.report import Report

PAGES, SIZE = 3, 10
ALL = list(range(PAGES * SIZE))


@pytest.fixture
def synced(rig: Rig) -> Iterator[Rig]:
    """Two streams, read to their ends."""
    rig.connect(streams=["a", "b"], pages=PAGES, size=SIZE)
    assert rig.sync().outcome == "succeeded"
    yield rig
    assert rig.sync().progress.read == 0  # and that was that


def read(rig: Rig) -> dict[str, int]:
    """The records that the last sync read, by stream."""
    streams = rig.rows("SELECT stream, records_read FROM penstock.sync_streams ORDER BY sync_id DESC, stream LIMIT 2")
    return {stream["stream"]: stream["records_read"] for stream in streams}


def told(rig: Rig, kind: str) -> list[str]:
    return [event["message"] for event in rig.rows("SELECT message FROM penstock.events WHERE kind = %s", kind)]


def test_a_dropped_table_is_filled_again_and_no_other_is_read(synced: Rig) -> None:
    synced.execute("DROP TABLE test.a")
    outcome = synced.sync()
    assert (outcome.outcome, read(synced)) == ("succeeded", {"a": len(ALL), "b": 0})
    assert synced.loaded("a") == synced.loaded("b") == ALL
    assert told(synced, "refilled") == ["The table a was not there: a is read anew to fill it."]
    assert [(notice["code"], notice["stream"]) for notice in synced.syncs()[-1]["notices"]] == [("refilled", "a")]


def test_a_dropped_column_is_filled_again_and_no_other_table_is_read(synced: Rig) -> None:
    before = synced.rows("SELECT id, name FROM test.a ORDER BY id")
    synced.execute("ALTER TABLE test.a DROP name")
    outcome = synced.sync()
    assert (outcome.outcome, read(synced)) == ("succeeded", {"a": len(ALL), "b": 0})
    assert synced.rows("SELECT id, name FROM test.a ORDER BY id") == before
    assert told(synced, "refilled") == ["The table a was without its name: a is read anew to fill it."]


def test_a_dropped_schema_is_filled_again(synced: Rig) -> None:
    synced.execute("DROP SCHEMA test CASCADE")
    assert synced.sync().outcome == "succeeded"
    assert synced.loaded("a") == synced.loaded("b") == ALL
    assert len(told(synced, "refilled")) == 2


@pytest.mark.parametrize("lost", ["DROP TABLE penstock.cursors", "DELETE FROM penstock.cursors"])
def test_without_cursors_everything_is_read_again_over_the_rows(synced: Rig, lost: str) -> None:
    synced.execute("INSERT INTO test.a (id, name) VALUES (999, 'mine')")
    synced.execute(lost)
    outcome = synced.sync()
    assert (outcome.outcome, read(synced)) == ("succeeded", {"a": len(ALL), "b": len(ALL)})
    assert (outcome.progress.loaded.inserted, outcome.progress.loaded.updated) == (0, 0)
    assert synced.loaded("a") == [*ALL, 999]
    assert len(told(synced, "cursors_lost")) == 1
    assert not synced.one("SELECT is_historical_sync FROM penstock.connections")["is_historical_sync"]


def test_dropped_rejects_are_made_again(synced: Rig) -> None:
    synced.execute("DROP TABLE penstock.rejects")
    assert synced.sync().progress.read == 0
    assert synced.rows("SELECT * FROM penstock.rejects") == []


def test_a_crash_after_the_table_was_made_again_still_fills_it(synced: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    synced.execute("DROP TABLE test.a")

    def crash(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(Report, "prepared", crash)
        with pytest.raises(SystemExit):
            synced.sync()
    assert synced.loaded("a") == []
    assert synced.rows("SELECT to_regclass('test.a') AS there")[0]["there"] is not None
    assert synced.sync().outcome == "succeeded"
    assert synced.loaded("a") == ALL


def test_a_refill_that_was_broken_off_goes_on(synced: Rig) -> None:
    synced.execute("DROP TABLE test.a")
    synced.configure(fail_at=2)
    assert synced.sync().outcome == "failed"
    synced.configure(fail_at=None)
    assert synced.sync().progress.read == SIZE
    assert synced.loaded("a") == ALL
    assert len(told(synced, "refilled")) == 1
