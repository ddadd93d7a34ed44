from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import ColumnType, common_type, ladder

TYPES = st.sampled_from(ColumnType)


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        (ColumnType.BOOLEAN, ColumnType.NUMERIC, ColumnType.TEXT),
        (ColumnType.BIGINT, ColumnType.NUMERIC, ColumnType.NUMERIC),
        (ColumnType.BIGINT, ColumnType.DOUBLE, ColumnType.NUMERIC),
        (ColumnType.DATE, ColumnType.TIMESTAMPTZ, ColumnType.TIMESTAMPTZ),
        (ColumnType.DATE, ColumnType.BIGINT, ColumnType.TEXT),
        (ColumnType.JSONB, ColumnType.JSONB, ColumnType.JSONB),
        (ColumnType.JSONB, ColumnType.TEXT, ColumnType.TEXT),
    ],
)
def test_the_common_type_is_the_narrowest_that_holds_both(
    one: ColumnType, other: ColumnType, common: ColumnType
) -> None:
    assert common_type(one, other) is common


@given(TYPES)
def test_every_ladder_ends_at_text_without_turning_back(type_: ColumnType) -> None:
    steps = ladder(type_)
    assert (steps[0], steps[-1]) == (type_, ColumnType.TEXT)
    assert len(set(steps)) == len(steps)


@given(TYPES, TYPES)
def test_the_order_of_two_types_does_not_count(one: ColumnType, other: ColumnType) -> None:
    assert common_type(one, other) is common_type(other, one)


@given(TYPES, TYPES, TYPES)
def test_the_grouping_of_three_types_does_not_count(one: ColumnType, two: ColumnType, three: ColumnType) -> None:
    assert common_type(common_type(one, two), three) is common_type(one, common_type(two, three))


@given(TYPES, TYPES)
def test_a_common_type_is_on_both_ladders_and_settled(one: ColumnType, other: ColumnType) -> None:
    common = common_type(one, other)
    assert common in ladder(one)
    assert common in ladder(other)
    assert common_type(common, one) is common


@given(TYPES)
def test_a_type_with_itself_stays(type_: ColumnType) -> None:
    assert common_type(type_, type_) is type_
