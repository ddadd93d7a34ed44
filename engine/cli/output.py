"""How the command line shows things: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.connections.document import setup_test_documents, timestamp
from engine.contract import Cost, SetupTest, TestStatus
from engine.sync.progress import SyncOutcome

__all__ = [
    "any_failed",
    "clock",
    "console",
    "print_document",
    "print_json",
    "print_outcome",
    "print_setup_tests",
    "print_table",
    "relative",
    "setup_test_documents",
    "sync_document",
]

PIPED_WIDTH = 200
"""Columns of a table that no person's terminal limits."""

COLORS = {
    "connected": "green",
    "succeeded": "green",
    "PASSED": "green",
    "broken": "red",
    "failed": "red",
    "FAILED": "red",
    "incomplete": "yellow",
    "WARNING": "yellow",
    "interrupted": "yellow",
    "cancelled": "yellow",
    "rescheduled": "yellow",
    "paused": "yellow",
    "running": "cyan",
    "syncing": "cyan",
}


def console() -> Console:
    """The console on standard output; wide when it is no terminal, so that nothing is cut off in a pipe."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)


def print_json(value: Any) -> None:
    """A value as indented JSON; times in UTC."""
    typer.echo(json.dumps(value, indent=2, default=_json))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table; a line of text instead when it has no rows."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    if table.row_count:
        console().print(table)
    else:
        typer.echo(empty)


def print_document(document: Mapping[str, Any]) -> None:
    """A document's fields that say something, one a line, those of nested objects by their path."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, value in _flat(document, ""):
        if value not in (None, [], {}):
            table.add_row(Text(name, style="bold"), _cell(value if isinstance(value, bool) else str(value)))
    console().print(table)


def print_setup_tests(tests: Iterable[SetupTest]) -> None:
    """What setup tests found, one a line."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for test in tests:
        table.add_row(_cell(test.status.value), test.title, Text(test.message))
    if table.row_count:
        console().print(table)


def print_costs(costs: Sequence[Cost], unknown: str | None) -> None:
    """What a connection's syncs cost at the source, or why that is not known."""
    if unknown:
        typer.echo(f"What it costs is not known: {unknown}", err=True)
        return
    typer.echo("\nAPI calls it takes when it finds nothing; what it finds comes on top:")
    rows = [
        (
            cost.stream or "all",
            cost.what,
            f"{cost.hours:.1f} h" if cost.hours else "each sync",
            cost.calls,
            f"{cost.calls_a_day:,.0f}",
        )
        for cost in costs
    ]
    total = sum(cost.calls_a_day for cost in costs)
    print_table(
        ["STREAM", "LOOKS FOR", "EVERY", "CALLS", "CALLS A DAY"], [*rows, ("", "", "", "", f"{total:,.0f}")], empty=""
    )


def print_outcome(name: str, outcome: SyncOutcome) -> None:
    """How a sync ended, in a sentence or two."""
    loaded = outcome.progress.loaded
    typer.echo(
        f"Sync {outcome.progress.sync_id} of '{name}' {outcome.outcome}: {outcome.progress.read:,} records read in "
        f"{outcome.progress.api_calls:,} calls; {loaded.inserted:,} rows inserted, {loaded.updated:,} updated, "
        f"{loaded.deleted:,} deleted, {loaded.rejected:,} rejected."
    )
    for told in dict.fromkeys((*outcome.notices, outcome.error)):
        if told:
            typer.echo(told, err=True)


def sync_document(outcome: SyncOutcome) -> dict[str, Any]:
    """How a sync ended, as JSON values."""
    loaded = outcome.progress.loaded
    return {
        "sync_id": outcome.progress.sync_id,
        "outcome": outcome.outcome,
        "records_read": outcome.progress.read,
        "api_calls": outcome.progress.api_calls,
        "rows_inserted": loaded.inserted,
        "rows_updated": loaded.updated,
        "rows_deleted": loaded.deleted,
        "rows_rejected": loaded.rejected,
        "notices": list(outcome.notices),
        "error_code": outcome.error_code,
        "error": outcome.error,
        "retry_at": timestamp(outcome.retry_at),
    }


def any_failed(tests: Iterable[SetupTest]) -> bool:
    """Whether one of the setup tests failed."""
    return any(test.status is TestStatus.FAILED for test in tests)


def relative(at: datetime | None, now: datetime) -> str:
    """A time as seen from now: "5 minutes ago", "in 2 hours"; empty for none."""
    if at is None:
        return ""
    distance = abs(at - now)
    count, unit = next(
        (int(distance / size), name)
        for name, size in (
            ("day", timedelta(days=1)),
            ("hour", timedelta(hours=1)),
            ("minute", timedelta(minutes=1)),
            ("second", timedelta(seconds=1)),
            ("moment", timedelta.resolution),
        )
        if distance >= size or name == "moment"
    )
    if unit == "moment":
        return "now"
    words = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{words} ago" if at < now else f"in {words}"


def clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def _flat(document: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            for item in value:
                yield f"{prefix}{name}", item["message"] if isinstance(item, Mapping) else item
        else:
            yield f"{prefix}{name}", value


def _cell(value: object) -> Text:
    match value:
        case None:
            return Text("")
        case datetime():
            return Text(f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z")
        case timedelta():
            return Text(
                f"{value.total_seconds():.1f} s" if value < timedelta(minutes=1) else str(value).partition(".")[0]
            )
        case bool():
            return Text("yes" if value else "no")
        case int():
            return Text(f"{value:,}", justify="right")
        case _:
            return Text(str(value), style=COLORS.get(str(value), ""))


def _json(value: object) -> object:
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)
