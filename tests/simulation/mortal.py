"""The ends of a sync, made so that the engine can be killed between any two of their steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import psycopg
from simulation.moments import COMMIT, COMMITTED, EXECUTED, MESSAGE, STATEMENT, Moments

from destinations.postgres import connect
from engine.contract import Catalog, Cursor, Held, Loaded, LoadSession, Message, Source, Stream


class MortalSource:
    """A source whose every message is a moment."""

    def __init__(self, source: Source, moments: Moments) -> None:
        self._source = source
        self._moments = moments

    def discover(self, cursors: Mapping[str, Cursor]) -> Catalog:
        return self._source.discover(cursors)

    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        for message in self._source.read(stream, cursor, held, reconcile=reconcile):
            self._moments.reached(MESSAGE, f"{stream.name} {type(message).__name__}")
            yield message

    def close(self) -> None:
        self._source.close()


class MortalSession:
    """A load session that does nothing any more once the process is gone."""

    def __init__(self, session: LoadSession, moments: Moments) -> None:
        self._session = session
        self._moments = moments

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._session, name)

        def mortal(*args: Any, **kwargs: Any) -> Any:
            self._moments.reached(name)
            return method(*args, **kwargs)

        return mortal

    def commit(self, stream: str, cursor: Cursor) -> Loaded:
        self._moments.reached(COMMIT, stream)
        loaded = self._session.commit(stream, cursor)
        self._moments.reached(COMMITTED, stream)
        return loaded


class Connections:
    """Every connection of the destination that is made while it watches; each statement on them is a moment."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        self._made: list[psycopg.Connection[Any]] = []

    @property
    def pids(self) -> list[int]:
        """The server's processes behind those that are open."""
        return [made.info.backend_pid for made in self._made if not made.closed]

    def close(self) -> None:
        """Close them, as the kernel does when a process is gone."""
        for made in self._made:
            made.close()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let every connection be watched."""
        real, moments = connect.Connection.connect, self._moments

        class Watched(psycopg.Cursor[Any]):
            def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
                word = _word(query)
                moments.reached(STATEMENT, word)
                result = super().execute(query, *args, **kwargs)
                moments.reached(EXECUTED, word)
                return result

            def copy(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
                moments.reached(STATEMENT, "COPY")
                return super().copy(statement, *args, **kwargs)

        def watched(**parameters: Any) -> connect.Connection:
            made = real(cursor_factory=Watched, **parameters)
            self._made.append(made)
            return made

        with mock.patch.object(connect.Connection, "connect", watched):
            yield


def _word(query: Any) -> str:
    """What kind of a statement it is."""
    text = query if isinstance(query, str) else query.decode() if isinstance(query, bytes) else query.as_string()
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("--"))
    return next(lines, "").split(" ", 1)[0].upper()
