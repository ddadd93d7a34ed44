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
    match cell:
        case None | str():
            return cell
        case bool():
            return "true" if cell else "false"
        case int() | Decimal():
            return str(cell)
        case float():
            return repr(cell)
        case datetime() if cell.tzinfo is not None:
            precision = "microseconds" if cell.microsecond % 1000 else "milliseconds"
            return cell.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
        case date() if not isinstance(cell, datetime):
            return cell.isoformat()
        case dict() | list():
            return json.dumps(cell, ensure_ascii=False)
        case _:
            msg = (
                f"a cell cannot be {cell!r}: give text, or an aware datetime, a date, a number, a bool, a dict, a list"
            )
            raise TypeError(msg)


class _CanonicalDumper(adapt.Dumper):
    def dump(self, obj: Any) -> bytes:
        return (canonical(obj) or "").encode()


def write_canonical(cursor: psycopg.Cursor[TupleRow]) -> None:
    """Let COPY on this cursor write native cells in their canonical form, also into a column that is text by now."""
    for native in (bool, datetime, dict, list):
        cursor.adapters.register_dumper(native, _CanonicalDumper)
