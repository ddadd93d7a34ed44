"""Moments within a sync, and what is to happen at them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

REQUEST, ANSWER = "request", "answer"
"""Before HubSpot has a request; after it has answered and before the engine knows."""
MESSAGE = "message"
"""Before the engine has a message of a stream."""
STATEMENT, EXECUTED = "statement", "executed"
"""Before and after a statement of the loading."""
COMMIT, COMMITTED = "commit", "committed"
"""Before and after a commit with a cursor."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The `nth` time in a sync that something of a kind happens at a place: a path, a stream, a word of SQL."""

    what: str
    where: str = ""
    nth: int = 1

    def __str__(self) -> str:
        return f"at {self.what} {self.nth}{f' of {self.where}' if self.where else ''}"


class Killed(BaseException):
    """The process is gone: nothing that it would still have done happens."""


class Endless(BaseException):
    """A sync that makes no end of it."""


@dataclass(slots=True)
class _Waiting:
    moment: Moment
    left: int
    action: Callable[[], None]


class Moments:
    """Counts what happens in one sync, and does what was to be done at each moment. Thread-safe.

    Counting by place makes a moment the same one however threads run, as far as a place is visited by one of them.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiting: list[_Waiting] = []
        self._dead = False

    @property
    def killed(self) -> bool:
        """Whether the process is gone."""
        return self._dead

    def at(self, moment: Moment, action: Callable[[], None]) -> None:
        """Let something happen at a moment."""
        self._waiting.append(_Waiting(moment, moment.nth, action))

    def kill(self) -> None:
        """From now on, whatever any thread of the engine tries to do ends it."""
        self._dead = True

    def reached(self, what: str, where: str = "") -> None:
        """A moment has come.

        Raises:
            Killed: the process is gone, or goes now.
        """
        if self._dead:
            raise Killed
        due: list[_Waiting] = []
        with self._lock:
            for waiting in self._waiting:
                if waiting.moment.what == what and waiting.moment.where in where:
                    waiting.left -= 1
                    if not waiting.left:
                        due.append(waiting)
            for waiting in due:
                self._waiting.remove(waiting)
                waiting.action()
        if self._dead:
            raise Killed

    def never_came(self) -> list[Callable[[], None]]:
        """What was to happen at moments that the sync did not have."""
        return [waiting.action for waiting in self._waiting]
