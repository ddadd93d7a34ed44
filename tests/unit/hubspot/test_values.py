from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot.values import (
    canonical,
    canonical_column,
    from_milliseconds,
    is_canonical,
    moment,
    to_milliseconds,
)
from engine.contract import ColumnType, ladder

BOOLEAN, BIGINT, NUMERIC, DATE, TIMESTAMPTZ, TEXT = (
    ColumnType.BOOLEAN,
    ColumnType.BIGINT,
    ColumnType.NUMERIC,
    ColumnType.DATE,
    ColumnType.TIMESTAMPTZ,
    ColumnType.TEXT,
)


@pytest.mark.parametrize(
    ("value", "type_", "cell", "fits"),
    [
        # cleared values
        (None, NUMERIC, None, NUMERIC),
        ("", NUMERIC, None, NUMERIC),
        ("", DATE, None, DATE),
        ("  ", BOOLEAN, None, BOOLEAN),
        ("", TEXT, "", TEXT),
        # numbers
        ("17", NUMERIC, "17", NUMERIC),
        ("67340.0", NUMERIC, "67340.0", NUMERIC),
        ("1.5E+7", NUMERIC, "1.5E+7", NUMERIC),
        (" 12 ", NUMERIC, "12", NUMERIC),
        ("134376773869;137654776000", NUMERIC, "134376773869;137654776000", TEXT),
        ("1_000", NUMERIC, "1_000", TEXT),
        ("٣", NUMERIC, "٣", TEXT),
        ("41629779", BIGINT, "41629779", BIGINT),
        ("4.5", BIGINT, "4.5", NUMERIC),
        ("nobody", BIGINT, "nobody", TEXT),
        # booleans
        ("true", BOOLEAN, "true", BOOLEAN),
        ("False", BOOLEAN, "false", BOOLEAN),
        ("Yes, please", BOOLEAN, "Yes, please", TEXT),
        # dates: ISO, or milliseconds at midnight; with a time they are moments
        ("2020-02-29", DATE, "2020-02-29", DATE),
        ("1572480000000", DATE, "2019-10-31", DATE),
        ("2020-02-29T00:00:00Z", DATE, "2020-02-29", DATE),
        ("1572480000001", DATE, "2019-10-31T00:00:00.001Z", TIMESTAMPTZ),
        ("2024-09-11T13:27:39Z", DATE, "2024-09-11T13:27:39Z", TIMESTAMPTZ),
        ("yesterday", DATE, "yesterday", TEXT),
        # moments
        ("2024-09-11T13:27:39.356Z", TIMESTAMPTZ, "2024-09-11T13:27:39.356Z", TIMESTAMPTZ),
        ("2024-09-11T13:27:39", TIMESTAMPTZ, "2024-09-11T13:27:39Z", TIMESTAMPTZ),
        ("2024-09-11", TIMESTAMPTZ, "2024-09-11T00:00:00Z", TIMESTAMPTZ),
        ("0", TIMESTAMPTZ, "1970-01-01T00:00:00.000Z", TIMESTAMPTZ),
        ("-1", TIMESTAMPTZ, "1969-12-31T23:59:59.999Z", TIMESTAMPTZ),
        ("now", TIMESTAMPTZ, "now", TEXT),
        ("0000-00-00", TIMESTAMPTZ, "0000-00-00", TEXT),
        ("999999999999999", TIMESTAMPTZ, "999999999999999", TEXT),
    ],
)
def test_a_value_is_brought_into_its_types_form(
    value: str | None, type_: ColumnType, cell: str | None, fits: ColumnType
) -> None:
    assert canonical(value, type_) == (cell, fits)


@given(
    st.lists(st.none() | st.sampled_from(["1", "2.5", "x", "", "true", "2020-01-01", "1572480000000"]) | st.text()),
    st.sampled_from([BOOLEAN, BIGINT, NUMERIC, DATE, TIMESTAMPTZ]),
)
def test_the_quick_check_agrees_with_the_careful_one(values: list[str | None], type_: ColumnType) -> None:
    cells, fits = canonical_column(values, type_)
    assert fits in ladder(type_)
    one_by_one = [canonical(value, type_) for value in values]
    if is_canonical(values, type_):
        assert (list(cells), fits) == ([cell for cell, _ in one_by_one], type_)
        assert all(fits is type_ for _, fits in one_by_one)


def test_values_of_a_column_that_widens_to_moments_all_become_moments() -> None:
    assert canonical_column(["2020-02-29", "1572480000001", None], DATE) == (
        ["2020-02-29T00:00:00Z", "2019-10-31T00:00:00.001Z", None],
        TIMESTAMPTZ,
    )


def test_a_day_that_is_none_stays_as_it_was_written_in_a_column_that_widens_to_moments() -> None:
    values = ["2020-02-29", "0000-00-00", "2023-02-29", "2024-09-11T13:27:39Z"]
    cells, _ = canonical_column(values, DATE)
    assert cells == ["2020-02-29T00:00:00Z", *values[1:]]


@given(st.integers(min_value=-62135596800000, max_value=253402300799999))
def test_milliseconds_survive_the_way_to_iso_and_back(milliseconds: int) -> None:
    assert to_milliseconds(from_milliseconds(milliseconds)) == milliseconds


@given(st.datetimes(timezones=st.just(UTC)))
def test_moments_are_rounded_down_to_the_millisecond_search_knows(at: datetime) -> None:
    milliseconds = to_milliseconds(at.isoformat())
    assert datetime.fromisoformat(from_milliseconds(milliseconds)) <= at
    assert to_milliseconds(from_milliseconds(milliseconds)) == milliseconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (0, None),
        ("0", None),
        ("", None),
        ("soon", None),
        (1572480000000, "2019-10-31T00:00:00.000Z"),
        ("2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z"),
    ],
)
def test_dates_of_reference_objects_may_be_unknown(value: str | int | None, expected: str | None) -> None:
    assert moment(value) == expected
