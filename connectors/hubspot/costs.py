"""What a connection costs in API calls a day, by the very rules that plan its sweeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.cursor import CrmCursor
from connectors.hubspot.objects import OBJECT_TYPES
from connectors.hubspot.sweeping import size_of
from connectors.hubspot.sweeps import Size, Sweep, calls, interval
from engine.contract import Cost, Cursor

EVERY_SYNC = 4 + 2 * len(OBJECT_TYPES)
"""Calls of a sync that finds nothing: the account, owners and archived owners, pipelines; of each object type its
properties and one search."""

_WHAT = {
    Sweep.RECONCILIATION: "all ids and associations",
    Sweep.ARCHIVED: "the recycling bin",
    Sweep.CALCULATED: "calculated properties",
}


def costs(config: HubSpotConfig, cursors: Mapping[str, Cursor], syncs_a_day: float) -> list[Cost]:
    """What each part costs; sweeps only of object types that were read, since their size is not known before."""
    known = [CrmCursor.load(cursors[kind.name]) if kind.name in cursors else None for kind in OBJECT_TYPES]
    found = [Cost(None, "what changed", 0, EVERY_SYNC, EVERY_SYNC * syncs_a_day)]
    for object_type, at in zip(OBJECT_TYPES, known, strict=True):
        if at is not None:
            found += sweep_costs(object_type.name, config, size_of(object_type, at.records, at.archived), syncs_a_day)
    return found


def sweep_costs(stream: str, config: HubSpotConfig, size: Size, syncs_a_day: float) -> Iterator[Cost]:
    """What the sweeps of an object type of this size cost."""
    for sweep in Sweep:
        hours, each = interval(sweep, config, size), calls(sweep, size)
        times = min(syncs_a_day, 24 / hours) if hours else syncs_a_day
        yield Cost(stream, _WHAT[sweep], hours, each, each * times)


def table(sizes: Sequence[int], frequencies: Sequence[int]) -> list[list[str]]:
    """Calls a day by records of each object type and by minutes between syncs, a hundredth of the records archived."""
    rows = []
    for records in sizes:
        row = [f"{records:,}"]
        for minutes in frequencies:
            syncs_a_day = 1440 / minutes
            total = EVERY_SYNC * syncs_a_day
            for object_type in OBJECT_TYPES:
                size = size_of(object_type, records, records // 100)
                total += sum(c.calls_a_day for c in sweep_costs(object_type.name, HubSpotConfig(), size, syncs_a_day))
            row.append(f"{total:,.0f}")
        rows.append(row)
    return rows
