from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.schedule.due import (
    EPOCH,
    LOST_AFTER,
    LastSync,
    Outcome,
    Schedule,
    backoff,
    is_due,
    next_due,
    next_slot,
    offset_minutes,
)

FREQUENCIES = (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)
OUTCOMES: tuple[Outcome, ...] = ("running", "succeeded", "failed", "rescheduled", "cancelled", "interrupted")


def at(text: str) -> datetime:
    """A time on 20 November 2026, or a whole date and time."""
    return datetime.fromisoformat(text if "T" in text else f"2026-11-20T{text}").replace(tzinfo=UTC)


def plain(frequency: int = 360, **facts: object) -> Schedule:
    return replace(Schedule("group", frequency, staggered=False), **facts)  # type: ignore[arg-type]


def ended(outcome: Outcome, started: str, seen: str | None = None, **facts: object) -> LastSync:
    return replace(LastSync(outcome, at(started), at(seen or started)), **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frequency", "after", "slot"),
    [
        (1, "10:00:30", "10:01"),
        (5, "10:00", "10:05"),  # a slot is over once a sync started in it
        (5, "10:04:59.999999", "10:05"),
        (60, "10:17", "11:00"),
        (180, "10:17", "12:00"),
        (360, "10:17", "12:00"),
        (480, "10:17", "16:00"),
        (720, "13:00", "2026-11-21T00:00"),
        (1440, "13:00", "2026-11-21T00:00"),
    ],
)
def test_slots_are_multiples_of_the_frequency(frequency: int, after: str, slot: str) -> None:
    assert next_slot(plain(frequency), at(after)) == at(slot)


@pytest.mark.parametrize(
    ("schedule", "after", "slot"),
    [
        (plain(1440, daily_sync_time="14:00"), "13:00", "14:00"),
        (plain(1440, daily_sync_time="14:00"), "14:00", "2026-11-21T14:00"),
        (plain(1440, daily_sync_time="14:00", utc_offset=2), "11:00", "12:00"),
        (plain(1440, daily_sync_time="14:00", utc_offset=-5), "13:00", "19:00"),
        (plain(1440, daily_sync_time="01:00", utc_offset=12), "12:00", "13:00"),  # yesterday's date over there
        (plain(1440, utc_offset=-8), "07:00", "08:00"),  # midnight over there
        (plain(360, daily_sync_time="14:00", utc_offset=2), "13:00", "18:00"),  # only at 1440
    ],
)
def test_the_daily_time_counts_in_the_destinations_time_zone(schedule: Schedule, after: str, slot: str) -> None:
    assert next_slot(schedule, at(after)) == at(slot)


def test_the_offset_comes_on_top_and_is_the_same_everywhere() -> None:
    offset = offset_minutes("group")
    assert offset == 38  # pinned: it must not move when the code does
    assert next_slot(Schedule("group", 360), at("10:00")) == at("12:38")
    assert next_slot(Schedule("group", 5), at("10:00")) == at("10:03")
    assert next_slot(Schedule("group", 1440, daily_sync_time="14:00"), at("10:00")) == at("14:38")


@pytest.mark.parametrize(
    ("schedule", "last", "now", "due"),
    [
        pytest.param(plain(), None, "10:00", "10:00", id="never synced: at once"),
        pytest.param(plain(paused=True), None, "10:00", None, id="paused"),
        pytest.param(plain(schedule_type="manual"), None, "10:00", None, id="manual"),
        pytest.param(plain(setup_state="broken"), None, "10:00", None, id="broken"),
        pytest.param(plain(setup_state="incomplete"), None, "10:00", None, id="setup tests never passed"),
        pytest.param(plain(), ended("succeeded", "06:01"), "10:00", "12:00", id="next slot"),
        pytest.param(plain(), ended("succeeded", "2026-11-17T06:01"), "10:00", "2026-11-17T12:00", id="was down: once"),
        pytest.param(plain(5), ended("succeeded", "10:01", "10:12"), "10:12", "10:05", id="a slot went by meanwhile"),
        pytest.param(plain(5), ended("running", "10:01", "10:11:55"), "10:12", None, id="running: not doubled"),
        pytest.param(plain(), ended("running", "10:01", "10:11"), "10:12", "10:12", id="running but silent: lost"),
        pytest.param(plain(), ended("cancelled", "10:01", "10:02"), "10:03", "10:02", id="cut short goes on at once"),
        pytest.param(plain(), ended("interrupted", "10:01", "10:02"), "10:03", "10:02", id="killed goes on at once"),
        pytest.param(plain(), ended("succeeded", "19:01"), "10:00", "12:00", id="clock set back: next slot"),
        pytest.param(plain(), ended("running", "19:01", "19:02"), "10:00", "10:00", id="clock set back: lost"),
        pytest.param(plain(), ended("interrupted", "19:01", "19:02"), "10:00", "10:00", id="clock set back: at once"),
        pytest.param(plain(), ended("failed", "10:01", "10:02"), "10:03", "12:00", id="a person must act: next slot"),
        pytest.param(plain(), ended("failed", "10:01", retry_at=at("10:09")), "10:02", "10:09", id="tried again soon"),
        pytest.param(plain(5), ended("failed", "10:01", retry_at=at("10:09")), "10:02", "10:05", id="never after slot"),
        pytest.param(
            plain(5),
            ended("rescheduled", "10:01", "10:02", retry_at=at("2026-11-21T05:00")),
            "10:06",
            "2026-11-21T05:00",
            id="waits for the quota, slots or not",
        ),
        pytest.param(
            plain(schedule_type="manual"),
            ended("rescheduled", "10:01", retry_at=at("10:02")),
            "10:06",
            None,
            id="manual does not go on by itself",
        ),
    ],
)
def test_when_a_connection_is_due(schedule: Schedule, last: LastSync | None, now: str, due: str | None) -> None:
    expected = None if due is None else at(due)
    assert next_due(schedule, last, at(now)) == expected
    assert is_due(schedule, last, at(now)) == (expected is not None and expected <= at(now))


