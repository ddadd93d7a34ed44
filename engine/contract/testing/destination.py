"""What every destination must pass."""
# ruff: noqa: S101 - assertions are what tests are made of

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Protocol, TypeAlias

import pytest

from engine.contract import (
    ACTIVE,
    DELETED,
    SYNCED,
    Batch,
    Cell,
    Column,
    ColumnType,
    Complete,
    Deletion,
    Destination,
    DestinationBusy,
    DestinationUnavailable,
    InvalidSetting,
    Loaded,
    LoadSession,
    Prepared,
    Present,
    Row,
    Rows,
    Table,
    TestStatus,
)
from engine.contract.naming import MAX_BYTES

SCHEMA = "contract"
DEAL = Table(
    "deal",
    (
        Column("id", ColumnType.BIGINT),
        Column("name", ColumnType.TEXT),
        Column("amount", ColumnType.NUMERIC),
        Column("closes", ColumnType.TIMESTAMPTZ),
    ),
    primary_key=("id",),
    deleted_aliases=("is_deleted",),
)
DEAL_COMPANY = Table(
    "deal_company",
    (Column("deal_id", ColumnType.BIGINT), Column("company_id", ColumnType.BIGINT), Column("label", ColumnType.TEXT)),
    primary_key=("deal_id", "company_id"),
    lookups=(("company_id",),),
)
WIDENED = [
    (ColumnType.BOOLEAN, "true", ColumnType.TEXT, "true"),
    (ColumnType.BIGINT, "17", ColumnType.NUMERIC, "17"),
    (ColumnType.BIGINT, "17", ColumnType.TEXT, "17"),
    (ColumnType.NUMERIC, "12.50", ColumnType.TEXT, "12.50"),
    (ColumnType.DOUBLE, "0.5", ColumnType.TEXT, "0.5"),
    (ColumnType.DATE, "2024-02-29", ColumnType.TIMESTAMPTZ, "2024-02-29T00:00:00.000Z"),
    (ColumnType.DATE, "2024-02-29", ColumnType.TEXT, "2024-02-29"),
    (ColumnType.TIMESTAMPTZ, "2024-09-11T15:27:39.356+02:00", ColumnType.TEXT, "2024-09-11T13:27:39.356Z"),
]
"""A type, a value of it, a wider type, and the value after the column became that."""


NATIVE = [
    (ColumnType.BOOLEAN, True, "true"),
    (ColumnType.BIGINT, 2**63 - 1, "9223372036854775807"),
    (ColumnType.NUMERIC, Decimal("12.50"), "12.50"),
    (ColumnType.DOUBLE, 0.5, "0.5"),
    (ColumnType.DATE, date(2024, 2, 29), "2024-02-29"),
    (ColumnType.TIMESTAMPTZ, datetime(2024, 9, 11, 13, 27, 39, 356000, UTC), "2024-09-11T13:27:39.356Z"),
    (ColumnType.TEXT, "text", "text"),
]
"""A type, a native value of it, and its canonical text."""

IDS = [1, 2, 3, 9, 10, 11, 100]
Range: TypeAlias = tuple[int | None, int | None, list[int], list[int]]
RANGES: list[Range] = [
    (None, None, [2, 10], [2, 10]),
    (None, None, [], []),
    (None, 9, [2], [2, 10, 11, 100]),
    (9, None, [10], [1, 2, 3, 9, 10]),
    (2, 10, [9, 3], [1, 2, 3, 9, 11, 100]),
    (2, 10, [], [1, 2, 11, 100]),
    (3, 3, [], IDS),
    (3, 8, [404], IDS),
]
"""Which of `IDS` stay when, above the first and up to the second, those of the third exist."""

TEXTS = [
    "",
    " ",
    "\\N",
    "NULL",
    'tab\tnew line\r\nbackslash\\ quote\' "double" {brace} %s %(x)s',
    "naïve \u4e2d\u6587 \U0001f600 \u202e \x01\x7f",
    "x" * 65_536,
    "<p>" * 20_000,
]


class DestinationHarness(Protocol):
    """The destination under test, empty, and what its contract does not let the tests do or see."""

    destination: Destination

    def read(self, schema: str, table: str) -> list[dict[str, str | None]]:
        """The committed rows as another reader sees them, by column, as canonical text."""

    def cut(self) -> None:
        """Break every connection that the destination has open, as a server that restarts does."""


