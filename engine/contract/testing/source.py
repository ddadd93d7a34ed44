"""What every source must pass, whatever it reads: run it against a quiet account or a sandbox with some records in it."""
# ruff: noqa: S101 - assertions are what tests are made of

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import chain

import pytest

from engine.contract import (
    Batch,
    Cell,
    Checkpoint,
    Complete,
    Deletion,
    Message,
    Present,
    Row,
    Rows,
    SchemaChange,
    Source,
    Stream,
    Table,
    TestStatus,
)


class Nothing:
    """A destination that holds nothing yet."""

    def lacking(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> Sequence[Row]:  # noqa: ARG002
        """All of them."""
        return rows

    def holds_any(self, table: str) -> bool:  # noqa: ARG002
        """None."""
        return False


class SourceContract:
    """Subclasses give the fixture `source`: a connected `Source` whose records do not change meanwhile."""

    @pytest.fixture
    def streams(self, source: Source) -> tuple[Stream, ...]:
        """What it can read."""
        return source.discover({}).streams

    def test_its_setup_tests_pass(self, source: Source) -> None:
        """On an account that works no setup test fails, and each has a title of its own."""
        tests = list(source.setup_tests())
        assert tests
        assert len({test.title for test in tests}) == len(tests)
        assert TestStatus.FAILED not in {test.status for test in tests}

    def test_streams_and_tables_are_described_without_contradiction(self, streams: tuple[Stream, ...]) -> None:
        """Each stream once, each with a table of its own, and a table that two streams fill the same for both."""
        assert streams
        assert len({stream.name for stream in streams}) == len(streams)
        described: dict[str, Table] = {}
        for table in (table for stream in streams for table in stream.tables):
            assert described.setdefault(table.name, table) == table
        assert all(stream.tables for stream in streams)

    def test_a_read_ends_with_a_checkpoint(self, source: Source, streams: tuple[Stream, ...]) -> None:
        """All that was read can be committed, under a cursor that survives being stored as JSON."""
        for stream in streams:
            messages = list(source.read(stream, None, Nothing()))
            assert isinstance(messages[-1], Checkpoint), stream.name
            for message in messages:
                if isinstance(message, Checkpoint):
                    assert json.loads(json.dumps(message.cursor)) == message.cursor, stream.name

    def test_batches_fit_their_tables(self, source: Source, streams: tuple[Stream, ...]) -> None:
        """The tables as they were discovered, or as the read has changed them by then."""
        for stream in streams:
            tables = {table.name: table for table in stream.tables}
            for message in source.read(stream, None, Nothing()):
                if isinstance(message, SchemaChange):
                    tables[message.table.name] = message.table
                elif isinstance(message, Rows | Deletion | Complete | Present):
                    _assert_fits(message, tables[message.table])

    def test_reading_again_gives_the_same_rows(self, source: Source, streams: tuple[Stream, ...]) -> None:
        """From the beginning all of them; from a checkpoint those that were missing by then, or more that are true."""
        reads = {stream: list(source.read(stream, None, Nothing())) for stream in streams}
        true = {key: row for stream in streams for key, row in _rows(stream, reads[stream]).items()}
        for stream, messages in reads.items():
            whole = _rows(stream, messages)
            assert _rows(stream, source.read(stream, None, Nothing())) == whole, stream.name
            checkpoints = [n for n, message in enumerate(messages) if isinstance(message, Checkpoint)]
            for position in {checkpoints[0], checkpoints[len(checkpoints) // 2], checkpoints[-1]}:
                checkpoint = messages[position]
                assert isinstance(checkpoint, Checkpoint)
                resumed = source.read(stream, checkpoint.cursor, Nothing())
                after = _rows(stream, chain(messages[:position], resumed))
                assert {key: after.get(key) for key in whole} == whole, stream.name
                assert {key: true.get(key) for key in after} == after, stream.name


def _assert_fits(batch: Batch, table: Table) -> None:
    if isinstance(batch, Present):
        assert (batch.column,) == table.primary_key, table.name
        return
    assert set(batch.columns) <= set(table.column_names), table.name
    assert len(set(batch.columns)) == len(batch.columns), table.name
    rows = batch.rows if isinstance(batch, Rows) else batch.keys
    assert all(isinstance(row, tuple) and len(row) == len(batch.columns) for row in rows), table.name
    if isinstance(batch, Rows):
        assert set(table.primary_key) <= set(batch.columns), table.name
    elif batch.columns:
        indexed = (table.primary_key, *table.lookups)
        assert any(set(batch.columns) == set(group[: len(batch.columns)]) for group in indexed), table.name


def _rows(stream: Stream, messages: Iterable[Message]) -> dict[tuple[str, Row], dict[str, Cell]]:
    """What the messages' rows amount to, by table and key."""
    keys = {table.name: table.primary_key for table in stream.tables}
    result: dict[tuple[str, Row], dict[str, Cell]] = {}
    for message in messages:
        if isinstance(message, Rows):
            for row in message.rows:
                cells = dict(zip(message.columns, row, strict=True))
                key = tuple(cells[name] for name in keys[message.table])
                result.setdefault((message.table, key), {}).update(cells)
    return result
