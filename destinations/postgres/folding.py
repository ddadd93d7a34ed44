"""Values that have no column, or no room in their row, folded into the one column of such values."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace

from destinations.postgres.canonical import canonical
from destinations.postgres.room import OVERFLOW
from destinations.postgres.shape import LiveTable
from engine.contract import Row, Rows


def folded(live: LiveTable, rows: Rows, moved: Collection[str] = ()) -> Rows:
    """The rows as the table has columns for them; besides, columns that are `moved` are empty, their values folded too."""
    if live.overflow is None:
        return rows
    kept = [n for n, name in enumerate(rows.columns) if name not in live.overflow]
    out = [(name, n) for n, name in enumerate(rows.columns) if name in live.overflow or name in moved]
    columns = (*(rows.columns[n] for n in kept), OVERFLOW)
    empty = {n for _, n in out}

    def fold(row: Row) -> Row:
        values = {name: canonical(row[n]) for name, n in out if row[n] is not None}
        document = json.dumps(values, ensure_ascii=False) if values else None
        return (*(None if n in empty else row[n] for n in kept), document)

    return replace(rows, columns=columns, rows=[fold(row) for row in rows.rows])


def movable(live: LiveTable, rows: Rows) -> dict[str, int]:
    """How wide the values in the first row are that may be moved out of it, by column, the widest first."""
    table = live.table
    stay = {*table.primary_key, *(name for group in table.lookups for name in group), *(live.overflow or ())}
    cells = zip(rows.columns, map(canonical, rows.rows[0]), strict=True)
    widths = {name: len(text) for name, text in cells if text and name not in stay}
    return dict(sorted(widths.items(), key=lambda item: (-item[1], item[0])))