class DestinationContract:
    """Subclasses give the fixture `harness`: a `DestinationHarness`, fresh for each test."""

    @pytest.fixture
    def session(self, harness: DestinationHarness) -> Iterator[LoadSession]:
        """A session in which both tables are prepared."""
        with closing(harness.destination.open(SCHEMA)) as session:
            session.prepare(DEAL)
            session.prepare(DEAL_COMPANY)
            yield session

    # Opening and closing

    def test_its_setup_tests_pass(self, harness: DestinationHarness) -> None:
        """On a destination that works no setup test fails, and each has a title of its own."""
        tests = list(harness.destination.setup_tests())
        assert tests
        assert len({test.title for test in tests}) == len(tests)
        assert {test.status for test in tests} <= {TestStatus.PASSED, TestStatus.SKIPPED}

    def test_refuses_a_schema_that_it_cannot_make(self, harness: DestinationHarness) -> None:
        """The error names the field as the user wrote it."""
        harness.destination.validate_schema_name(SCHEMA)
        with pytest.raises(InvalidSetting) as caught:
            harness.destination.validate_schema_name("")
        assert caught.value.field == "config.schema"

    def test_a_second_session_is_turned_away_until_the_first_is_closed(self, harness: DestinationHarness) -> None:
        """Other schemas are free all the while."""
        with closing(harness.destination.open(SCHEMA)):
            with pytest.raises(DestinationBusy):
                harness.destination.open(SCHEMA)
            harness.destination.open("other").close()
        harness.destination.open(SCHEMA).close()

    def test_closing_drops_what_is_staged(self, harness: DestinationHarness, session: LoadSession) -> None:
        """The next session has nothing to commit."""
        session.write(deals(("1", "One", None, None)))
        session.close()
        with closing(harness.destination.open(SCHEMA)) as later:
            later.prepare(DEAL)
            assert later.commit("deals", {}) == Loaded()
        assert harness.read(SCHEMA, "deal") == []

    def test_a_broken_connection_moves_neither_rows_nor_cursor(
        self, harness: DestinationHarness, session: LoadSession
    ) -> None:
        """The session is of no more use; the next one goes on from what was committed."""
        session.write(deals(("1", "One", None, None)))
        session.commit("deals", {"after": "1"})
        session.write(deals(("1", "changed", None, None), ("2", "Two", None, None)))
        harness.cut()
        for call in (
            lambda: session.commit("deals", {"after": "2"}),
            lambda: session.write(deals(("2", "Two", None, None))),
            lambda: session.prepare(replace(DEAL, name="another")),
            lambda: session.forget(["deals"]),
            session.cursors,
        ):
            with pytest.raises(DestinationUnavailable):
                call()
        session.close()
        assert values(harness, "deal", "id", "name") == [("1", "One")]
        with closing(harness.destination.open(SCHEMA)) as later:
            assert later.cursors() == {"deals": {"after": "1"}}

    # Rows and cursors

    def test_rows_and_cursor_are_seen_from_commit_on(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Neither of them before it."""
        session.write(deals(("1", "One", "1.5", None)))
        assert harness.read(SCHEMA, "deal") == []
        assert session.cursors() == {}
        assert session.commit("deals", {"version": 1, "after": "1"}) == Loaded(inserted=1)
        assert session.cursors() == {"deals": {"version": 1, "after": "1"}}
        (row,) = harness.read(SCHEMA, "deal")
        assert row.pop(SYNCED) is not None
        gone = {DELETED: "false", "is_deleted": "false"}
        assert row == {"id": "1", "name": "One", "amount": "1.5", "closes": None, **gone}

    def test_cursors_outlive_the_session_and_can_be_forgotten(
        self, harness: DestinationHarness, session: LoadSession
    ) -> None:
        """Forgetting one stream leaves the others alone, and every row."""
        cursor = {"after": ["2024-09-11T13:27:39.356Z", 17, None, {"nested": True}]}
        session.write(deals(("1", "One", None, None)))
        session.commit("deals", cursor)
        session.commit("owners", {})
        session.close()
        with closing(harness.destination.open(SCHEMA)) as later:
            assert later.cursors() == {"deals": cursor, "owners": {}}
            later.forget(["deals", "never seen"])
            assert later.cursors() == {"owners": {}}
        assert values(harness, "deal", "id") == [("1",)]

    def test_loading_the_same_again_touches_nothing(self, harness: DestinationHarness, session: LoadSession) -> None:
        """A row that differs is written alone."""
        session.write(deals(("1", "One", "1.5", "2024-02-29T00:00:00Z"), ("2", None, None, None)))
        session.commit("deals", {})
        before = harness.read(SCHEMA, "deal")
        session.write(deals(("2", None, None, None), ("1", "One", "1.50", "2024-02-29T01:00:00+01:00")))
        assert session.commit("deals", {}) == Loaded()
        assert harness.read(SCHEMA, "deal") == before
        session.write(deals(("1", "One", None, "2024-02-29T00:00:00Z"), ("2", None, None, None), ("3", "", None, None)))
        assert session.commit("deals", {}) == Loaded(inserted=1, updated=1)
        assert values(harness, "deal", "id", "name", "amount") == [
            ("1", "One", None),
            ("2", None, None),
            ("3", "", None),
        ]
        untouched = [row for row in before if row["id"] == "2"]
        assert [row for row in harness.read(SCHEMA, "deal") if row["id"] == "2"] == untouched

    def test_the_last_row_of_a_key_wins(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Within a batch, over the batches of a commit, and over commits, for new rows as for known ones."""
        for start in ("first", "second"):
            session.write(deals(("1", "a", "1", None), ("2", "b", None, None), ("1", f"{start} c", None, None)))
            session.write(deals(("3", "d", None, None), ("2", f"{start} e", None, None)))
            session.write(Rows("deal", ("amount", "id"), [("7", "3"), ("8", "3")]))
            session.write(deals(("4", "f", None, None)))
            session.write(deals(("4", start, None, None)))
            session.commit("deals", {})
            assert values(harness, "deal", "id", "name", "amount") == [
                ("1", f"{start} c", None),
                ("2", f"{start} e", None),
                ("3", "d", "8"),
                ("4", start, None),
            ]

    def test_a_part_of_the_columns_leaves_the_others(self, harness: DestinationHarness, session: LoadSession) -> None:
        """In whatever order."""
        session.write(deals(("1", "One", "1.5", None), ("2", "Two", None, "2024-02-29T00:00:00Z")))
        session.commit("deals", {})
        session.write(Rows("deal", ("closes", "id"), [("2024-02-29T00:00:00Z", "1"), (None, "2")]))
        assert session.commit("deals", {}) == Loaded(updated=2)
        session.write(Rows("deal", ("closes", "id"), [("2024-02-29T01:00:00+01:00", "1"), (None, "2")]))
        assert session.commit("deals", {}) == Loaded()
        assert values(harness, "deal", "id", "name", "amount", "closes") == [
            ("1", "One", "1.5", "2024-02-29T00:00:00.000Z"),
            ("2", "Two", None, None),
        ]

    def test_a_part_of_the_columns_makes_no_row(self, harness: DestinationHarness, session: LoadSession) -> None:
        """It would lack the others; a row that comes whole in the same commit is there to be changed."""
        session.write(Rows("deal", ("id", "name"), [("1", "One"), ("2", "Two")]))
        session.write(Rows("deal", ("id", "name"), [("3", "Three")], deleted=True))
        assert session.commit("deals", {}) == Loaded()
        assert harness.read(SCHEMA, "deal") == []
        session.write(deals(("1", "One", "1.5", None)))
        session.write(Rows("deal", ("id", "name"), [("1", "Uno"), ("2", "Dos")]))
        assert session.commit("deals", {}) == Loaded(inserted=1, updated=1)
        assert values(harness, "deal", "id", "name", "amount") == [("1", "Uno", "1.5")]

    def test_rows_that_were_whole_when_written_are_whole(
        self, harness: DestinationHarness, session: LoadSession
    ) -> None:
        """Also if their table has more columns by the time of the commit; those after that lack the new ones."""
        session.write(deals(("1", "One", None, None)))
        session.prepare(replace(DEAL, columns=(*DEAL.columns, Column("extra", ColumnType.TEXT))))
        session.write(deals(("2", "Two", None, None)))
        assert session.commit("deals", {}) == Loaded(inserted=1)
        assert values(harness, "deal", "id", "extra") == [("1", None)]

    @pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:12]))
    def test_text_comes_back_as_it_went(self, harness: DestinationHarness, session: LoadSession, text: str) -> None:
        """By either way in: as a new row, and as a change."""
        session.write(deals(("1", text, None, None), ("2", None, None, None)))
        session.commit("deals", {})
        session.write(deals(("1", text, None, None), ("2", text, None, None)))
        assert session.commit("deals", {}) == Loaded(updated=1)
        assert values(harness, "deal", "name") == [(text,), (text,)]

    @pytest.mark.parametrize(("type_", "native", "text"), NATIVE)
    def test_native_values_are_the_same_as_text(
        self, harness: DestinationHarness, session: LoadSession, type_: ColumnType, native: Cell, text: str
    ) -> None:
        """In a column of their type, and in one that has become text."""
        for kind in (type_, ColumnType.TEXT):
            session.prepare(Table("thing", (Column("id", ColumnType.BIGINT), Column("value", kind)), ("id",)))
            session.write(Rows("thing", ("id", "value"), [(1, native), ("2", native)]))
            session.commit("things", {})
            session.write(Rows("thing", ("id", "value"), [("1", text), (2, text)]))
            assert session.commit("things", {}) == Loaded()
            assert values(harness, "thing", "value") == [(text,), (text,)]

    # Rows that go

    def test_deleted_rows_stay_and_are_marked(self, harness: DestinationHarness, session: LoadSession) -> None:
        """With their last state where it is known, and without the mark as soon as they are back."""
        session.write(deals(("1", "One", None, None), ("2", "Two", None, None)))
        session.commit("deals", {})
        session.write(deals(("1", "last", None, None), ("9", "Nine", None, None), deleted=True))
        session.write(Deletion("deal", ("id",), [("2",), ("404",), ("2",)]))
        assert session.commit("deals", {}) == Loaded(inserted=1, deleted=2)
        assert values(harness, "deal", "id", "name", DELETED, "is_deleted") == [
            ("1", "last", "true", "true"),
            ("2", "Two", "true", "true"),
            ("9", "Nine", "true", "true"),
        ]
        session.write(Deletion("deal", ("id",), [("1",), ("2",)]))
        session.write(deals(("9", "Nine", None, None), deleted=True))
        assert session.commit("deals", {}) == Loaded()
        session.write(Rows("deal", ("id",), [("1",)]))
        session.write(deals(("2", "Two", None, None)))
        assert session.commit("deals", {}) == Loaded(updated=2)
        assert values(harness, "deal", "id", "name", DELETED, "is_deleted") == [
            ("1", "last", "false", "false"),
            ("2", "Two", "false", "false"),
            ("9", "Nine", "true", "true"),
        ]

    def test_rows_go_by_other_columns_than_the_key(self, harness: DestinationHarness, session: LoadSession) -> None:
        """By a lookup, by a part of the key, by several columns."""
        session.write(pairs(("1", "10"), ("1", "20"), ("2", "10"), ("3", "30")))
        session.commit("deals", {})
        session.write(Deletion("deal_company", ("company_id",), [("10",)]))
        session.write(Deletion("deal_company", ("company_id", "deal_id"), [("30", "3"), ("20", "3")]))
        assert session.commit("deals", {}) == Loaded(deleted=3)
        assert there(harness) == [("1", "20")]
        session.write(Deletion("deal_company", ("deal_id",), [("1",)]))
        session.commit("deals", {})
        assert there(harness) == []

    def test_complete_keys_lose_the_rows_not_given(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Rows of other keys stay; a key without rows loses all of them."""
        session.write(pairs(("1", "10"), ("1", "20"), ("2", "10"), ("2", "30"), ("3", "10")))
        session.commit("deals", {})
        session.write(pairs(("1", "20"), ("1", "40")))
        session.write(Complete("deal_company", ("deal_id",), [("1",), ("2",), ("404",)]))
        assert session.commit("deals", {}) == Loaded(inserted=1, deleted=3)
        assert there(harness) == [("1", "20"), ("1", "40"), ("3", "10")]

    def test_a_complete_table_loses_the_rows_not_given(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Also when none are given; and other tables stay."""
        session.write(deals(("1", "One", None, None)))
        session.write(pairs(("1", "10"), ("1", "20"), ("2", "10")))
        session.commit("deals", {})
        session.write(pairs(("1", "20")))
        session.write(Complete("deal_company"))
        assert session.commit("deals", {}) == Loaded(deleted=2)
        assert there(harness) == [("1", "20")]
        session.write(Complete("deal_company"))
        session.commit("deals", {})
        assert there(harness) == []
        assert values(harness, "deal", DELETED) == [("false",)]

    def test_rows_come_before_deletions_and_those_before_completes(
        self, harness: DestinationHarness, session: LoadSession
    ) -> None:
        """In whatever order they were written."""
        session.write(Complete("deal_company", ("deal_id",), [("1",)]))
        session.write(Deletion("deal_company", ("deal_id", "company_id"), [("1", "10"), ("2", "10")]))
        session.write(pairs(("1", "10"), ("1", "20")))
        session.write(pairs(("2", "10"), ("2", "20")))
        session.commit("deals", {})
        assert there(harness) == [("1", "20"), ("2", "20")]
        session.write(Complete("deal_company", ("deal_id",), [("2",)]))
        session.write(pairs(("2", "30")))
        session.commit("deals", {})
        assert there(harness) == [("1", "20"), ("2", "30")]

    # Rows that are present

    @pytest.mark.parametrize("case", RANGES)
    @pytest.mark.parametrize("written_as", [str, int])
    def test_rows_of_a_range_go_unless_they_are_present(
        self, harness: DestinationHarness, session: LoadSession, case: Range, written_as: Callable[[int], Cell]
    ) -> None:
        """Above the one bound, up to the other; numbers in their order and not in that of their digits."""
        above, to, keys, stay = case
        session.write(deals(*((str(id_), "name", None, None) for id_ in IDS)))
        session.commit("deals", {})
        above, to = (None if bound is None else written_as(bound) for bound in (above, to))
        session.write(Present("deal", "id", [written_as(key) for key in keys], above, to))
        assert session.commit("deals", {}) == Loaded(deleted=len(IDS) - len(stay))
        assert alive(harness) == sorted(stay)

    def test_text_keys_are_in_the_order_of_their_code_points(
        self, harness: DestinationHarness, session: LoadSession
    ) -> None:
        """Whatever language the destination sorts by."""
        table = Table("stage", (Column("id", ColumnType.TEXT),), ("id",))
        session.prepare(table)
        session.write(Rows("stage", ("id",), [(id_,) for id_ in ("10", "9", "B", "a", "b", "\u00e4", "\U0001f600")]))
        session.commit("stages", {})
        session.write(Present("stage", "id", ["a"], above="9", to="a"))
        session.write(Present("stage", "id", ["\u00e4", "zz"], above="b"))
        assert session.commit("stages", {}) == Loaded(deleted=2)
        rows = harness.read(SCHEMA, "stage")
        assert {str(row["id"]) for row in rows if row[DELETED] == "true"} == {"B", "\U0001f600"}

    def test_a_row_just_given_is_present(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Whether it was there before, whole or in part, and in whatever order it is said; the next commit is another matter."""
        session.write(deals(*((id_, "name", None, None) for id_ in ("1", "2", "3"))))
        session.commit("deals", {})
        session.write(Present("deal", "id", ["7"]))
        session.write(deals(("1", "changed", None, None), ("4", "new", None, None)))
        session.write(Rows("deal", ("id", "name"), [("2", "changed")]))
        assert session.commit("deals", {}) == Loaded(inserted=1, updated=2, deleted=1)
        assert alive(harness) == [1, 2, 4]
        session.write(Present("deal", "id", ["1"]))
        assert session.commit("deals", {}) == Loaded(deleted=2)
        assert alive(harness) == [1]

    def test_what_hangs_on_a_row_goes_with_it(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Also where it was gone before, or never there; what hangs on keys that are present or out of the range stays."""
        session.write(deals(*((id_, "name", None, None) for id_ in ("1", "2", "3", "4"))))
        session.write(pairs(("0", "10"), ("1", "10"), ("2", "10"), ("2", "20"), ("3", "10"), ("4", "10")))
        session.write(Deletion("deal", ("id",), [("3",)]))
        session.commit("deals", {})
        session.write(Present("deal", "id", ["1"], to="3", dependents=(("deal_company", "deal_id"),)))
        assert session.commit("deals", {}) == Loaded(deleted=5)
        assert alive(harness) == [1, 4]
        assert there(harness) == [("1", "10"), ("4", "10")]

    def test_what_hangs_on_a_row_just_given_stays(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Although nobody else calls the row present."""
        session.write(deals(("1", "One", None, None)))
        session.write(pairs(("1", "10"), ("2", "10")))
        session.commit("deals", {})
        session.write(deals(("2", "Two", None, None)))
        session.write(Present("deal", "id", [], dependents=(("deal_company", "deal_id"),)))
        assert session.commit("deals", {}) == Loaded(inserted=1, deleted=2)
        assert (alive(harness), there(harness)) == ([2], [("2", "10")])

    def test_rows_of_a_lookup_go_unless_they_are_present(
        self, harness: DestinationHarness, session: LoadSession
    ) -> None:
        """As by the key; rows in part that leave the lookup out say nothing of it."""
        columns = tuple(Column(name, ColumnType.BIGINT) for name in ("id", "owner", "size"))
        note = Table("note", columns, ("id",), lookups=(("owner",),))
        session.prepare(note)
        session.write(Rows("note", note.column_names, [(1, 10, 0), (2, 20, 0), (3, 30, 0), (4, 40, 0), (5, 50, 0)]))
        session.commit("notes", {})
        session.write(Rows("note", ("id", "size"), [(3, 1), (4, 1)]))
        session.write(Rows("note", note.column_names, [(6, 40, 0)]))
        session.write(Present("note", "owner", [20], above=10, to=40))
        assert session.commit("notes", {}) == Loaded(inserted=1, updated=2, deleted=1)
        rows = harness.read(SCHEMA, "note")
        assert sorted(str(row["id"]) for row in rows if row[DELETED] == "false") == ["1", "2", "4", "5", "6"]

    def test_nothing_is_written_where_nothing_is_gone(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Nor is a row brought back, or made, because it is present."""
        session.write(deals(*((id_, "name", None, None) for id_ in ("1", "2", "3"))))
        session.write(pairs(("1", "10"), ("2", "20")))
        session.write(Deletion("deal", ("id",), [("3",)]))
        session.commit("deals", {})
        before = harness.read(SCHEMA, "deal"), harness.read(SCHEMA, "deal_company")
        session.write(Present("deal", "id", ["1", "2", "3", "404"], dependents=(("deal_company", "deal_id"),)))
        assert session.commit("deals", {}) == Loaded()
        assert (harness.read(SCHEMA, "deal"), harness.read(SCHEMA, "deal_company")) == before

    def test_ranges_may_be_told_one_by_one(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Each with its cursor, so that another session goes on where the last one broke off."""
        session.write(deals(*((str(id_), "name", None, None) for id_ in range(1, 10))))
        session.commit("deals", {})
        session.write(Present("deal", "id", ["1", "3"], to="3"))
        session.commit("deals", {"up to": 3})
        session.write(Present("deal", "id", ["5"], above="3", to="6"))
        session.close()
        assert alive(harness) == [1, 3, 4, 5, 6, 7, 8, 9]
        with closing(harness.destination.open(SCHEMA)) as later:
            later.prepare(DEAL)
            assert later.cursors() == {"deals": {"up to": 3}}
            later.write(Present("deal", "id", ["5"], above="3", to="6"))
            later.write(Present("deal", "id", ["8"], above="6"))
            assert later.commit("deals", {"up to": 9}) == Loaded(deleted=4)
        assert alive(harness) == [1, 3, 5, 8]

    def test_rows_of_a_range_of_a_lookup_go_too(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Whatever the rest of their keys is; what was given just now stays."""
        session.write(pairs(("1", "10"), ("2", "20"), ("3", "20"), ("4", "30"), ("5", "40")))
        session.commit("companies", {})
        session.write(pairs(("6", "10")))
        session.write(Present("deal_company", "company_id", ["30"], to="30"))
        assert session.commit("companies", {}) == Loaded(inserted=1, deleted=2)
        assert there(harness) == [("1", "10"), ("4", "30"), ("5", "40"), ("6", "10")]

    # What is chosen anew

    def test_erased_columns_are_empty_in_every_row(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Also where the table is not prepared or not there, and of rows that are gone."""
        session.write(deals(("1", "One", "1.5", None), ("2", "Two", "2.5", None)))
        session.write(Deletion("deal", ("id",), [("2",)]))
        session.commit("deals", {})
        session.close()
        with closing(harness.destination.open(SCHEMA)) as later:
            later.erase("deal", ["amount", "never there"])
            later.erase("never there", ["amount"])
        assert values(harness, "deal", "id", "name", "amount") == [("1", "One", None), ("2", "Two", None)]

    # History

    def test_history_keeps_every_version(self, harness: DestinationHarness, session: LoadSession) -> None:
        """One of them at most is active; what is given again writes nothing."""
        session.prepare(replace(DEAL, name="kept", history=True))
        told: list[tuple[Batch, Loaded]] = [
            (Rows("kept", DEAL.column_names, [("1", "One", "1", None), ("2", "Two", None, None)]), Loaded(inserted=2)),
            (Rows("kept", DEAL.column_names, [("1", "One", "1.0", None)]), Loaded()),
            (Rows("kept", ("id", "name"), [("1", "Uno"), ("404", "None")]), Loaded(updated=1)),
            (Deletion("kept", ("id",), [("1",), ("2",)]), Loaded(deleted=2)),
            (Rows("kept", DEAL.column_names, [("2", "Two", None, None)]), Loaded(updated=1)),
        ]
        for batch, loaded in told:
            session.write(batch)
            assert session.commit("kept", {}) == loaded
        assert sorted(values(harness, "kept", "id", "name", "amount", ACTIVE, DELETED)) == [
            ("1", "One", "1", "false", "false"),
            ("1", "Uno", "1", "false", "true"),
            ("2", "Two", None, "false", "true"),
            ("2", "Two", None, "true", "false"),
        ]
        assert session.lacking("kept", ("id", "name"), [("1", "Uno"), ("2", "Two")]) == [("1", "Uno")]

    # What is held

    def test_rows_are_lacking_unless_they_are_there_just_so(self, session: LoadSession) -> None:
        """Not there, gone, or with another value; but one value may be written in many ways, and none is none."""
        session.write(
            deals(
                ("1", "One", "1.50", "2024-02-29T12:00:00Z"),
                ("2", None, None, None),
                ("3", "Three", None, None),
                ("4", "", None, None),
            )
        )
        session.write(Deletion("deal", ("id",), [("3",)]))
        session.commit("deals", {})
        assert session.lacking("deal", ("id",), [("3",), ("2",), ("404",), ("1",), (4,)]) == [("3",), ("404",)]
        held = [("2024-02-29T13:00:00+01:00", 1, "1.5"), (datetime(2024, 2, 29, 12, tzinfo=UTC), "1", Decimal("1.500"))]
        assert session.lacking("deal", ("closes", "id", "amount"), held) == []
        others = [("2024-02-29T12:00:01Z", "1", "1.5"), (None, "1", "1.5"), ("2024-02-29T12:00:00Z", "1", None)]
        assert session.lacking("deal", ("closes", "id", "amount"), [*others, *held]) == others
        names = [("2", None), ("2", ""), ("4", None), ("4", ""), ("1", "one"), ("3", "Three")]
        assert session.lacking("deal", ("id", "name"), names) == [names[1], names[2], names[4], names[5]]
        assert session.lacking("deal", ("id", "name"), []) == []

    def test_what_is_committed_is_held(self, session: LoadSession) -> None:
        """From then on, and not before."""
        assert not session.holds_any("deal")
        session.write(deals(("1", "One", None, None)))
        assert session.lacking("deal", ("id",), [("1",)]) == [("1",)]
        assert not session.holds_any("deal")
        session.commit("deals", {})
        assert session.lacking("deal", ("id",), [("1",)]) == []
        assert session.holds_any("deal")
        assert not session.holds_any("deal_company")
        session.write(deals(("1", "Uno", None, None)))
        session.commit("deals", {})
        assert session.lacking("deal", ("id", "name"), [("1", "One"), ("1", "Uno")]) == [("1", "One")]

    def test_values_that_their_column_does_not_hold_are_lacking(self, session: LoadSession) -> None:
        """Until they are loaded; text that cannot be is held as it is stored."""
        born = Table("person", (Column("id", ColumnType.BIGINT), Column("born", ColumnType.DATE)), ("id",))
        session.prepare(born)
        session.write(deals(("1", "nul\0 and half \ud83d", "1", None), ("2", "Two", "2", None)))
        session.write(Rows("person", ("id", "born"), [("1", "2024-02-29")]))
        session.commit("deals", {})
        amounts = [("1", "1"), ("1", "1;2"), ("9" * 20, "1"), ("2", "2"), (None, "2")]
        assert session.lacking("deal", ("id", "amount"), amounts) == [amounts[1], amounts[2], amounts[4]]
        assert session.lacking("deal", ("id", "name"), [("1", "nul\0 and half \ud83d"), ("2", "Two\0")]) == []
        assert session.lacking("person", ("id", "born"), [("1", "2024-02-29T00:00:00Z")]) != []
        session.write(deals(("1", "One", "1;2", None)))
        session.commit("deals", {})
        assert session.lacking("deal", ("id", "amount"), amounts[:2]) == amounts[:1]

    def test_others_may_ask_while_it_loads(self, session: LoadSession) -> None:
        """What was committed before they asked is held, also while a column becomes another."""
        committed, answers, loaded = [0], [], threading.Event()

        def ask() -> None:
            while not loaded.is_set():
                rows = [(str(n), str(n)) for n in range(committed[0])]
                answers.append(session.lacking("deal", ("id", "name"), rows))
                session.lacking("deal", ("id", "amount"), rows)

        with ThreadPoolExecutor(2) as others:
            asked = [others.submit(ask) for _ in range(2)]
            for number, amount in enumerate(["1"] * 20 + ["1;2"] + ["1"] * 20):
                session.write(deals((str(number), str(number), amount, None)))
                session.commit("deals", {})
                committed[0] += 1
            loaded.set()
            for each in asked:
                each.result()
        assert answers
        assert not any(answers)

    # Tables that change

    def test_preparing_again_changes_nothing(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Neither in the same session nor in the next."""
        assert session.prepare(DEAL) == Prepared()
        session.close()
        with closing(harness.destination.open(SCHEMA)) as later:
            assert later.prepare(DEAL) == Prepared()

    def test_a_table_made_anew_is_filled_anew(self, harness: DestinationHarness, session: LoadSession) -> None:
        """The cursors of the streams that fill it are dropped with it; those of others stay, as with a table that is there."""
        for stream in ("deals", "companies", "owners"):
            session.commit(stream, {"read": True})
        another = replace(DEAL, name="another")
        prepared = session.prepare(another, ["deals", "companies", "never read"])
        assert prepared.made
        assert set(prepared.forgotten) == {"companies", "deals"}
        assert session.cursors() == {"owners": {"read": True}}
        session.close()
        with closing(harness.destination.open(SCHEMA)) as later:
            assert later.prepare(another, ["owners"]) == Prepared()
            assert later.cursors() == {"owners": {"read": True}}

    @pytest.mark.parametrize("backfilled", [True, False])
    def test_a_column_made_later_is_filled_anew(
        self, harness: DestinationHarness, session: LoadSession, *, backfilled: bool
    ) -> None:
        """As a table is that is made anew, unless its stream fills the column by itself."""
        session.commit("deals", {"read": True})
        session.commit("owners", {"read": True})
        more = replace(DEAL, columns=(*DEAL.columns, Column("extra", ColumnType.TEXT, backfilled=backfilled)))
        session.close()
        with closing(harness.destination.open(SCHEMA)) as later:
            prepared = later.prepare(more, ["deals"])
            assert not prepared.made
            assert (prepared.empty, prepared.forgotten) == (((), ()) if backfilled else (("extra",), ("deals",)))
            assert set(later.cursors()) == ({"deals", "owners"} if backfilled else {"owners"})
            assert later.prepare(more, ["owners"]) == Prepared()

    def test_a_table_may_change_between_write_and_commit(
        self, harness: DestinationHarness, session: LoadSession
    ) -> None:
        """What was staged before fits the table as it is then."""
        session.write(deals(("1", "One", "1.5", None)))
        more = replace(DEAL, columns=(*DEAL.columns, Column("extra", ColumnType.BOOLEAN)))
        assert len(session.prepare(more).changes) == 1
        session.write(Rows("deal", more.column_names, [("2", "Two", None, None, "true")]))
        assert len(session.prepare(more.widened({"amount": ColumnType.TEXT})).changes) == 1
        assert session.commit("deals", {}) == Loaded(inserted=2)
        assert values(harness, "deal", "id", "amount", "extra") == [("1", "1.5", None), ("2", None, "true")]

    @pytest.mark.parametrize("case", WIDENED, ids=lambda case: f"{case[0]} to {case[2]}")
    def test_widening_keeps_every_value(
        self, harness: DestinationHarness, session: LoadSession, case: tuple[ColumnType, str, ColumnType, str]
    ) -> None:
        """And a source that asks for less later gets the wider column all the same."""
        type_, value, wider, result = case
        narrow = Table("thing", (Column("id", ColumnType.BIGINT), Column("value", type_)), ("id",))
        session.prepare(narrow)
        session.write(Rows("thing", narrow.column_names, [("1", value), ("2", None)]))
        session.commit("things", {})
        assert len(session.prepare(narrow.widened({"value": wider})).changes) == 1
        assert values(harness, "thing", "value") == [(result,), (None,)]
        assert session.prepare(narrow) == Prepared()
        session.write(Rows("thing", narrow.column_names, [("1", result), ("3", value)]))
        assert session.commit("things", {}) == Loaded(inserted=1)
        assert values(harness, "thing", "id", "value")[0] == ("1", result)

    def test_a_value_that_does_not_fit_widens_its_column(
        self, harness: DestinationHarness, session: LoadSession
    ) -> None:
        """In the same commit, with a notice, and with the other rows of it."""
        session.write(deals(("1", "One", "1.50", None)))
        session.commit("deals", {})
        session.write(deals(("1", "One", "1.50", None), ("2", "Two", "134376773869;137654776000", None)))
        loaded = session.commit("deals", {"after": "2"})
        assert (loaded.inserted, loaded.updated, loaded.rejected) == (1, 0, 0)
        assert any("amount" in notice and "134376773869;" in notice for notice in loaded.notices)
        assert values(harness, "deal", "id", "amount") == [("1", "1.50"), ("2", "134376773869;137654776000")]
        session.write(deals(("3", "Three", "n/a", None)))
        assert session.commit("deals", {"after": "3"}) == Loaded(inserted=1)
        assert session.cursors() == {"deals": {"after": "3"}}

    def test_text_that_cannot_be_is_stored_as_near_as_possible(
        self, harness: DestinationHarness, session: LoadSession
    ) -> None:
        """NUL is left out, half a surrogate pair is replaced, and a notice says so."""
        session.write(deals(("1", "nul\0 in it", None, None), ("2", "half \ud83d a pair", None, None)))
        session.write(deals(("3", "whole \ud83d\ude00 pair", None, None), ("4", "fine", None, None)))
        loaded = session.commit("deals", {})
        assert (loaded.inserted, loaded.rejected) == (4, 0)
        assert loaded.notices
        assert values(harness, "deal", "name") == [
            ("nul in it",),
            ("half \ufffd a pair",),
            ("whole \U0001f600 pair",),
            ("fine",),
        ]

    def test_a_row_whose_key_cannot_be_is_set_aside(self, harness: DestinationHarness, session: LoadSession) -> None:
        """The others of the commit are loaded, and the key keeps its type."""
        session.write(deals(("1", "One", None, None), ("9" * 20, "huge", None, None), (None, "none", None, None)))
        session.write(Deletion("deal", ("id",), [("9" * 20,), ("no number",)]))
        loaded = session.commit("deals", {})
        assert (loaded.inserted, loaded.deleted, loaded.rejected) == (1, 0, 2)
        assert loaded.notices
        assert values(harness, "deal", "id") == [("1",)]

    def test_names_need_no_luck(self, harness: DestinationHarness, session: LoadSession) -> None:
        """Reserved words, and the longest names there are."""
        longest = "x" * MAX_BYTES
        table = Table(
            "order",
            (Column("select", ColumnType.BIGINT), Column("user", ColumnType.TEXT), Column(longest, ColumnType.TEXT)),
            primary_key=("select",),
            lookups=(("user",), (longest,)),
        )
        for name in ("order", longest):
            session.prepare(replace(table, name=name))
            for user in ("a", "b"):
                session.write(Rows(name, table.column_names, [("1", user, "x"), ("2", user, "x")]))
                session.commit("orders", {})
            session.write(Complete(name, ("user",), [("b",)]))
            assert session.commit("orders", {}) == Loaded(deleted=2)
            assert values(harness, name, "select", "user", longest) == [("1", "b", "x"), ("2", "b", "x")]


def deals(*rows: Row, deleted: bool = False) -> Rows:
    """Rows of `DEAL`."""
    return Rows("deal", DEAL.column_names, rows, deleted)


def pairs(*rows: tuple[str, str]) -> Rows:
    """Rows of `DEAL_COMPANY`."""
    return Rows("deal_company", DEAL_COMPANY.column_names, [(*row, None) for row in rows])


def values(harness: DestinationHarness, table: str, *columns: str) -> list[tuple[str | None, ...]]:
    """These columns of the committed rows, ordered by the table's first column."""
    rows = sorted(harness.read(SCHEMA, table), key=lambda row: str(next(iter(row.values()))))
    return [tuple(row[column] for column in columns) for row in rows]


def alive(harness: DestinationHarness) -> list[int]:
    """The ids of `DEAL` that are not marked as deleted, in order."""
    return sorted(int(str(row["id"])) for row in harness.read(SCHEMA, "deal") if row[DELETED] == "false")


def there(harness: DestinationHarness) -> list[tuple[str | None, ...]]:
    """The keys of `DEAL_COMPANY` that are not marked as deleted, in order."""
    rows = harness.read(SCHEMA, "deal_company")
    return sorted((str(row["deal_id"]), str(row["company_id"])) for row in rows if row[DELETED] == "false")
