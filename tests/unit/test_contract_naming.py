from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.naming import MAX_BYTES, renamed, unique_names

# Names as sources have them, many of which fall together once renamed.
NAMES = st.one_of(
    st.text(max_size=80),
    st.from_regex(r"[aA][_ -]{0,2}[bB][_ -]{0,2}[0-9]?", fullmatch=True),
    st.from_regex(r"(long_){11,14}[a-c]{0,9}", fullmatch=True),
)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("firstName", "first_name"),
        ("address2", "address_2"),
        ("hs_v2_date_entered_123", "hs_v_2_date_entered_123"),
        ("HTTPServer", "httpserver"),
        ("Deal Name", "deal_name"),
        ("3rdParty", "3_rd_party"),
        ("a__b", "a_b"),
        ("naïve-café", "naive_cafe"),
        ("", "_"),
        ("中文", "_"),
    ],
)
def test_renames_as_the_connectors_people_come_from(name: str, result: str) -> None:
    assert renamed(name) == result


@given(NAMES)
def test_renaming_again_changes_nothing(name: str) -> None:
    assert renamed(renamed(name)) == renamed(name)


@given(NAMES)
def test_a_renamed_name_needs_no_quotes_but_for_a_leading_digit(name: str) -> None:
    assert renamed(name).replace("_", "a").isalnum()
    assert renamed(name).isascii()
    assert renamed(name) == renamed(name).lower()


@given(st.lists(NAMES), st.sampled_from(["", "property_"]), st.sets(st.sampled_from(["a_b", "id", "property_a_b"])))
def test_every_source_name_gets_a_name_of_its_own(names: list[str], prefix: str, taken: set[str]) -> None:
    result = unique_names(names, prefix=prefix, taken=taken)
    assert set(result) == set(names)
    assert len(set(result.values())) == len(result)
    assert not taken & set(result.values())
    assert all(len(name.encode()) <= MAX_BYTES for name in result.values())
    assert all(name.startswith(prefix) for name in result.values())


@given(st.lists(NAMES, unique=True), st.randoms())
def test_the_order_of_the_names_does_not_count(names: list[str], random: Random) -> None:
    shuffled = random.sample(names, len(names))
    assert unique_names(shuffled) == unique_names(names)


@given(st.lists(NAMES, unique=True, min_size=1))
def test_a_name_alone_keeps_its_renamed_form_when_it_fits(names: list[str]) -> None:
    for source, name in unique_names(names).items():
        rivals = [other for other in names if renamed(other) == renamed(source)]
        if len(rivals) == 1 and len(renamed(source)) <= MAX_BYTES:
            assert name == renamed(source)


def test_a_name_that_needs_no_renaming_keeps_it_in_a_collision() -> None:
    result = unique_names(["a_b", "aB", "a-b"])
    assert result["a_b"] == "a_b"
    assert result["aB"].startswith("a_b_")
    assert result["a-b"].startswith("a_b_")


def test_a_newcomer_renames_only_those_it_collides_with() -> None:
    before = unique_names(["firstName", "lastName", "age"])
    after = unique_names(["firstName", "lastName", "age", "first_name"])
    changed = {source for source in before if before[source] != after[source]}
    assert changed == {"firstName"}


def test_names_that_only_differ_after_63_bytes_stay_apart() -> None:
    names = ["x" * 70 + end for end in ("a", "b")]
    first, second = unique_names(names).values()
    assert first != second
    assert len(first) == len(second) == MAX_BYTES