moments = st.integers(0, 40_000_000).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
schedules = st.builds(
    Schedule,
    group_id=st.text(min_size=1, max_size=8),
    frequency=st.sampled_from(FREQUENCIES),
    daily_sync_time=st.none() | st.integers(0, 23).map(lambda hour: f"{hour:02}:00"),
    utc_offset=st.integers(-11, 12),
    staggered=st.booleans(),
)


@st.composite
def last_syncs(draw: st.DrawFn, outcomes: tuple[Outcome, ...] = OUTCOMES) -> LastSync:
    started = draw(moments)
    outcome = draw(st.sampled_from(outcomes))
    seen = started + timedelta(seconds=draw(st.integers(0, 90_000)))
    later = seen + timedelta(seconds=draw(st.integers(0, 90_000)))
    return LastSync(
        outcome,
        started,
        seen,
        retry_at=later if outcome == "rescheduled" or (outcome == "failed" and draw(st.booleans())) else None,
    )


@given(schedules, moments)
def test_the_next_slot_is_one_of_the_slots_and_the_nearest(schedule: Schedule, after: datetime) -> None:
    slot = next_slot(schedule, after)
    step = timedelta(minutes=schedule.frequency)
    assert after < slot <= after + step
    assert next_slot(schedule, slot) == slot + step
    if schedule.frequency != 1440:
        offset = timedelta(minutes=offset_minutes(schedule.group_id)) if schedule.staggered else timedelta(0)
        assert (slot - EPOCH - offset) % step == timedelta(0)


waits = st.integers(0, 100_000).map(lambda seconds: timedelta(seconds=seconds))


@given(schedules, last_syncs(), waits, waits)
def test_what_is_due_stays_due_until_it_is_synced(
    schedule: Schedule, last: LastSync, since: timedelta, longer: timedelta
) -> None:
    now = last.seen_at + since
    if is_due(schedule, last, now):
        assert is_due(schedule, last, now + longer)


@given(schedules, last_syncs(("succeeded", "failed", "cancelled", "interrupted")), waits)
def test_nothing_waits_longer_than_its_slot_but_for_a_quota(
    schedule: Schedule, last: LastSync, since: timedelta
) -> None:
    due = next_due(schedule, last, last.seen_at + since)
    assert due is not None
    assert due <= max(last.seen_at, next_slot(schedule, last.started_at))


def test_failures_in_a_row_wait_longer_and_longer() -> None:
    waits_in_minutes = [backoff(failures) // timedelta(minutes=1) for failures in (1, 2, 3, 4, 5, 99)]
    assert waits_in_minutes == [1, 2, 5, 15, 15, 15]


@given(schedules, moments, st.lists(st.integers(0, 7_200), min_size=1, max_size=30), st.integers(1, 60))
def test_a_loop_that_asks_runs_each_slot_once_and_at_most_a_tick_late(
    schedule: Schedule, begin: datetime, durations: list[int], tick_seconds: int
) -> None:
    tick = timedelta(seconds=tick_seconds)
    last: LastSync | None = None
    now = begin
    for duration in durations:
        if last is not None:
            due = next_due(schedule, last, now)
            assert due is not None
            now += max(0, -((now - due) // tick)) * tick  # the ticks that go by without anything to do
            assert not is_due(schedule, last, now - tick) or now - tick < last.seen_at
            slots_begun = next_slot(schedule, last.started_at) <= now
            assert slots_begun, "a second run in one slot"
            assert now < max(due, last.seen_at) + tick, "more than a tick late"
        assert is_due(schedule, last, now)
        ended_at = now + timedelta(seconds=duration)
        last = LastSync("succeeded", now, ended_at)
        now += max(1, -(-(ended_at - now) // tick)) * tick  # the first tick after it ended


def test_a_silent_sync_counts_as_lost_only_after_its_time() -> None:
    last = ended("running", "10:00", "10:01")
    assert next_due(plain(), last, last.seen_at + LOST_AFTER - timedelta(microseconds=1)) is None
    assert is_due(plain(), last, last.seen_at + LOST_AFTER)
