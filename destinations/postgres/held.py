"""What a schema holds, asked from other threads while it is loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg.rows import TupleRow

from destinations.postgres import statements
from destinations.postgres.cleaning import cleaned_rows
from destinations.postgres.connect import Connection
from destinations.postgres.errors import UNSTORABLE, translated
from destinations.postgres.locks import naming_the_holder
from destinations.postgres.merge import check_times, texts
from destinations.postgres.shape import LiveTable
from engine.contract import DestinationUnavailable, Rows

_PATIENCE = 2.0
"""Seconds for a question to be called off: a server that is out of reach cannot do that, and must not hold up the end."""


class Held:
    """Answers over a connection of its own, made for the first question, so that it sees what is committed. Thread-safe.

    A question waits for the process `loader`, which may take its time over a table, but not for others for long.
    """

    def __init__(self, connect: Callable[[], Connection], where: str, *, loader: int = 0) -> None:
        self._connect = connect
        self._where = where
        self._loader = loader
        self._connection: Connection | None = None
        self._asking = threading.Lock()
        self._closed = False

    def lacking(self, live: LiveTable, rows: Rows) -> list[int]:
        """The positions of the rows that the table does not hold just so, in order."""
        with self._asking, translated(self._where):
            return [*self._lacking(live, rows)]

    def any_row(self, live: LiveTable) -> bool:
        """Whether the table has a row."""
        with self._asking, translated(self._where):
            return bool(self._ask(live, statements.any_row(live)))

    def close(self) -> None:
        """Answer no more, nor let anybody wait for an answer."""
        self._closed = True
        if self._asking.locked() and self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=_PATIENCE)
        if self._asking.acquire(timeout=_PATIENCE):
            if self._connection is not None:
                self._connection.close()
            self._asking.release()

    def _lacking(self, live: LiveTable, rows: Rows, start: int = 0) -> Iterator[int]:
        try:
            check_times(live, rows)
            question = statements.lacking(live, rows.columns)
            found = self._ask(live, question, texts(rows.rows, range(len(rows.columns))))
        except pg.UndefinedFunction:
            # a column has become text since `live` was read: whoever takes the rows as lacking only reads them again
            found = [(number,) for number in range(1, len(rows.rows) + 1)]
        except UNSTORABLE:
            yield from self._lacking_carefully(live, rows, start)
            return
        yield from (start + number - 1 for (number,) in found)

    def _lacking_carefully(self, live: LiveTable, rows: Rows, start: int) -> Iterator[int]:
        """As it would be stored, and if it could not be, it is not."""
        storable, changed = cleaned_rows(rows.rows)
        middle = len(rows.rows) // 2
        if changed:
            yield from self._lacking(live, replace(rows, rows=storable), start)
        elif middle:
            yield from self._lacking(live, replace(rows, rows=rows.rows[:middle]), start)
            yield from self._lacking(live, replace(rows, rows=rows.rows[middle:]), start + middle)
        else:
            yield start

    def _ask(self, live: LiveTable, question: bytes, parameters: Sequence[Any] = ()) -> list[TupleRow]:
        while not self._closed:
            if self._connection is None:
                self._connection = self._connect()
            its_holder_is_told = naming_the_holder(self._connection, live.schema, self._where, loader=self._loader)
            with suppress(pg.LockNotAvailable), its_holder_is_told:
                return self._connection.execute(question, parameters).fetchall()
        raise DestinationUnavailable(f"The connection to PostgreSQL at {self._where} is closed.")
