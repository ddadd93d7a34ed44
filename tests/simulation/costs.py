"""What a sync of a quiet source may cost, in calls."""

from __future__ import annotations

from math import ceil

from simulation.history import Setup
from simulation.world import PAIRS, TYPES, World

NO_BOUND = 1_000_000
_AROUND = 8
"""The account, owners twice, pipelines, the properties of three types, and one to spare."""
_SEARCHES = 5
"""For the newest change, the extent of the ids, and the passes that find nothing new."""


def most_calls(world: World, setup: Setup, *, sweeps: bool) -> int:
    """The most calls, apart from those for tokens, that a sync may make when nothing is new.

    Whatever its length, a sync searches what was modified within the lag; it reads no record that it has, unless more
    changed than a cursor remembers. A sweep lists all records and reads their associations, in parts; with a date limit
    from both ends, which has no bound here.
    """
    if setup.since or any(len(world.live(object_type)) > setup.scale.remembered for object_type in TYPES):
        return NO_BOUND
    return _AROUND + sum(_of_type(world, setup, object_type, sweeps=sweeps) for object_type in TYPES)


def _of_type(world: World, setup: Setup, object_type: str, *, sweeps: bool) -> int:
    scale, live = setup.scale, len(world.live(object_type))
    halved = 2 if world.account.short_pages else 1
    searches = _SEARCHES + 2 * ceil(live / max(1, scale.search_page // (2 * halved)))
    if not sweeps:
        return searches
    pages = sum(ceil(count * halved / scale.record_page) + 1 for count in (live, len(world.archived(object_type))))
    cuts = 8 + live // scale.worth_cutting
    batch_reads = 2 if scale.query < 1000 else 1
    relations = [far for near, far in PAIRS if near == object_type]
    associations = sum(
        2 * ceil(live / min(scale.inputs, scale.group))
        + sum(
            len(world.account.neighbours(object_type, i, far)) // world.account.association_page
            for i in world.live(object_type)
        )
        for far in relations
    )
    return searches + batch_reads * (pages + cuts) + associations
