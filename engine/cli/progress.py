"""How far a sync is, as bars on a terminal; silent elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console

from engine.sync.progress import Progress


class Bars:
    """One bar for each stream, drawn on standard error while the `with` block lasts."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bars = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TextColumn("{task.completed:>11,.0f} records", justify="right"),
            progress.TimeElapsedColumn(),
            progress.TextColumn("{task.fields[outcome]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, progress.TaskID] = {}

    def show(self, now: Progress) -> None:
        """Draw this state of the sync."""
        for stream in now.streams:
            if stream.name not in self._tasks:
                self._tasks[stream.name] = self._bars.add_task(stream.name, total=None, outcome="")
            done = stream.outcome == "succeeded"
            self._bars.update(
                self._tasks[stream.name],
                completed=stream.read,
                total=max(stream.read, 1) if done else stream.expected,
                outcome="" if stream.outcome == "running" else stream.outcome,
            )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
