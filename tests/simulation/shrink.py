"""The smallest history that still shows what went wrong."""

from __future__ import annotations

from collections.abc import Callable

from simulation.history import History, Step


def shrunk(history: History, shows: Callable[[History], bool]) -> History:
    """Drop steps, many at a time and then one by one, as long as `shows` still holds."""
    steps = history.steps
    size = max(1, len(steps) // 2)
    while True:
        smaller = _without_chunks(history, steps, size, shows)
        if size == 1 and len(smaller) == len(steps):
            return history.only(steps)
        size = max(1, size // 2) if len(smaller) == len(steps) else min(size, max(1, len(smaller) // 2))
        steps = smaller


def _without_chunks(
    history: History, steps: tuple[Step, ...], size: int, shows: Callable[[History], bool]
) -> tuple[Step, ...]:
    start = 0
    while start < len(steps):
        candidate = steps[:start] + steps[start + size :]
        if shows(history.only(candidate)):
            steps = candidate
        else:
            start += size
    return steps
