"""The generated records: the laws by which nothing of them has to be stored."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot.sandbox.base import Base
from connectors.hubspot.sandbox.links import Links, LinkTypes

UNTIL = 1_790_000_000_000
counts = st.integers(min_value=0, max_value=400)


def base_of(count: int, *, sparse: bool = True) -> Base:
    return Base(count, until=UNTIL, first_id=20_310_447_102, sparse=sparse)


@given(count=counts, sparse=st.booleans(), near=st.integers(-3, 3))
def test_ids_rise_with_the_number_and_lead_back_to_it(count: int, sparse: bool, near: int) -> None:
    base = base_of(count, sparse=sparse)
    ids = [base.id(number) for number in range(count)]
    assert ids == sorted(set(ids))
    assert [base.number(record_id) for record_id in ids] == list(range(count))
    assert list(base.from_number(count // 2)) == list(enumerate(ids))[count // 2 :]
    assert all(record_id < base.end_id for record_id in ids)
    for record_id in ids:
        expected = next((number for number, other in enumerate(ids) if other >= record_id + near), count)
        assert base.number_from(record_id + near) == expected


@given(count=counts)
def test_modification_dates_are_in_another_order_than_ids_and_lead_back_to_the_number(count: int) -> None:
    base = base_of(count)
    dates = [base.modified(number) for number in range(count)]
    assert [base.at_rank(base.rank_from(date)) for date in dates] == list(range(count))
    assert [base.rank_from(date + 1) for date in sorted(dates)] == list(range(1, count + 1))
    assert all(base.created(number) <= date <= UNTIL for number, date in enumerate(dates))
    if count > 100:
        assert dates != sorted(dates)


def test_sparse_ids_have_eleven_digits_and_uneven_gaps() -> None:
    base = base_of(1_000_000)
    assert {len(str(base.id(number))) for number in (0, 400_000, 999_999)} == {11}
    gaps = {(base.id(n + 100) - base.id(n)) // 1000 for n in (0, 350_000, 700_000)}
    assert len(gaps) == 3


@given(contacts=st.integers(0, 60), companies=st.integers(0, 20), deals=st.integers(0, 60))
def test_generated_associations_are_the_same_from_both_sides(contacts: int, companies: int, deals: int) -> None:
    bases = {"contacts": base_of(contacts), "companies": base_of(companies), "deals": base_of(deals)}
    links = Links(bases, LinkTypes())
    for one, other in itertools.permutations(bases, 2):
        for number in range(bases[one].count):
            record_id = bases[one].id(number)
            for neighbour, types in links.of(one, record_id, other).items():
                inverses = {kind.inverse for t in types if (kind := links.types.get(one, other, t))}
                assert links.of(other, neighbour, one)[record_id] == inverses


@pytest.mark.parametrize(
    ("from_type", "to_type", "expected"),
    [
        ("contacts", "companies", {1, 28, 279}),
        ("companies", "contacts", {2, 29, 280}),
        ("deals", "companies", {5, 341}),
        ("companies", "deals", {6, 342}),
        ("deals", "contacts", {3}),
        ("contacts", "deals", {4}),
    ],
)
def test_association_types_have_the_ids_of_their_direction(from_type: str, to_type: str, expected: set[int]) -> None:
    bases = {"contacts": base_of(50), "companies": base_of(10), "deals": base_of(30)}
    links = Links(bases, LinkTypes())
    base = bases[from_type]
    found = [types for n in range(base.count) for types in links.of(from_type, base.id(n), to_type).values()]
    assert set().union(*found) == expected
