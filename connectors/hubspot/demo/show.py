"""How the demo tells its story: headings, lines and tables; plain text where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from connectors.hubspot.demo.changes import Changed, Question
from connectors.hubspot.demo.tables import Count, Moved, SyncFacts

PIPED_WIDTH = 200
"""Columns where no terminal limits them."""

console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def title(words: str) -> None:
    """The first line."""
    line(words, style="bold")


def heading(words: str) -> None:
    """The beginning of a section."""
    line()
    line(words, style="bold")


def line(words: str = "", style: str = "") -> None:
    """One line, which is broken by the terminal only, so that it can be copied."""
    console.print(Text(words, style=style), soft_wrap=True)


def fact(name: str, what: str) -> None:
    """What something is, aligned with other facts."""
    line(f"{name:<10}  {what}")


def prompt(command: str) -> None:
    """A command that is run now, or that a person may run."""
    line(f"$ {command}", style="cyan")


def changes(changed: Changed) -> None:
    """What was done in HubSpot."""
    _table(
        ["", "updated", "created", "archived"],
        ((kind, *(number or None for number in numbers)) for kind, numbers in changed.counts.items()),
    )
    line(changed.besides)


def movements(streams: Sequence[Moved], first: SyncFacts, second: SyncFacts) -> None:
    """What the second sync moved, and what it took next to the first one."""
    line()
    _table(
        ["stream", "records read", "rows inserted", "updated", "deleted"],
        ((moved.stream, moved.read, moved.inserted, moved.updated, moved.deleted) for moved in streams),
    )
    line("Associations are rows of their own; they count with the stream that brings them.")
    line(f"{second.calls:,} API calls in {_seconds(second)}; the first sync took {first.calls:,} in {_seconds(first)}.")


def answers(questions: Sequence[Question], before: Sequence[str], now: Sequence[str]) -> None:
    """What became of some records."""
    rows = zip(questions, before, now, strict=True)
    _table(["table", "record", "before", "now"], ((q.table, q.about, then, today) for q, then, today in rows))
    line("Nothing is ever removed: the row of a deleted record stays, with _fivetran_deleted = true.")


def counts(schema: str, counted: Iterable[Count]) -> None:
    """What the tables hold."""
    _table(
        ["table", "rows", "of them deleted"],
        ((f"{schema}.{count.table}", count.rows, count.deleted or None) for count in counted),
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> None:
    """Words to the left, numbers to the right; nothing for None."""
    lines = list(rows)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name, cells in zip(columns, zip(*lines, strict=True), strict=True):
        words = any(isinstance(cell, str) for cell in cells)
        table.add_column(name, justify="left" if words else "right", overflow="fold")
    for each in lines:
        table.add_row(*("" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell for cell in each))
    console.print(table)


def _seconds(sync: SyncFacts) -> str:
    return f"{sync.took.total_seconds():.1f} s"
