"""What every destination must pass that tells how a schema differs from its source."""
# ruff: noqa: S101, PLR2004 - assertions are what tests are made of, and what they expect is numbers

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from engine.contract import (
    Batch,
    Cell,
    Complete,
    Deletion,
    DestinationBusy,
    DifferentRow,
    Loaded,
    LoadSession,
    Present,
    Row,
    Rows,
    Verification,
)
from engine.contract.testing.destination import DEAL, DEAL_COMPANY, SCHEMA, DestinationHarness, deals, pairs

TABLES = ("deal", "deal_company")
STORED: tuple[Row, ...] = (
    ("1", "One", "1.50", "2024-02-29T00:00:00Z"),
    ("2", "Two", None, None),
    ("3", None, "3", None),
    ("4", "Four", "4", None),
)

Counts = tuple[int, int, int]
"""Rows that are missing, extra and different."""


class VerificationContract:
    """Subclasses give the fixture `harness`: a `DestinationHarness`, fresh for each test."""

    @pytest.fixture(autouse=True)
    def stored(self, harness: DestinationHarness) -> None:
        """Deals 1 to 4, of which 4 is gone, and an association of each but that."""
        with closing(harness.destination.open(SCHEMA)) as session:
            load(
                session,
                deals(*STORED),
                pairs(("1", "10"), ("2", "10"), ("3", "10")),
                Deletion("deal", ("id",), [("4",)]),
            )

    @pytest.fixture
    def verification(self, harness: DestinationHarness, stored: None) -> Iterator[Verification]:  # noqa: ARG002
        """Open, with an empty image."""
        with closing(harness.destination.verify(SCHEMA)) as verification:
            yield verification

    def test_it_has_the_schema_to_itself(self, harness: DestinationHarness, verification: Verification) -> None:
        """Until it is closed."""
        with pytest.raises(DestinationBusy):
            harness.destination.open(SCHEMA)
        with pytest.raises(DestinationBusy):
            harness.destination.verify(SCHEMA)
        verification.close()
        harness.destination.open(SCHEMA).close()

    def test_at_first_nothing_is_held(self, verification: Verification) -> None:
        """But cursors are known; what is loaded is held from then on, and in the end the schema's rows are."""
        load(verification)
        assert verification.cursors() == {"deals": {"at": 0}}
        assert not verification.holds_any("deal")
        assert verification.lacking("deal", ("id", "name"), [("1", "One"), ("5", "Five")]) == [
            ("1", "One"),
            ("5", "Five"),
        ]
        load(verification, deals(("5", "Five", None, None)))
        assert verification.holds_any("deal")
        assert verification.lacking("deal", ("id", "name"), [("1", "One"), ("5", "Five")]) == [("1", "One")]
        verification.narrow(TABLES)
        assert verification.cursors() == {"deals": {"at": 0}}
        assert verification.lacking("deal", ("id", "name"), [("1", "One"), ("5", "Five")]) == [("5", "Five")]

    def test_an_equal_image_does_not_differ_however_its_values_are_written(self, verification: Verification) -> None:
        """Nor are rows that are gone compared."""
        load(
            verification,
            deals(("1", "One", "1.5", "2024-02-29T01:00:00+01:00"), *STORED[1:3]),
            deals(("4", "last seen", None, None), deleted=True),
            pairs(("1", "10"), ("2", "10"), ("3", "10")),
        )
        assert verification.narrow(TABLES) == 0
        assert counts(verification) == {"deal": (0, 0, 0), "deal_company": (0, 0, 0)}
        assert [each.rows for each in verification.differences()] == [3, 3]

    def test_every_kind_of_difference_is_counted_and_shown(self, verification: Verification) -> None:
        """Rows by their whole key; columns with what either side has, long values cut."""
        load(
            verification,
            deals(("1", "Uno " * 1000, "1.5", None), ("3", None, "3", None), ("4", "Four", "4", None)),
            pairs(("1", "10"), ("1", "20"), ("2", "10")),
        )
        assert verification.narrow(TABLES) == 5
        of_deals, of_pairs = verification.differences()
        assert (of_deals.missing, of_deals.extra, of_deals.different, of_deals.rows) == (1, 1, 1, 3)
        assert of_deals.columns == {"name": 1, "closes": 1}
        examples = {row.kind: row for row in of_deals.examples}
        assert examples["missing"] == DifferentRow("missing", {"id": "4"})
        assert examples["extra"] == DifferentRow("extra", {"id": "2"})
        assert examples["different"].key == {"id": "1"}
        assert (examples["different"].stored["name"], examples["different"].source["closes"]) == ("One", None)
        assert 10 < len(examples["different"].source["name"] or "") < 100
        assert [(row.kind, row.key) for row in of_pairs.examples] == [
            ("extra", {"deal_id": "3", "company_id": "10"}),
            ("missing", {"deal_id": "1", "company_id": "20"}),
        ]

    def test_nothing_of_it_stays(self, harness: DestinationHarness, verification: Verification) -> None:
        """Neither rows nor cursors change, whatever is loaded into the image, at first and later."""
        before = [harness.read(SCHEMA, table) for table in TABLES]
        strange = deals(("1", "nul\0", "1;2", None), ("9" * 20, "no key", None, None))
        for _ in range(2):
            load(
                verification, strange, pairs(("7", "70")), Complete("deal_company"), Deletion("deal", ("id",), [("2",)])
            )
            verification.narrow(TABLES)
        verification.differences()
        verification.close()
        assert [harness.read(SCHEMA, table) for table in TABLES] == before
        with closing(harness.destination.open(SCHEMA)) as later:
            assert later.cursors() == {"deals": {"at": 0}}
            assert (*later.prepare(DEAL).changes, *later.prepare(DEAL_COMPANY).changes) == ()

    @pytest.mark.parametrize(
        ("batches", "left"),
        [
            ([deals(("1", "new", "2", None), ("4", "back", None, None))], (0, 1, 0)),
            ([Rows("deal", ("id", "name"), [("1", "new")])], (1, 1, 0)),
            ([Rows("deal", ("id", "amount", "closes"), [("1", "2", None)])], (1, 1, 1)),
            ([deals(("1", "last", None, None), deleted=True)], (1, 1, 0)),
            ([Deletion("deal", ("id",), [("2",), ("3",)])], (1, 0, 1)),
            ([Complete("deal"), deals(("3", None, "3", None))], (0, 0, 0)),
            ([Present("deal", "id", ["1", "3", "4"])], (1, 0, 1)),
            ([deals(("3", "changed", None, None), ("8", "new", None, None))], (1, 1, 1)),
        ],
    )
    def test_what_is_loaded_after_narrowing_happens_to_both_sides(
        self, verification: Verification, batches: list[Batch], left: Counts
    ) -> None:
        """So what it makes equal is pending, and what it does not touch differs still."""
        load(
            verification,
            deals(("1", "Uno", "1.5", "2024-02-29T00:00:00Z"), ("3", None, "3", None), ("4", "Four", "4", None)),
        )
        assert verification.narrow(["deal"]) == 3
        load(verification, *batches)
        assert verification.narrow(["deal"]) == sum(left)
        assert counts(verification) == {"deal": left}
        (of_deals,) = verification.differences()
        assert of_deals.pending == 3 - sum(left)

    def test_rows_that_cannot_be_stored_are_rejected(self, harness: DestinationHarness) -> None:
        """On either side they are neither missing nor extra, nor does a difference in anything else hide behind them."""
        impossible = ("9" * 20, "no key", None, None)
        with closing(harness.destination.open(SCHEMA)) as session:
            load(session, deals(impossible))
        with closing(harness.destination.verify(SCHEMA)) as verification:
            load(verification, deals(*STORED[:2], impossible))
            assert verification.narrow(["deal"]) == 1
            (of_deals,) = verification.differences()
            assert (of_deals.missing, of_deals.extra, of_deals.different, of_deals.rejected) == (0, 1, 0, 1)

    @pytest.mark.parametrize("cell", ["1;2", "nul\0 and half \ud83d a pair"])
    def test_what_a_column_cannot_hold_is_compared_as_it_is_stored(
        self, harness: DestinationHarness, cell: Cell
    ) -> None:
        """Also where only the image had to widen: that makes no other row differ."""
        column = "amount" if cell == "1;2" else "name"
        odd = Rows(
            "deal",
            ("id", "name", "amount", "closes"),
            [("7", *((cell if c == column else None) for c in DEAL.column_names[1:]))],
        )
        with closing(harness.destination.verify(SCHEMA)) as verification:
            load(verification, deals(*STORED[:3]), odd)
            verification.narrow(["deal"])
            assert counts(verification) == {"deal": (1, 0, 0)}
        with closing(harness.destination.open(SCHEMA)) as session:
            load(session, odd)
        with closing(harness.destination.verify(SCHEMA)) as verification:
            load(verification, deals(*STORED[:3]), odd)
            assert verification.narrow(["deal"]) == 0

    def test_a_table_or_column_that_is_not_there_is_empty(self, harness: DestinationHarness) -> None:
        """It is not made either."""
        more = replace(DEAL, columns=(*DEAL.columns, replace(DEAL.columns[1], name="more")))
        other = replace(DEAL, name="other")
        with closing(harness.destination.verify(SCHEMA)) as verification:
            for table in (more, other):
                verification.prepare(table)
            rows = [(*row, "more" if row[0] == "1" else None) for row in STORED[:3]]
            verification.write(Rows("deal", more.column_names, rows))
            verification.write(Rows("other", other.column_names, STORED[:2]))
            verification.commit("deals", {})
            verification.narrow(["deal", "other"])
            assert counts(verification) == {"deal": (0, 0, 1), "other": (2, 0, 0)}


def load(session: LoadSession, *batches: Batch) -> Loaded:
    """Prepare both tables and commit the batches."""
    session.prepare(DEAL)
    session.prepare(DEAL_COMPANY)
    for batch in batches:
        session.write(batch)
    return session.commit("deals", {"at": 0}) if batches else Loaded()


def counts(verification: Verification) -> dict[str, Counts]:
    """By table: rows that are missing, extra and different."""
    return {each.table: (each.missing, each.extra, each.different) for each in verification.differences()}
