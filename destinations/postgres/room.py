"""How many columns a table has room for, and where the values of the others go."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from engine.contract import Notice, Table

OVERFLOW = "_penstock_overflow"
"""The jsonb column of values that have no column, or no room in their row: an object, from column names to canonical text."""

MAX_COLUMNS = 1600
"""What a table of PostgreSQL holds. Columns that were dropped count too, so that a full table stays full."""

RESERVE = 40
"""Columns left for those that this destination keeps itself, for keys to come, and for what people add by hand."""

_SHOWN = 5
"""How many names a notice gives."""


def without_room(table: Table, there: Collection[str], *, taken: int) -> frozenset[str]:
    """The columns that have to go to the overflow. Those that are there stay, and keys and lookups always have room.

    `taken` counts the columns that the table has or had.
    """
    new = [name for name in table.column_names if name not in there]
    room = MAX_COLUMNS - RESERVE - taken
    keyed = {*table.primary_key, *(name for group in table.lookups for name in group)}
    others = [name for name in new if name not in keyed]
    return frozenset(others[max(0, room - (len(new) - len(others))) :])


def note(overflow: Collection[str]) -> str:
    """What the overflow's comment says in the catalog: the columns that it stands for, told from those that were dropped."""
    return json.dumps(sorted(overflow), ensure_ascii=False)


def columns_noted(comment: str | None) -> frozenset[str] | None:
    """The columns that a comment of the overflow names; None where there is none, or one of somebody else's."""
    try:
        names = json.loads(comment or "")
    except ValueError:
        return None
    return frozenset(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def overflow_notice(table: Table, overflow: Collection[str]) -> Notice:
    """What a person should know of columns that have no room."""
    names = [name for name in table.column_names if name in overflow]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return Notice(
        "overflow",
        f"{table.name} has {len(names)} columns more than a table of PostgreSQL has room for ({MAX_COLUMNS}); their values "
        f"are in its column {OVERFLOW}: {', '.join(names[:_SHOWN])}{more}.",
    )


PAGE = 8160
"""Bytes that a row may have within its page of 8 kB."""

OUT_OF_LINE = 18
"""Bytes that are left in its row of a value that is stored elsewhere."""


def at_least(widths: Sequence[int]) -> int:
    """About how many of a row's values, the widest first, must have no place in it so that the rest fits into a page.

    An estimate to begin with, which spares trying: the server has the last word.
    """
    taken = sum(min(width + 1, OUT_OF_LINE) for width in widths)
    for count, width in enumerate(widths):
        if taken <= PAGE:
            return count
        taken -= min(width + 1, OUT_OF_LINE)
    return len(widths)
