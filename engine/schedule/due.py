"""When a connection is due: pure functions of its schedule, its last sync and a clock.

The day is cut into slots: at a frequency of f minutes they are the multiples of f minutes since 1970-01-01 00:00 UTC,
moved by the group's offset. At 1440 minutes they are moved to `daily_sync_time` (midnight if unset) in the
destination's time zone as well. A connection is due when a slot lies after the start of its last sync and not after
now, whoever started that sync and however many slots went by meanwhile: what a stopped daemon or a long sync missed
is made up for by one run.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

DAILY = 1440
"""The one frequency (minutes) at which `daily_sync_time` and the time zone count."""

LARGEST_OFFSET = 60
"""Groups start up to this many minutes after the slot, so that they do not all call at the full hour."""

BACKOFF = (timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=15))
"""Waits after the first, second, third and any later failure in a row that trying again may cure."""

LOST_AFTER = timedelta(seconds=60)
"""A running sync reports every few seconds; one that has been silent for so long has lost its process."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Outcome = Literal["running", "succeeded", "failed", "rescheduled", "cancelled", "interrupted"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a connection wants to be synced. `frequency` in minutes, `utc_offset` in hours east of UTC."""

    group_id: str
    frequency: int
    schedule_type: Literal["auto", "manual"] = "auto"
    daily_sync_time: str | None = None
    utc_offset: int = 0
    paused: bool = False
    setup_state: Literal["incomplete", "connected", "broken"] = "connected"
    staggered: bool = True


@dataclass(frozen=True, slots=True)
class LastSync:
    """The connection's latest sync.

    `seen_at` is when it ended, or for a running one when it last reported. `retry_at` is when it goes on by itself: at
    a quota's reset if it was rescheduled, after a wait if it failed in a way that trying again may cure.
    """

    outcome: Outcome
    started_at: datetime
    seen_at: datetime
    retry_at: datetime | None = None


def next_due(schedule: Schedule, last: LastSync | None, now: datetime) -> datetime | None:
    """When the connection is due next; not after `now` means that it is due. None: not until something changes.

    A paused, manual or broken connection, or one whose setup tests never passed, waits for a person; a running sync
    is not doubled. A sync that was cut short goes on at once, one that waits for a quota when the quota is fresh.
    Where the clock was set back meanwhile, what it said before is taken for now.
    """
    if schedule.paused or schedule.schedule_type == "manual" or schedule.setup_state != "connected":
        return None
    return now if last is None else _due_after(last, next_slot(schedule, min(last.started_at, now)), now)


def _due_after(last: LastSync, slot: datetime, now: datetime) -> datetime | None:
    match last.outcome:
        case "running":
            is_lost = abs(now - last.seen_at) >= LOST_AFTER
            return min(last.seen_at + LOST_AFTER, now) if is_lost else None
        case "cancelled" | "interrupted":
            return min(last.seen_at, now)
        case "rescheduled":
            return last.retry_at or slot
        case "failed" if last.retry_at:
            return min(slot, last.retry_at)
        case _:
            return slot


def backoff(failures: int) -> timedelta:
    """How long to wait after the n-th failure in a row (n from 1) that trying again may cure."""
    return BACKOFF[min(failures, len(BACKOFF)) - 1]


def is_due(schedule: Schedule, last: LastSync | None, now: datetime) -> bool:
    """Whether a sync should start now."""
    due = next_due(schedule, last, now)
    return due is not None and due <= now


def next_slot(schedule: Schedule, after: datetime) -> datetime:
    """The first slot after the given moment."""
    anchor = EPOCH + timedelta(minutes=offset_minutes(schedule.group_id) if schedule.staggered else 0)
    if schedule.frequency == DAILY:
        hour = int((schedule.daily_sync_time or "00:00").partition(":")[0])
        anchor += timedelta(hours=hour - schedule.utc_offset)
    step = timedelta(minutes=schedule.frequency)
    return anchor + ((after - anchor) // step + 1) * step


def offset_minutes(group_id: str) -> int:
    """A group's offset from the slots, 0 to 60 whole minutes: the same on every machine and for all its connections."""
    digest = hashlib.sha256(group_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") % (LARGEST_OFFSET + 1)
