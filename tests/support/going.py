"""A connection that goes on by itself, with a scheduler that a test asks and a worker, both in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from support.mirror import Mirror
from support.working import working

from engine.schedule.loop import Scheduler


@contextmanager
def by_itself(mirror: Mirror) -> Iterator[Scheduler]:
    """Let the schedule have the connection while the block lasts."""
    rig = mirror.rig
    rig.execute(
        "UPDATE penstock.connections SET schedule_type = 'auto', setup_state = 'connected' WHERE schema = %s",
        mirror.schema,
    )
    try:
        with working(rig):
            yield Scheduler(rig.database, rig.settings)
    finally:
        rig.execute("UPDATE penstock.connections SET schedule_type = 'manual' WHERE schema = %s", mirror.schema)


def due(mirror: Mirror) -> None:
    """Let a day go by for the schedule, and with it every wait for a quota."""
    mirror.rig.execute(
        "UPDATE penstock.syncs SET started_at = started_at - interval '1 day', retry_at = retry_at - interval '1 day'"
        " WHERE connection_id = (SELECT id FROM penstock.connections WHERE schema = %s)",
        mirror.schema,
    )
