"""Text that PostgreSQL has no place for, made into text as near to it as can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from destinations.postgres.canonical import canonical
from engine.contract import Batch, Cell, Present, Row, Rows, storable


def cleaned(batch: Batch) -> tuple[Batch, int]:
    """The batch with every cell in canonical text that can be stored, and how many cells are not what they were."""
    if isinstance(batch, Rows):
        rows, changed = cleaned_rows(batch.rows)
        return replace(batch, rows=rows), changed
    if isinstance(batch, Present):
        keys, changed = cleaned_rows([(key,) for key in batch.keys])
        return replace(batch, keys=[key for (key,) in keys]), changed
    keys, changed = cleaned_rows(batch.keys)
    return replace(batch, keys=keys), changed


def cleaned_rows(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """The rows with every cell in canonical text that can be stored, and how many cells are not what they were."""
    changed = 0

    def clean(cell: Cell) -> str | None:
        nonlocal changed
        text = canonical(cell)
        if text is None:
            return None
        result = storable(text)
        changed += result != text
        return result

    return [tuple(map(clean, row)) for row in rows], changed
