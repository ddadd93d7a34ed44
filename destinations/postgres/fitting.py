"""Whether values fit a type. The server is asked: its word counts in the end, and differs between versions."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from destinations.postgres.arrays import Texts
from destinations.postgres.connect import Connection
from destinations.postgres.errors import UNSTORABLE
from destinations.postgres.merge import are_dates, are_times
from destinations.postgres.queries import type_name
from destinations.postgres.widening import TIMESTAMPTZ, known_type, written
from engine.contract import ColumnType, ladder


def misfits(connection: Connection, cells: Texts, type_: str, start: int = 0) -> Iterator[int]:
    """The positions of the cells that the type does not hold, in order, found by halving. Within a transaction."""
    if fit(connection, cells, type_):
        return
    if len(cells) == 1:
        yield start
        return
    middle = len(cells) // 2
    yield from misfits(connection, Texts(cells[:middle]), type_, start)
    yield from misfits(connection, Texts(cells[middle:]), type_, start + middle)


def fit(connection: Connection, cells: Texts, type_: str) -> bool:
    """Whether the type holds all of these cells, and holds them whole. Within a transaction."""
    if type_ == ColumnType.DATE and not are_dates(cells):
        return False
    if type_ == TIMESTAMPTZ and not are_times(cells):
        return False
    cast = sql.SQL("SELECT count(cell::{}) FROM unnest(%s::text[]) AS cell").format(type_name(type_))
    try:
        with connection.transaction():
            connection.execute(cast, [cells])
    except UNSTORABLE:
        return False
    return True


def fitting_type(connection: Connection, cells: Texts, live: str) -> str:
    """The next type on the ladder from the live one that holds all of these cells as well; text at the latest."""
    steps = [written(step) for step in ladder(known_type(live) or ColumnType.TEXT)]
    return next((step for step in steps[:-1] if step != live and fit(connection, cells, step)), steps[-1])
