"""More columns than a table has room for, and rows wider than a page: nothing is lost, and nothing is moved about."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from postgres_harness import Harness
from psycopg import sql

from destinations.postgres.room import MAX_COLUMNS, OVERFLOW, RESERVE
from engine.contract import DELETED, Cell, Column, ColumnType, Deletion, Loaded, LoadSession, Present, Rows, Table

ROOM = MAX_COLUMNS - RESERVE
PROPERTIES = tuple(f"property_{n:04}" for n in range(2000))
ID, LOOKUP = Column("id", ColumnType.BIGINT), Column("company", ColumnType.BIGINT)


def table(*properties: str) -> Table:
    """Its key and its lookup come last."""
    columns = (*(Column(name, ColumnType.TEXT) for name in properties), LOOKUP, ID)
    return Table("deal", columns, ("id",), lookups=(("company",),))


DEAL = table(*PROPERTIES)
INSIDE, OUTSIDE = PROPERTIES[0], PROPERTIES[-1]


def row(of: Table, id_: int, **cells: Cell) -> tuple[Cell, ...]:
    return tuple({"id": str(id_), **cells}.get(name) for name in of.column_names)


def given(of: Table, *rows: tuple[Cell, ...]) -> Rows:
    return Rows("deal", of.column_names, rows)


def stored(harness: Harness, id_: int, *names: str) -> list[str | None]:
    """Values of a row, each from its column, or else from the overflow."""
    statement = (
        "SELECT d - %(o)s || coalesce(d -> %(o)s, '{}')"
        " FROM (SELECT jsonb_strip_nulls(to_jsonb(deal)) AS d FROM hubspot.deal WHERE id = %(id)s) AS found"
    )
    ((cells,),) = harness.person.execute(statement, {"o": OVERFLOW, "id": id_}).fetchall()
    return [cells.get(name) for name in names]


def overflow(harness: Harness, id_: int) -> dict[str, str] | None:
    statement = sql.SQL("SELECT {} FROM hubspot.deal WHERE id = %s").format(sql.Identifier(OVERFLOW))
    ((found,),) = harness.person.execute(statement, [id_]).fetchall()
    return found  # type: ignore[no-any-return]


def columns(harness: Harness) -> set[str]:
    statement = (
        "SELECT attname FROM pg_attribute WHERE attrelid = 'hubspot.deal'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    return {name for (name,) in harness.person.execute(statement)}


def places(harness: Harness) -> list[tuple[object, ...]]:
    return harness.person.execute("SELECT id, ctid, xmin::text, xmax::text FROM hubspot.deal ORDER BY id").fetchall()


def test_columns_beyond_the_limit_go_into_one_and_a_notice_says_which(harness: Harness, session: LoadSession) -> None:
    prepared = session.prepare(DEAL)
    assert columns(harness) >= {"id", "company", OVERFLOW, DELETED, INSIDE}
    assert len(columns(harness)) <= ROOM + 5
    out = [name for name in PROPERTIES if name not in columns(harness)]
    (notice,) = prepared.notices
    assert notice.code == "overflow"
    assert f"deal has {len(out)} columns more" in notice.message
    assert f"{OVERFLOW}: {', '.join(out[:5])} and {len(out) - 5} more." in notice.message


def test_values_beyond_the_limit_are_loaded_changed_and_cleared(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    names = (INSIDE, OUTSIDE, PROPERTIES[-2])
    first = [row(DEAL, n, **{INSIDE: f"in {n}", OUTSIDE: f"out {n}"}) for n in range(3)]
    session.write(given(DEAL, *first, row(DEAL, 3)))
    assert session.commit("deals", {}) == Loaded(inserted=4)
    assert stored(harness, 1, *names) == ["in 1", "out 1", None]
    assert overflow(harness, 1) == {OUTSIDE: "out 1"}
    assert overflow(harness, 3) is None
    before = places(harness)
    session.write(given(DEAL, *first, row(DEAL, 3)))
    assert session.commit("deals", {}) == Loaded()
    assert places(harness) == before
    session.write(
        given(DEAL, row(DEAL, 0), row(DEAL, 1, **{OUTSIDE: True, PROPERTIES[-2]: "new"}), row(DEAL, 4, **{OUTSIDE: 5}))
    )
    assert session.commit("deals", {}) == Loaded(inserted=1, updated=2)
    assert stored(harness, 0, *names) == [None, None, None]
    assert overflow(harness, 0) is None
    assert stored(harness, 1, *names) == [None, "true", "new"]
    assert stored(harness, 2, *names) == ["in 2", "out 2", None]
    assert stored(harness, 4, OUTSIDE) == ["5"]


def test_a_part_of_the_columns_changes_only_those_beyond_the_limit_too(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    before, last = PROPERTIES[-2:]
    session.write(given(DEAL, row(DEAL, 1, **{INSIDE: "a", before: "b", last: "c"})))
    session.commit("deals", {})
    session.write(Rows("deal", (last, "id"), [("new", "1"), ("no such row", "2")]))
    assert session.commit("deals", {}) == Loaded(updated=1)
    assert stored(harness, 1, INSIDE, before, last) == ["a", "b", "new"]
    session.write(Rows("deal", (last, "id"), [(None, "1")]))
    session.write(Rows("deal", (INSIDE, "id"), [("z", "1")]))
    assert session.commit("deals", {}) == Loaded(updated=2)
    assert overflow(harness, 1) == {before: "b"}
    session.write(Rows("deal", (last, "id"), [(None, "1")]))
    session.write(Rows("deal", (INSIDE, "id"), [("z", "1")]))
    assert session.commit("deals", {}) == Loaded()
    assert stored(harness, 1, INSIDE, before, last) == ["z", "b", None]


def test_what_has_a_column_keeps_it_and_what_has_none_gets_none(harness: Harness, session: LoadSession) -> None:
    some = PROPERTIES[100:1900]
    session.prepare(table(*some))
    there = columns(harness)
    session.write(given(table(*some), row(table(*some), 1, **{some[-1]: "gone later"})))
    session.commit("deals", {})
    session.close()
    harness.person.execute(sql.SQL("ALTER TABLE hubspot.deal DROP COLUMN {}").format(sql.Identifier(some[0])))
    later_on = table(*PROPERTIES[:1500])  # some come before those that have a column, some are gone
    with closing(harness.destination.open("hubspot")) as later:
        prepared = later.prepare(later_on)
        assert prepared.changes == ()
        assert f"deal has {100 + 1} columns more" in prepared.notices[0].message
        assert columns(harness) == there - {some[0]}
        later.write(given(later_on, row(later_on, 1, **{PROPERTIES[0]: "new", some[0]: "again", some[1]: "real"})))
        assert later.commit("deals", {}) == Loaded(updated=1)
    assert overflow(harness, 1) == {PROPERTIES[0]: "new", some[0]: "again", some[-1]: "gone later"}
    assert stored(harness, 1, some[1]) == ["real"]


def test_a_column_dropped_from_a_full_table_is_filled_anew_from_the_overflow_on(
    harness: Harness, session: LoadSession
) -> None:
    session.prepare(DEAL)
    session.commit("deals", {"read": True})
    session.close()
    harness.person.execute(sql.SQL("ALTER TABLE hubspot.deal DROP COLUMN {}").format(sql.Identifier(INSIDE)))
    with closing(harness.destination.open("hubspot")) as later:
        prepared = later.prepare(DEAL, ["deals"])
        assert (prepared.empty, prepared.forgotten) == ((INSIDE,), ("deals",))
        later.commit("deals", {"read": True})
    with closing(harness.destination.open("hubspot")) as later:
        prepared = later.prepare(DEAL, ["deals"])
        assert (prepared.changes, prepared.empty, prepared.forgotten) == ((), (), ())


@pytest.mark.parametrize("comment", [None, "mine", '{"a": 1}', "[[1]]"])
def test_an_overflow_that_says_nothing_of_its_columns_is_taken_for_whole(
    harness: Harness, session: LoadSession, comment: str | None
) -> None:
    """As one of an earlier version is, or one whose comment somebody changed."""
    session.prepare(DEAL)
    session.close()
    statement = "COMMENT ON COLUMN hubspot.deal.{} IS {}"
    harness.person.execute(sql.SQL(statement).format(sql.Identifier(OVERFLOW), sql.Literal(comment)))
    with closing(harness.destination.open("hubspot")) as later:
        assert later.prepare(DEAL, ["deals"]).empty == ()
    harness.person.execute(sql.SQL("ALTER TABLE hubspot.deal DROP COLUMN {}").format(sql.Identifier(INSIDE)))
    with closing(harness.destination.open("hubspot")) as later:
        assert later.prepare(DEAL, ["deals"]).empty == (INSIDE,)


def test_rows_beyond_the_limit_are_found_deleted_and_compared(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    session.write(given(DEAL, *(row(DEAL, n, company="7", **{OUTSIDE: f"out {n}"}) for n in range(4))))
    session.commit("deals", {})
    asked = [("0", "out 0", None), ("1", "other", None), ("2", None, None), ("3", "out 3", "x"), ("4", None, None)]
    assert session.lacking("deal", ("id", OUTSIDE, INSIDE), asked) == asked[1:]
    session.write(Present("deal", "id", ["0", "1", "2"]))
    session.write(Rows("deal", ("id",), [("3",)], deleted=True))
    assert session.commit("deals", {}) == Loaded(deleted=1)
    session.write(Deletion("deal", ("company",), [("7",)]))
    assert session.commit("deals", {}) == Loaded(deleted=3)


def test_text_that_cannot_be_is_stored_as_near_as_possible_beyond_the_limit_too(
    harness: Harness, session: LoadSession
) -> None:
    session.prepare(DEAL)
    odd = ["nul\0 in it", "half \ud83d", 'quote " backslash \\ new\nline \U0001f600', "", "x" * 65_536]
    session.write(given(DEAL, *(row(DEAL, n, **{OUTSIDE: text}) for n, text in enumerate(odd))))
    loaded = session.commit("deals", {})
    assert (loaded.inserted, loaded.rejected) == (5, 0)
    assert [stored(harness, n, OUTSIDE) for n in range(5)] == [
        ["nul in it"],
        ["half \ufffd"],
        *([text] for text in odd[2:]),
    ]
    assert session.lacking("deal", ("id", OUTSIDE), [(n, text) for n, text in enumerate(odd)]) == []


WIDE = table(*PROPERTIES[:800])


@pytest.mark.parametrize("there_before", [False, True])
def test_a_row_wider_than_a_page_gives_its_largest_values_to_the_overflow(
    harness: Harness, session: LoadSession, *, there_before: bool
) -> None:
    session.prepare(WIDE)
    assert OVERFLOW not in columns(harness)
    wide = {name: f"{n:03}" + "x" * (100 + n) for n, name in enumerate(PROPERTIES[:800])}
    if there_before:
        session.write(given(WIDE, row(WIDE, 1, **{INSIDE: "short", PROPERTIES[799]: "long before"})))
    session.write(given(WIDE, row(WIDE, 0)))
    session.commit("deals", {})
    session.write(
        given(WIDE, row(WIDE, 0, **{INSIDE: "beside"}), row(WIDE, 1, **wide), row(WIDE, 2, **{INSIDE: "new"}))
    )
    loaded = session.commit("deals", {})
    assert (loaded.inserted, loaded.updated, loaded.rejected) == ((1, 2, 0) if there_before else (2, 1, 0))
    assert any("1 rows were too large" in notice and "too big" in notice for notice in loaded.notices)
    assert stored(harness, 1, *wide) == list(wide.values())
    moved = overflow(harness, 1) or {}
    assert 0 < len(moved) < 800
    assert PROPERTIES[799] in moved  # the widest go first
    assert INSIDE not in moved
    assert [overflow(harness, n) for n in (0, 2)] == [None, None]

    before = places(harness)
    session.write(given(WIDE, row(WIDE, 0, **{INSIDE: "beside"}), row(WIDE, 1, **wide)))
    assert session.commit("deals", {}) == Loaded()
    assert places(harness) == before
    assert session.lacking("deal", ("id", *wide), [("1", *wide.values())]) == []

    session.write(given(WIDE, row(WIDE, 1, **{PROPERTIES[799]: "short again"})))
    assert session.commit("deals", {}) == Loaded(updated=1)
    assert overflow(harness, 1) is None
    assert stored(harness, 1, INSIDE, *PROPERTIES[798:800]) == [None, None, "short again"]


def test_a_value_that_an_index_of_somebody_else_cannot_take_goes_to_the_overflow(
    harness: Harness, session: LoadSession
) -> None:
    session.prepare(table("note", "name"))
    harness.person.execute("CREATE INDEX mine ON hubspot.deal (note)")
    endless = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(5_000))
    session.write(given(table("note", "name"), row(table("note", "name"), 1, note=endless, name="One")))
    loaded = session.commit("deals", {})
    assert (loaded.inserted, loaded.rejected) == (1, 0)
    assert "index row requires" in loaded.notices[0]
    assert (overflow(harness, 1), stored(harness, 1, "name")) == ({"note": endless}, ["One"])


def test_a_table_without_overflow_has_no_column_for_it(harness: Harness, session: LoadSession) -> None:
    fits = table(*PROPERTIES[: ROOM - 2])
    assert session.prepare(fits).notices == ()
    assert OVERFLOW not in columns(harness)
    assert session.prepare(replace(fits, columns=(*fits.columns, Column("one_more", ColumnType.TEXT)))).notices
    assert columns(harness) >= {OVERFLOW, PROPERTIES[ROOM - 3]}
    assert "one_more" not in columns(harness)
