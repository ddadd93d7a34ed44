"""What HubSpot changes without a word is looked for by sweeps; this decides how often, and says what that costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from connectors.hubspot.config import HubSpotConfig

PAGE = 100
"""Records a call of the list gives at the most."""
ASSOCIATED = 1000
"""Records whose associations one call gives at the most."""
CALLS_A_DAY = 10_000
"""What each sweep of an object type may spend by default: four hundredths of the smallest plan's 250,000 calls a day."""
FEW = 5
"""Calls that are too few to save: a sweep that costs no more is made with every sync by default."""
SELDOM = 7 * 24.0
"""Hours between two sweeps at the most by default, however large the account."""


class Sweep(StrEnum):
    """The kinds of sweeps, each with an interval of its own."""

    RECONCILIATION = "reconciliation"
    """All ids, by the list: finds what was deleted, restored or missed. All associations with it."""
    ARCHIVED = "archived"
    """The recycling bin, by the list: finds what was archived, with its last values."""
    CALCULATED = "calculated"
    """The calculated properties of all records, by the list: they change without a new modification date."""


OFTEN = {Sweep.RECONCILIATION: 6.0, Sweep.ARCHIVED: 0.0, Sweep.CALCULATED: 12.0}
"""Hours between two sweeps at the least by default, however small the account."""


@dataclass(frozen=True, slots=True)
class Size:
    """What decides a sweep's cost: how many records there are, live and archived, and how many tables of associations."""

    records: int
    archived: int = 0
    relations: int = 0


def calls(sweep: Sweep, size: Size) -> int:
    """API calls of one sweep of one object type when it finds nothing."""
    match sweep:
        case Sweep.ARCHIVED:
            return _pages(size.archived, PAGE)
        case Sweep.RECONCILIATION:
            return _pages(size.records, PAGE) + size.relations * _pages(size.records, ASSOCIATED)
        case Sweep.CALCULATED:
            return _pages(size.records, PAGE)


def interval(sweep: Sweep, config: HubSpotConfig, size: Size) -> float:
    """Hours between two sweeps: as configured, else as often as `CALLS_A_DAY` allows within reason."""
    configured: float | None = getattr(config, f"{sweep}_hours")
    if configured is not None:
        return configured
    cost = calls(sweep, size)
    return 0 if cost <= FEW else min(SELDOM, max(OFTEN[sweep], 24 * cost / CALLS_A_DAY))


def is_due(sweep: Sweep, config: HubSpotConfig, size: Size, *, last: int | None, now: int) -> bool:
    """Whether it is time for a sweep, the last one having begun at `last` (milliseconds; None: never)."""
    return last is None or now - last >= interval(sweep, config, size) * 3_600_000


def _pages(items: int, size: int) -> int:
    return max(1, math.ceil(items / size))
