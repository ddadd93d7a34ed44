"""What reading a source costs, for a person to see before it is spent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """One thing that is read again and again, when it finds nothing: what it finds comes on top.

    `stream` is None where it is about all of them. `hours` lie between two times; 0 where it is done with every sync.
    """

    stream: str | None
    what: str
    hours: float
    calls: int
    """API calls each time."""
    calls_a_day: float
