from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import Catalog, Column, ColumnType, Loaded, Stream, Table, common_type

TYPES = st.sampled_from(ColumnType)


def table(*types: ColumnType, name: str = "deal") -> Table:
    return Table(name, tuple(Column(f"c{n}", type_) for n, type_ in enumerate(types)), ("c0",))


@pytest.mark.parametrize(
    ("columns", "primary_key", "lookups"),
    [
        (("a", "a"), ("a",), ()),
        (("a", "b"), (), ()),
        (("a", "b"), ("c",), ()),
        (("a", "b"), ("a",), (("b", "c"),)),
    ],
)
def test_a_table_that_contradicts_itself_cannot_be_made(
    columns: tuple[str, ...], primary_key: tuple[str, ...], lookups: tuple[tuple[str, ...], ...]
) -> None:
    with pytest.raises(ValueError, match="deal"):
        Table("deal", tuple(Column(name, ColumnType.TEXT) for name in columns), primary_key, lookups=lookups)


@given(st.lists(st.tuples(TYPES, TYPES), min_size=1))
def test_widening_takes_the_common_type_of_each_column(pairs: list[tuple[ColumnType, ColumnType]]) -> None:
    before = table(*(one for one, _ in pairs))
    after = before.widened({f"c{n}": other for n, (_, other) in enumerate(pairs)})
    assert [column.type for column in after.columns] == [common_type(one, other) for one, other in pairs]
    assert after.column_names == before.column_names


@given(st.lists(TYPES, min_size=1))
def test_widening_by_nothing_or_by_what_is_there_changes_nothing(types: list[ColumnType]) -> None:
    before = table(*types)
    assert before.widened({}) == before
    assert before.widened({column.name: column.type for column in before.columns}) == before


def test_a_catalog_names_each_table_once_in_the_streams_order() -> None:
    deal, owner, pair = (table(ColumnType.BIGINT, name=name) for name in ("deal", "owner", "pair"))
    catalog = Catalog((Stream("deals", (deal, pair)), Stream("owners", (owner, deal))))
    assert [each.name for each in catalog.tables] == ["deal", "pair", "owner"]


def test_what_commits_changed_adds_up() -> None:
    one, other = Loaded(1, 2, 3, 4, ("a",)), Loaded(10, 20, 30, 40, ["b"])
    assert one + other == Loaded(11, 22, 33, 44, ("a", "b"))
    assert sum((one, other), Loaded()) == one + other
