"""Cells as text in the canonical form of their type (see `ColumnType`)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import adapt
from psycopg.rows import TupleRow

from engine.contract import Cell


def canonical(cell: Cell) -> str | None:
    """The cell as text; None stays None.

    Raises:
        TypeError: it is neither text nor a native value that stands for one.
    """
    text: str | None
    match cell:
        case None | str():
            text = cell
        case bool():
            text = "true" if cell else "false"
        case int() | float() | Decimal():
            text = str(cell)
        case datetime() if cell.tzinfo is not None:
            precision = "microseconds" if cell.microsecond % 1000 else "milliseconds"
            text = cell.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
        case date() if not isinstance(cell, datetime):
            text = cell.isoformat()
        case dict() | list():
            text = json.dumps(cell, ensure_ascii=False)
        case _:
            msg = f"a cell cannot be {cell!r}: give text, a bool, a number, a date, an aware datetime, a dict or a list"
            raise TypeError(msg)
    return text


class _CanonicalDumper(adapt.Dumper):
    def dump(self, obj: Any) -> bytes:
        return (canonical(obj) or "").encode()


def write_canonical(cursor: psycopg.Cursor[TupleRow]) -> None:
    """Let COPY on this cursor write native cells in their canonical form, also into a column that is text by now."""
    for native in (bool, datetime, dict, list):
        cursor.adapters.register_dumper(native, _CanonicalDumper)
