from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.connections.pacing import MAX_BLOCK, Block, Pace

PACES = st.builds(Pace, limit=st.integers(1, 20_000), seconds=st.sampled_from([0.5, 1.0, 10.0, 60.0]))


@given(PACES)
def test_a_slot_used_late_never_brings_more_than_the_limit_into_a_window(pace: Pace) -> None:
    assert pace.limit * pace.spacing - pace.slack >= pace.seconds - 1e-9
    assert 0 < pace.credit < pace.slack


@given(PACES)
def test_at_least_97_percent_of_the_limit_can_be_used(pace: Pace) -> None:
    assert pace.seconds / pace.spacing >= 0.97 * pace.limit * (1 - pace.limit / pace.seconds / 1e6)


@given(PACES, st.integers(0, 2**32))
def test_no_window_holds_more_than_the_limit_however_the_slots_are_used(pace: Pace, seed: int) -> None:
    chance = random.Random(seed)
    now, opened, used = 0.0, 0.0, []
    while len(used) < 3 * min(pace.limit, 200):
        block = Block(pace, max(opened, now - pace.credit))
        opened = max(opened, now - pace.credit) + pace.block * pace.spacing
        while (slot := block.take(now)) is not None:
            now = max(now, slot) + chance.choice([0, 0, pace.slack / 2, pace.slack, 3 * pace.slack])
            if now <= slot + pace.slack:
                used.append(now)
    for first, last in zip(used, used[pace.limit :], strict=False):
        assert last - first >= pace.seconds - 1e-6


@pytest.mark.parametrize(
    ("pace", "block"),
    [
        (Pace(5, 1.0), 1),  # search
        (Pace(190, 10.0), 4),
        (Pace(1000, 1.0), MAX_BLOCK),
    ],
)
def test_fast_budgets_are_reserved_in_blocks(pace: Pace, block: int) -> None:
    assert pace.block == block


def test_a_block_gives_each_slot_once_and_leaves_out_those_that_are_past() -> None:
    pace = Pace(190, 10.0)
    block = Block(pace, first=100.0)
    second = block.take(100.0 + pace.spacing + pace.slack)
    assert second == pytest.approx(100.0 + pace.spacing)
    assert block.take(1000.0) is None
    assert block.take(100.0) is None
