"""Verifying a mirror, and seeing that nothing came of it but a verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg import sql
from support.mirror import Mirror

from engine.contract import TableDifferences
from engine.sync.progress import Progress
from engine.sync.verify import Verdict, verify

RARE = {"reconciliation_hours": 24, "archived_hours": 24, "calculated_hours": 24}
"""A config by which what HubSpot changes without a word is not looked for with each sync."""

Found = dict[str, dict[str, int]]
"""By table: how many rows of each kind there are."""

KINDS = ("missing", "extra", "different", "rejected")


def verified(
    mirror: Mirror,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_doubt: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """What a verification says."""
    rig = mirror.rig
    connection = rig.connections.get(mirror.schema)
    return verify(rig.database, rig.vault, connection, on_progress=on_progress, on_doubt=on_doubt)


def found(verdict: Verdict) -> Found:
    """The tables that differ, and how."""
    counts = {table.table: {kind: n for kind in KINDS if (n := getattr(table, kind))} for table in verdict.tables}
    return {table: each for table, each in counts.items() if each}


def pending(verdict: Verdict) -> dict[str, int]:
    """The rows that the next sync brings, by table."""
    return {table.table: table.pending for table in verdict.tables if table.pending}


def of_table(verdict: Verdict, name: str) -> TableDifferences:
    """What it says of one table."""
    (table,) = (table for table in verdict.tables if table.table == name)
    return table


def everything(mirror: Mirror) -> dict[str, Any]:
    """All rows of the schema and of the bookkeeping, each with the transaction that wrote it and its place."""
    with mirror.rig.person() as person:
        names = person.execute(
            "SELECT schemaname AS s, tablename AS t FROM pg_tables WHERE schemaname IN (%s, 'penstock')"
            " AND tablename NOT LIKE 'procrastinate%%' AND tablename <> 'rate_budgets'",
            [mirror.schema],
        ).fetchall()
        rows = sql.SQL("SELECT xmin::text, ctid::text, md5(t::text) AS row FROM {} AS t ORDER BY ctid")
        return {n["t"]: person.execute(rows.format(sql.Identifier(n["s"], n["t"]))).fetchall() for n in names}


def left_behind(mirror: Mirror) -> list[Any]:
    """Temporary tables and advisory locks that are there."""
    return mirror.rig.rows(
        "SELECT relname::text FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'"
        " UNION ALL SELECT objid::text FROM pg_locks WHERE locktype = 'advisory'"
    )
