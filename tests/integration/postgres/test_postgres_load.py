"""How rows get in: what is touched, by which way, and what is made of data that is not as it should be."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from postgres_harness import Harness

from destinations.postgres import statements
from destinations.postgres.session import PostgresSession
from engine.contract import (
    Column,
    ColumnType,
    Complete,
    Deletion,
    DestinationRefused,
    Loaded,
    LoadSession,
    Present,
    Rows,
    Table,
)

DEAL = Table(
    "deal",
    (
        Column("id", ColumnType.BIGINT),
        Column("name", ColumnType.TEXT),
        Column("amount", ColumnType.NUMERIC),
        Column("born", ColumnType.DATE),
        Column("data", ColumnType.JSONB),
    ),
    primary_key=("id",),
    lookups=(("name",),),
)
EVENT = Table(
    "event",
    (Column("id", ColumnType.BIGINT), Column("at", ColumnType.TIMESTAMPTZ), Column("value", ColumnType.TEXT)),
    primary_key=("id", "at"),
)


def deal(
    id_: str | None,
    name: str | None = None,
    amount: str | None = None,
    born: str | None = None,
    data: str | None = None,
) -> tuple[str | None, ...]:
    return (id_, name, amount, born, data)


def deals(*rows: tuple[str | None, ...]) -> Rows:
    return Rows("deal", DEAL.column_names, rows)


def places(harness: Harness) -> dict[str, tuple[str, str, str]]:
    """Where each row lies, who wrote it and who locked it last: any write or lock shows."""
    statement = "SELECT id::text, ctid::text, xmin::text, xmax::text FROM hubspot.deal"
    return {row[0]: row[1:] for row in harness.person.execute(statement)}


def test_rows_that_are_the_same_are_neither_written_nor_locked(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    rows = [deal(str(n), f"deal {n}", "1.50", "2024-02-29", '{"a": [1, null]}') for n in range(100)] + [deal("100")]
    session.write(deals(*rows))
    session.commit("deals", {})
    before = places(harness)
    session.write(deals(*rows))
    session.write(Rows("deal", ("id", "data"), [("7", '{"a":[1,null]}')]))
    assert session.commit("deals", {}) == Loaded()
    assert places(harness) == before
    rows[42] = deal("42", "changed")
    session.write(deals(*rows))
    assert session.commit("deals", {}) == Loaded(updated=1)
    after = places(harness)
    assert {key for key in before if before[key] != after[key]} == {"42"}


def test_what_is_present_is_neither_written_nor_locked(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    session.write(deals(*(deal(str(n), f"deal {n}") for n in range(100))))
    session.commit("deals", {})
    before = places(harness)
    session.write(Present("deal", "id", [str(n) for n in range(50)], to="49"))
    session.write(Present("deal", "id", [str(n) for n in range(50, 100) if n != 77], above="49"))
    assert session.commit("deals", {}) == Loaded(deleted=1)
    after = places(harness)
    assert {key for key in before if before[key] != after[key]} == {"77"}


def test_new_rows_are_written_once(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    session.write(deals(deal("1", "One"), deal("2", "Two")))
    session.write(Rows("deal", DEAL.column_names[::-1], [deal("3", "Three")[::-1]]))
    session.commit("deals", {})
    assert {place[0] for place in places(harness).values()} == {"(0,1)", "(0,2)", "(0,3)"}


def test_data_that_is_as_it_should_be_is_loaded_at_the_first_try(
    session: LoadSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> Loaded:
        raise AssertionError

    monkeypatch.setattr("destinations.postgres.session.load_carefully", never)
    session.prepare(DEAL)
    session.prepare(EVENT)
    for inserted, updated in ((3, 0), (0, 1)):
        session.write(deals(deal("1", "One"), deal("2", "Two"), deal("1", "One again")))
        session.write(deals(deal("2", f"Two {updated}")))
        session.write(
            Rows("event", EVENT.column_names, [("1", "2024-02-29T12:00:00Z", ""), ("1", "2024-02-29T12:00Z", "")])
        )
        assert session.commit("deals", {}) == Loaded(inserted, updated)


WIDE = Table(
    "wide",
    (*DEAL.columns, *(Column(f"property_{n}", ColumnType.TEXT) for n in range(600))),
    ("id",),
    lookups=(("name",),),
)


@pytest.mark.parametrize("table", [DEAL, WIDE], ids=lambda table: table.name)
@pytest.mark.parametrize("analyzed", [True, False])
def test_a_load_finds_its_rows_by_index_whatever_is_known_of_the_table(
    harness: Harness, session: LoadSession, table: Table, *, analyzed: bool
) -> None:
    assert isinstance(session, PostgresSession)
    session.prepare(table)
    more = ("x",) * (len(table.columns) - len(DEAL.columns))
    session.write(Rows(table.name, table.column_names, [(*deal(str(n), f"deal {n}"), *more) for n in range(3)]))
    session.commit("deals", {})
    if analyzed:
        harness.person.execute(f"ANALYZE hubspot.{table.name}")
    live = session._tables[table.name]
    connection = session._connection
    connection.execute(statements.create_staging(live))
    update = statements.update_rows(live, table.column_names, deleted=False)
    assert update is not None
    for statement, parameters in (
        (update, []),
        (statements.insert_rows(live, table.column_names, deleted=False), []),
        (statements.any_key_there(live), [["1"]]),
        (statements.remove_rows(live, ("id",)), [["1"], []]),
        (statements.remove_rows(live, ("name",)), [["One"], ["1"]]),
        (statements.remove_absent(live, "id", above=True, to=True), ["0", "2", ["1"]]),
        (statements.lacking(live, ("id", "name")), [["1"], ["One"]]),
    ):
        plan = "\n".join(line for (line,) in connection.execute(b"EXPLAIN " + statement, parameters))
        assert "Index Cond" in plan, plan
        assert f"Seq Scan on {table.name}" not in plan, plan
        assert "Hash Join" not in plan, plan
        assert "Merge Join" not in plan, plan
        assert "NOT IN" not in statement.decode() or "hashed SubPlan" in plan, plan


def test_a_percent_sign_in_a_name_is_one(harness: Harness, session: LoadSession) -> None:
    table = Table("share", (Column("id", ColumnType.BIGINT), Column("%(share)s", ColumnType.TEXT)), ("id",))
    session.prepare(table)
    for share in ("1%", "%s"):
        session.write(Rows(table.name, table.column_names, [("1", share)]))
        session.commit("shares", {})
        assert [row["%(share)s"] for row in harness.read("hubspot", table.name)] == [share]


def test_one_key_written_in_two_ways_is_one_row(harness: Harness, session: LoadSession) -> None:
    session.prepare(EVENT)
    first = [("1", "2024-02-29T12:00:00Z", "a"), ("1", "2024-02-29T13:00:00+01:00", "b")]
    session.write(Rows("event", EVENT.column_names, first))
    assert session.commit("events", {}) == Loaded(inserted=1)
    session.write(Rows("event", EVENT.column_names, [("1", "2024-02-29T12:00:00.000Z", "c"), ("01", *first[1][1:])]))
    session.write(Complete("event"))
    assert session.commit("events", {}) == Loaded()
    session.write(Deletion("event", ("at",), [("2024-02-29T10:00:00-02:00",)]))
    assert session.commit("events", {}) == Loaded(deleted=1)
    assert [row["value"] for row in harness.read("hubspot", "event")] == ["b"]


@pytest.mark.parametrize("ids", [("7", "007"), ("007", "7")])
def test_a_key_that_is_not_canonical_is_no_second_row(
    harness: Harness, session: LoadSession, ids: tuple[str, str]
) -> None:
    session.prepare(DEAL)
    session.write(deals(deal(ids[0], "first"), deal(ids[1], "second")))
    assert session.commit("deals", {}) == Loaded(inserted=1)
    assert [(row["id"], row["name"]) for row in harness.read("hubspot", "deal")] == [("7", "second")]


@pytest.mark.parametrize(
    ("column", "value", "becomes", "reads"),
    [
        ("amount", "1;2", "text", "1;2"),
        ("amount", "", "text", ""),
        ("amount", "12 €", "text", "12 €"),
        ("born", "2024-02-29T12:00:00Z", "timestamp with time zone", "2024-02-29T12:00:00.000Z"),
        ("born", "today", "text", "today"),
        ("born", "2024-02-30", "text", "2024-02-30"),
        ("born", "99999-01-01T00:00:00Z", "timestamp with time zone", None),
        ("born", "999999-01-01", "text", "999999-01-01"),
        ("data", "{", "text", "{"),
        ("data", '"\\u0000"', "text", '"\\u0000"'),
    ],
)
def test_a_value_that_does_not_fit_takes_the_next_type_that_holds_it(
    harness: Harness, session: LoadSession, column: str, value: str, becomes: str, *, reads: str | None
) -> None:
    fits = {"amount": "1.5", "born": "2024-02-29", "data": "[1]"}
    session.prepare(DEAL)
    session.write(deals(deal("1", **fits), deal("2", **{**fits, column: value})))
    loaded = session.commit("deals", {})
    assert (loaded.inserted, loaded.rejected, len(loaded.notices)) == (2, 0, 1)
    assert f"deal.{column} widened from" in loaded.notices[0]
    assert f"because of '{value}'" in loaded.notices[0]
    assert harness.type_of("hubspot", "deal", column) == becomes
    if reads is not None:
        assert sorted((str(row["id"]), row[column]) for row in harness.read("hubspot", "deal"))[1] == ("2", reads)


def test_a_long_value_is_cut_in_the_notice(session: LoadSession) -> None:
    session.prepare(DEAL)
    session.write(deals(deal("1", amount="x" * 65_536)))
    (notice,) = session.commit("deals", {}).notices
    assert len(notice) < 200


def test_what_cannot_be_stored_is_set_aside_with_the_reason(harness: Harness, session: LoadSession) -> None:
    stage = Table("stage", (Column("id", ColumnType.TEXT), Column("label", ColumnType.TEXT)), ("id",))
    for table in (stage, DEAL):
        session.prepare(table)
    endless = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(5_000))  # no index takes it, however compressed
    fine = [(str(n), "x") for n in range(50)]
    session.write(Rows("stage", stage.column_names, [*fine[:20], (endless, "first"), *fine[20:]]))
    session.write(deals(deal("no number", "x\0")))
    session.write(Complete("deal", ("id",), [("1",), ("404",)]))
    loaded = session.commit("deals", {"after": "99"})
    assert (loaded.inserted, loaded.rejected) == (50, 2)
    assert [notice.partition(", the first")[0] for notice in loaded.notices if "rejects" in notice] == [
        "stage: 1 rows could not be stored and are in penstock.rejects",
        "deal: 1 rows could not be stored and are in penstock.rejects",
    ]
    assert len(harness.read("hubspot", "stage")) == 50
    rejects = "SELECT schema_name, table_name, key ->> 'id', reason, row_data FROM penstock.rejects ORDER BY id"
    first, second = harness.person.execute(rejects).fetchall()
    assert first[:3] == ("hubspot", "stage", endless)
    assert "index row" in first[3]
    assert second[:3] == ("hubspot", "deal", "no number")
    assert second[4]["name"] == "x"
    session.write(Rows("stage", stage.column_names, [(endless, "second")]))
    assert session.commit("deals", {"after": "99"}).rejected == 1
    assert [row[4].get("label") for row in harness.person.execute(rejects)] == [None, "second"]


def test_careful_or_not_the_order_of_rows_holds(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    for bad in ("fine", "nul\0"):
        session.write(deals(deal("1", "first", "1"), deal("2", bad)))
        session.write(Rows("deal", ("id", "amount"), [("1", "2")]))
        session.write(deals(deal("3"), deal("1", "last", "3"), deal("4")))
        session.write(Rows("deal", ("id", "amount"), [("1", "4"), ("3", "5")]))
        session.write(Rows("deal", DEAL.column_names, [deal("4", "gone")], deleted=True))
        session.write(Deletion("deal", ("name",), [("nul\0",), ("fine",)]))
        session.commit("deals", {})
        rows = {
            row["id"]: (row["name"], row["amount"], row["_fivetran_deleted"]) for row in harness.read("hubspot", "deal")
        }
        assert rows == {
            "1": ("last", "4", "false"),
            "2": (bad.strip("\0"), None, "true"),
            "3": (None, "5", "false"),
            "4": ("gone", None, "true"),
        }


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ADD COLUMN mine text NOT NULL", r"hubspot\.deal\.mine .* may not be empty.*ALTER COLUMN mine DROP NOT NULL"),
        ("ADD CONSTRAINT mine UNIQUE (name)", r"mine of hubspot\.deal .* duplicate key.*Drop that constraint"),
        ("ADD CONSTRAINT mine CHECK (name <> 'x')", r"mine of hubspot\.deal .* check constraint.*Drop that constraint"),
    ],
)
def test_a_constraint_of_somebody_else_is_named(
    harness: Harness, session: LoadSession, change: str, told: str, *, careful: bool
) -> None:
    session.prepare(DEAL)
    harness.person.execute(f"ALTER TABLE hubspot.deal {change}")
    session.write(deals(deal("1", "x"), deal("2", "x", "1;2" if careful else "1")))
    with pytest.raises(DestinationRefused, match=told):
        session.commit("deals", {})
    assert session.cursors() == {}
    assert harness.read("hubspot", "deal") == []
    assert harness.type_of("hubspot", "deal", "amount") == "numeric"


def test_a_failed_widening_is_tried_again(harness: Harness, session: LoadSession) -> None:
    session.prepare(DEAL)
    session.prepare(EVENT)
    harness.person.execute("ALTER TABLE hubspot.event ADD CONSTRAINT mine CHECK (value <> 'x')")
    batches = [deals(deal("1", "x", "1;2")), Rows("event", EVENT.column_names, [("1", "2024-02-29T12:00:00Z", "x")])]
    for batch in batches:
        session.write(batch)
    with pytest.raises(DestinationRefused, match="mine"):
        session.commit("deals", {})
    assert harness.type_of("hubspot", "deal", "amount") == "numeric"
    harness.person.execute("ALTER TABLE hubspot.event DROP CONSTRAINT mine")
    for batch in batches:
        session.write(batch)
    loaded = session.commit("deals", {})
    assert (loaded.inserted, len(loaded.notices)) == (2, 1)
    assert harness.type_of("hubspot", "deal", "amount") == "text"


def test_an_association_without_soft_delete_is_loaded_all_the_same(harness: Harness, session: LoadSession) -> None:
    merged = Table(
        "merged", tuple(Column(name, ColumnType.BIGINT) for name in ("a", "b")), ("a", "b"), soft_delete=False
    )
    session.prepare(merged)
    for inserted in (2, 0):
        session.write(Rows("merged", ("b", "a"), [("1", "2"), ("1", "3"), ("1", "2")]))
        assert session.commit("merged", {}) == Loaded(inserted=inserted)
    assert sorted((row["a"], row["b"]) for row in harness.read("hubspot", "merged")) == [("2", "1"), ("3", "1")]
    assert "_fivetran_deleted" not in harness.read("hubspot", "merged")[0]


def test_two_schemas_do_not_meet(harness: Harness, session: LoadSession) -> None:
    with closing(harness.destination.open("other")) as other:
        for which in (session, other):
            which.prepare(DEAL)
        session.write(deals(deal("1", "ours")))
        other.write(deals(deal("1", "theirs")))
        other.commit("deals", {"whose": "theirs"})
        session.commit("deals", {"whose": "ours"})
        assert (session.cursors(), other.cursors()) == ({"deals": {"whose": "ours"}}, {"deals": {"whose": "theirs"}})
    assert (
        json.dumps([harness.read(schema, "deal")[0]["name"] for schema in ("hubspot", "other")]) == '["ours", "theirs"]'
    )
