"""Values as salted hashes: the same for the same value, and no way back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import partial

from engine.contract import Cell, ColumnType

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


class Hash:
    """Hashes with one salt."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def of(self, type_: ColumnType) -> Callable[[Cell], str | None]:
        """The function that hashes values of a column of this type: SHA-256 in hexadecimal; None stays None."""
        return partial(self._hashed, type_)

    def _hashed(self, type_: ColumnType, cell: Cell) -> str | None:
        if cell is None:
            return None
        return hashlib.sha256(self._salt + _meaning(type_, cell).encode("utf-8", "surrogatepass")).hexdigest()


def _meaning(type_: ColumnType, cell: Cell) -> str:
    """One text for all spellings of a value; what is not of the type is taken as it is written."""
    text = _written(cell)
    read = _READ.get(type_)
    if read is None:
        return text
    try:
        return read(text)
    except (ArithmeticError, ValueError):
        return text


def _written(cell: Cell) -> str:
    match cell:
        case date():
            return cell.isoformat()
        case bool() | dict() | list():
            return json.dumps(cell)
        case _:
            return str(cell)


def _number(text: str) -> str:
    return str(Decimal(text).normalize(_EXACT) or 0)


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat()


def _document(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True)


_READ: dict[ColumnType, Callable[[str], str]] = {
    ColumnType.BIGINT: _number,
    ColumnType.NUMERIC: _number,
    ColumnType.DOUBLE: _number,
    ColumnType.TIMESTAMPTZ: _moment,
    ColumnType.JSONB: _document,
}
