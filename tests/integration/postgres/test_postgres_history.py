"""A table that keeps every version of its rows, and what becomes of one that begins or ends to."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from postgres_harness import Harness

from engine.contract import (
    Column,
    ColumnType,
    Complete,
    Deletion,
    DestinationRefused,
    Loaded,
    LoadSession,
    Present,
    Row,
    Rows,
    Table,
)

PLAIN = Table(
    "deal",
    (
        Column("id", ColumnType.BIGINT),
        Column("name", ColumnType.TEXT),
        Column("amount", ColumnType.NUMERIC),
    ),
    ("id",),
    deleted_aliases=("is_deleted",),
)
DEAL = replace(PLAIN, history=True)
NEVER = "9999-12-31 23:59:59.999+00"


def commit(session: LoadSession, *batches: Any) -> Loaded:
    for batch in batches:
        session.write(batch)
    return session.commit("deals", {})


def deals(*rows: Row, deleted: bool = False) -> Rows:
    return Rows("deal", PLAIN.column_names, rows, deleted)


def versions(harness: Harness, table: str = "deal") -> list[tuple[Any, ...]]:
    """Each version as (id, name, amount, is it active, is it marked deleted), in order."""
    found = harness.person.execute(
        "SELECT id, name, amount::text, _fivetran_active, _fivetran_deleted AND is_deleted"
        f" FROM hubspot.{table} ORDER BY id, _fivetran_start",
        prepare=False,
    )
    return found.fetchall()


def test_a_change_closes_a_version_and_opens_another(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    assert commit(session, deals(("1", "One", "1"), ("2", "Two", None))) == Loaded(inserted=2)
    assert commit(session, deals(("1", "Uno", "1"), ("2", "Two", None), ("3", "Three", "3"))) == Loaded(1, updated=1)
    assert versions(harness) == [
        (1, "One", "1", False, False),
        (1, "Uno", "1", True, False),
        (2, "Two", None, True, False),
        (3, "Three", "3", True, False),
    ]
    times = harness.person.execute(
        "SELECT a._fivetran_end - b._fivetran_start = interval '-1 microsecond', b._fivetran_end = %s"
        " FROM hubspot.deal AS a JOIN hubspot.deal AS b USING (id) WHERE NOT a._fivetran_active AND b._fivetran_active",
        [NEVER],
    )
    assert times.fetchall() == [(True, True)]


def test_the_same_again_writes_nothing(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    commit(session, deals(("1", "One", "1.50"), ("2", "Two", None)))
    commit(session, deals(("2", "Two", "2")), Deletion("deal", ("id",), [("1",)]))
    before = harness.person.execute("SELECT xmin::text, ctid::text FROM hubspot.deal ORDER BY ctid").fetchall()
    again: list[list[Any]] = [
        [deals(("2", "Two", "2.0"))],
        [Deletion("deal", ("id",), [("1",), ("404",)])],
        [deals(("1", "One", "1.5"), deleted=True)],
        [Complete("deal"), deals(("2", "Two", "2"))],
        [Present("deal", "id", ["2"])],
        [Rows("deal", ("id", "name"), [("2", "Two"), ("404", "None")])],
    ]
    for batches in again:
        assert commit(session, *batches) == Loaded(), batches
    assert harness.person.execute("SELECT xmin::text, ctid::text FROM hubspot.deal ORDER BY ctid").fetchall() == before


def test_a_deletion_closes_and_a_restore_opens(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    commit(session, deals(("1", "One", "1"), ("2", "Two", None), ("3", "Three", None)))
    gone = commit(
        session, Deletion("deal", ("id",), [("1",)]), deals(("2", "last", None), ("9", "x", None), deleted=True)
    )
    assert gone == Loaded(inserted=1, deleted=2)
    assert commit(session, Present("deal", "id", [])) == Loaded(deleted=1)
    assert commit(session, deals(("1", "One", "1"))) == Loaded(updated=1)
    assert versions(harness) == [
        (1, "One", "1", False, True),
        (1, "One", "1", True, False),
        (2, "Two", None, False, True),
        (2, "last", None, False, True),
        (3, "Three", None, False, True),
        (9, "x", None, False, True),
    ]


def test_versions_do_not_overlap_whatever_one_commit_brings(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    commit(session, deals(("1", "One", None)))
    names = [("Two", True), ("Three", False), ("Four", True), ("Five", False)]
    commit(session, *(deals(("1", name, None), deleted=deleted) for name, deleted in names))
    assert [row[1] for row in versions(harness)] == ["One", *(name for name, _ in names)]
    overlapping = harness.person.execute(
        "SELECT a.name, b.name FROM hubspot.deal AS a JOIN hubspot.deal AS b ON a._fivetran_start < b._fivetran_start"
        " WHERE a._fivetran_end >= b._fivetran_start OR a._fivetran_end < a._fivetran_start"
    )
    assert overlapping.fetchall() == []


def test_a_part_of_the_columns_keeps_the_others(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    commit(session, deals(("1", "One", "1")))
    assert commit(session, Rows("deal", ("amount", "id"), [("7", "1"), ("8", "2")])) == Loaded(updated=1)
    assert versions(harness) == [(1, "One", "1", False, False), (1, "One", "7", True, False)]


def test_only_what_is_true_now_is_held(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    commit(session, deals(("1", "One", "1"), ("2", "Two", None)))
    commit(session, deals(("1", "Uno", "1")), Deletion("deal", ("id",), [("2",)]))
    rows = [("1", "One"), ("1", "Uno"), ("2", "Two"), ("3", "Three")]
    assert session.lacking("deal", ("id", "name"), rows) == [rows[0], *rows[2:]]
    assert session.holds_any("deal")


def test_a_commit_that_fails_leaves_neither(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    commit(session, deals(("1", "One", "1")))
    harness.person.execute("ALTER TABLE hubspot.deal ADD CHECK (name <> 'bad')")
    with pytest.raises(DestinationRefused):
        commit(session, deals(("1", "bad", "1")))
    assert versions(harness) == [(1, "One", "1", True, False)]


def test_a_value_that_does_not_fit_widens(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    commit(session, deals(("1", "One", "1")))
    assert commit(session, deals(("1", "One", "1;2"))).updated == 1
    assert versions(harness) == [(1, "One", "1", False, False), (1, "One", "1;2", True, False)]


def test_a_clock_that_goes_back_does_not_matter(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    commit(session, deals(("1", "One", "1")))
    harness.person.execute("UPDATE hubspot.deal SET _fivetran_start = '2100-01-01'")
    commit(session, deals(("1", "Uno", "1")))
    commit(session, Deletion("deal", ("id",), [("1",)]))
    found = harness.person.execute(
        "SELECT name, _fivetran_end >= _fivetran_start, _fivetran_start >= '2100-01-01' FROM hubspot.deal"
        " ORDER BY _fivetran_start"
    )
    assert found.fetchall() == [("One", True, True), ("Uno", True, True)]


def test_a_table_begins_to_keep_history_with_what_it_has(harness: Harness) -> None:
    with closing(harness.destination.open("hubspot")) as session:
        session.prepare(PLAIN)
        commit(session, deals(("1", "One", "1"), ("2", "Two", None)))
        commit(session, Deletion("deal", ("id",), [("2",)]))
    harness.person.execute("ALTER TABLE hubspot.deal ADD mine text DEFAULT 'x'")
    with closing(harness.destination.open("hubspot")) as session:
        prepared = session.prepare(DEAL, ["deals"])
        assert (prepared.made, prepared.forgotten) == (False, ())
        assert versions(harness) == [(1, "One", "1", True, False), (2, "Two", None, False, True)]
        same = "SELECT count(*) FROM hubspot.deal WHERE _fivetran_start = _fivetran_synced AND mine = 'x'"
        assert harness.person.execute(same).fetchone() == (2,)
        commit(session, deals(("1", "Uno", "1"), ("2", "Two", None)))
        assert [row[1:4:2] for row in versions(harness)] == [
            ("One", False),
            ("Uno", True),
            ("Two", False),
            ("Two", True),
        ]
    with closing(harness.destination.open("hubspot")) as session:
        assert session.prepare(DEAL).changes == ()


def test_what_depends_on_the_key_is_in_the_way(harness: Harness) -> None:
    with closing(harness.destination.open("hubspot")) as session:
        session.prepare(PLAIN)
    harness.person.execute("CREATE TABLE mine (id bigint REFERENCES hubspot.deal)")
    with closing(harness.destination.open("hubspot")) as session, pytest.raises(DestinationRefused, match="depends on"):
        session.prepare(DEAL)
    with closing(harness.destination.open("hubspot")) as session:
        assert session.prepare(PLAIN).changes == ()


def test_a_table_that_ends_to_keep_history_keeps_it_under_another_name(harness: Harness) -> None:
    for number in ("", "_2"):
        with closing(harness.destination.open("hubspot")) as session:
            session.prepare(DEAL)
            commit(session, deals(("1", "One", "1")))
            commit(session, deals(("1", "Uno", "1")))
        with closing(harness.destination.open("hubspot")) as session:
            prepared = session.prepare(PLAIN, ["deals"])
            assert (prepared.made, prepared.forgotten) == (True, ("deals",))
            assert harness.read("hubspot", "deal") == []
        assert len(versions(harness, f"deal_history{number}")) == 2


def test_what_is_erased_is_so_where_versions_were_set_aside(harness: Harness) -> None:
    with closing(harness.destination.open("hubspot")) as session:
        session.prepare(DEAL)
        commit(session, deals(("1", "planted", "1")))
        commit(session, deals(("1", "planted too", "1")))
    with closing(harness.destination.open("hubspot")) as session:
        session.prepare(PLAIN, ["deals"])
        commit(session, deals(("1", "planted", "1")))
        session.erase("deal", ["name"])
    kept = [harness.read("hubspot", table) for table in ("deal", "deal_history")]
    assert "planted" not in str(kept)
    assert [len(rows) for rows in kept] == [1, 2]
