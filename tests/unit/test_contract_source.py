"""The contract suite for sources, on a source of three records, and on ones that break their word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from engine.contract import (
    Catalog,
    Checkpoint,
    Column,
    ColumnType,
    Cursor,
    Held,
    Message,
    Rows,
    SetupTest,
    Stream,
    Table,
    TestStatus,
)
from engine.contract.testing import SourceContract

DEAL = Table("deal", (Column("id", ColumnType.BIGINT), Column("name", ColumnType.TEXT)), ("id",))
STREAM = Stream("deals", (DEAL,))
RECORDS = [("1", "One"), ("2", "Two"), ("3", "Three")]


class ThreeDeals:
    """Reads a record at a time."""

    def setup_tests(self) -> Iterator[SetupTest]:
        yield SetupTest("Counting to three", TestStatus.PASSED)

    def discover(self, cursors: Mapping[str, Cursor]) -> Catalog:
        return Catalog((STREAM,))

    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        done = cursor["done"] if cursor else 0
        for n, record in enumerate(RECORDS[done:], start=done + 1):
            yield Rows("deal", ("id", "name"), [record])
            yield Checkpoint({"done": n})
        yield Checkpoint({"done": len(RECORDS)})

    def close(self) -> None:
        """Nothing is open."""


class TestThreeDeals(SourceContract):
    @pytest.fixture
    def source(self) -> ThreeDeals:
        return ThreeDeals()


class FailsItsTests(ThreeDeals):
    def setup_tests(self) -> Iterator[SetupTest]:
        yield SetupTest("Counting to three", TestStatus.FAILED)


class DescribesTwoWays(ThreeDeals):
    def discover(self, cursors: Mapping[str, Cursor]) -> Catalog:
        return Catalog((STREAM, Stream("others", (DEAL.widened({"id": ColumnType.TEXT}),))))


class EndsWithoutCheckpoint(ThreeDeals):
    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        yield from super().read(stream, cursor, held)
        yield Rows("deal", ("id", "name"), RECORDS)


class HasACursorThatIsNoJson(ThreeDeals):
    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        yield from super().read(stream, cursor, held)
        yield Checkpoint({"done": (1, 2)})


class GivesRowsWithoutKey(ThreeDeals):
    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        yield Rows("deal", ("name",), [("One",)])


class SkipsARecordWhenItResumes(ThreeDeals):
    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        yield from super().read(stream, cursor and {"done": cursor["done"] + 1}, held)


@pytest.mark.parametrize(
    ("source", "test"),
    [
        (FailsItsTests, SourceContract.test_its_setup_tests_pass),
        (EndsWithoutCheckpoint, SourceContract.test_a_read_ends_with_a_checkpoint),
        (HasACursorThatIsNoJson, SourceContract.test_a_read_ends_with_a_checkpoint),
        (GivesRowsWithoutKey, SourceContract.test_batches_fit_their_tables),
        (SkipsARecordWhenItResumes, SourceContract.test_reading_again_gives_the_same_rows),
    ],
)
def test_a_source_that_breaks_its_word_is_caught(source: type[ThreeDeals], test: Callable[..., None]) -> None:
    broken = source()
    more = {"streams": broken.discover({}).streams} if "streams" in test.__code__.co_varnames else {}
    with pytest.raises(AssertionError):
        test(SourceContract(), source=broken, **more)


def test_two_descriptions_of_one_table_are_caught() -> None:
    with pytest.raises(AssertionError):
        SourceContract().test_streams_and_tables_are_described_without_contradiction(
            DescribesTwoWays().discover({}).streams
        )
