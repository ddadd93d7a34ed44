from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.memory import MemorySession, table

from engine.contract import Batch, Complete, Deletion, Present, Rows, SchemaChange
from engine.sync.load import ROWS, Load

COLUMNS = ("id", "parent")


def unit(*batches: Batch | SchemaChange, cursor: int = 0) -> Load:
    load = Load("deal")
    for batch in batches:
        load.add(batch)
    return load.close({"step": cursor})


def rows(*ids: str, parent: str = "p", deleted: bool = False, table: str = "t") -> Rows:
    return Rows(table, COLUMNS, [(i, parent) for i in ids], deleted=deleted)


def complete(*parents: str, table: str = "t", columns: tuple[str, ...] = ("parent",)) -> Complete:
    return Complete(table, columns, [(p,) for p in parents])


def deletion(*ids: str, table: str = "t") -> Deletion:
    return Deletion(table, ("id",), [(i,) for i in ids])


def present(*ids: str, to: str | None = None, above: str | None = None, hangs_on_it: str = "") -> Present:
    return Present("t", "id", ids, above, to, ((hangs_on_it, "parent"),) if hangs_on_it else ())


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        pytest.param([], [rows("a")], True, id="after a mere cursor"),
        pytest.param([rows("a")], [rows("a", "b")], True, id="the last row of a key wins"),
        pytest.param([rows("a"), complete("p")], [rows("b", parent="q"), complete("q")], True, id="other keys"),
        pytest.param([rows("a"), complete("p")], [rows("b"), complete("p")], False, id="same key completed twice"),
        pytest.param([complete("p")], [complete("p")], False, id="same key completed as empty twice"),
        pytest.param(
            [rows("a"), complete("p")], [rows("b", table="u"), complete("p", table="u")], True, id="elsewhere"
        ),
        pytest.param([rows("a")], [rows("b"), complete("p")], False, id="rows given before somebody completes"),
        pytest.param([rows("a"), complete("p")], [rows("a")], True, id="rows given after the key was completed"),
        pytest.param(
            [rows("a"), complete("a", columns=("id",))], [complete("p")], False, id="completed by other columns"
        ),
        pytest.param([rows("a", deleted=True)], [complete("p")], True, id="gone rows are not given"),
        pytest.param([Complete("t")], [Complete("t")], False, id="the whole table twice"),
        pytest.param([deletion("a")], [rows("a")], False, id="deleted, then given again"),
        pytest.param([deletion("a")], [rows("a", table="u")], True, id="given elsewhere"),
        pytest.param([rows("a")], [deletion("a")], True, id="given, then deleted"),
        pytest.param([deletion("a")], [rows("a", deleted=True)], True, id="gone twice"),
        pytest.param([present("a", to="b")], [present("c", above="b")], True, id="present in two ranges"),
        pytest.param([rows("a"), present("a", to="b")], [rows("x", table="u")], True, id="present, and rows elsewhere"),
        pytest.param([rows("a")], [present("b")], False, id="given, then not present"),
        pytest.param([rows("a"), present("a", to="a")], [present(above="a")], False, id="given out of the range"),
        pytest.param(
            [rows("a"), present("a")], [rows("b"), present("b")], False, id="present together with rows twice"
        ),
        pytest.param([present("b")], [rows("a", deleted=True)], False, id="not present, then deleted"),
        pytest.param([present("b")], [deletion("a")], False, id="not present, then called deleted"),
        pytest.param([present("b", hangs_on_it="u")], [rows("x", table="u")], False, id="lost with a row, then given"),
        pytest.param([rows("x", table="u")], [present("b", hangs_on_it="u")], False, id="given, then lost with a row"),
    ],
)
def test_which_units_may_share_a_commit(first: Sequence[Batch], second: Sequence[Batch], together: bool) -> None:
    assert unit(*first).takes(unit(*second)) is together


def test_a_load_remembers_all_the_units_that_it_took_in() -> None:
    load = unit(rows("a"), complete("p"))
    load.join(unit(rows("z", parent="z"), cursor=1))
    assert not load.takes(unit(rows("b"), complete("q")))  # the second unit's row may belong to q
    load = unit(complete("p"))
    load.join(unit(complete("q")))
    assert not load.takes(unit(complete("q")))
    load.join(unit(deletion("a"), cursor=7))
    assert not load.takes(unit(rows("a")))
    assert not load.takes(unit(present("a")))
    load = unit(present("a", hangs_on_it="u"))
    load.join(unit(present("b", to="c"), cursor=7))
    assert not load.takes(unit(rows("x", table="u")))
    assert load.cursor == {"step": 7}


def test_a_load_is_full_by_its_rows_or_by_their_weight() -> None:
    assert unit(Rows("t", ("id",), [("x",)] * ROWS)).full
    assert not unit(Rows("t", ("id",), [("x",)] * (ROWS - 1))).full
    assert unit(Deletion("t", ("id",), [(str(number),) for number in range(ROWS)])).full
    assert unit(present(*map(str, range(ROWS)))).full
    wide = Rows("t", tuple(f"c{number}" for number in range(600)), [("x",) * 600] * 500)
    assert unit(wide).full
    long = Rows("t", ("id",), [("x" * 65_536,)] * 200)
    assert unit(long).full
    usual = Rows("t", tuple(f"c{number}" for number in range(60)), [("a usual property",) * 60] * (ROWS - 1))
    assert not unit(usual).full
    singles = [Rows("t", usual.columns, [row]) for row in usual.rows]
    assert not unit(*singles).full


def test_records_are_counted_in_the_named_table() -> None:
    assert unit(rows("a", "b"), rows("c", table="u"), rows("d", deleted=True)).records("t") == 3


ids = st.sampled_from("abcd")
parents = st.sampled_from("pab")
tables = st.sampled_from("ttu")
bounds = st.none() | ids
batches = st.one_of(
    st.builds(lambda i, p, t, gone: rows(i, parent=p, table=t, deleted=gone), ids, parents, tables, st.booleans()),
    st.builds(lambda i, t: deletion(i, table=t), ids, tables),
    st.builds(lambda p, t: complete(p, table=t), parents, tables),
    st.builds(
        lambda i, to, above, u: present(i, to=to, above=above, hangs_on_it=u),
        ids,
        bounds,
        bounds,
        st.sampled_from(["", "u"]),
    ),
)


def committed(loads: Sequence[Load]) -> dict[str, object]:
    session = MemorySession()
    for name in "tu":
        session.prepare(table(name, "parent"))
        session.tables[name] = {(i,): (i, "a") for i in "abcdef"}
    for load in loads:
        for batch in load.batches:
            assert not isinstance(batch, SchemaChange)
            session.write(batch)
        assert load.cursor is not None
        session.commit("deal", load.cursor)
    return {"rows": session.tables, "cursor": session.known["deal"]}


@given(st.lists(st.lists(batches, max_size=4), min_size=1, max_size=8))
def test_committed_together_or_apart_the_result_is_the_same(units: list[list[Batch]]) -> None:
    together: list[Load] = [Load("deal")]
    for number, given_ in enumerate(units):
        if not together[-1].takes(unit(*given_)):
            together.append(Load("deal"))
        together[-1].join(unit(*given_, cursor=number))
    apart = [unit(*given_, cursor=number) for number, given_ in enumerate(units)]
    assert committed(together) == committed(apart)
