"""What a person's try to connect has come to: a refusal, or setup tests that are running or have run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal, TypeAlias

import structlog

from engine.connections.checks import Tell
from engine.contract import PenstockError, SetupTest

Result: TypeAlias = Literal["refused", "failed", "limited", "connected"]
"""refused: by the person. limited: connected, but some of what was asked for cannot be read."""

CRASHED = "Something went wrong here. Try again; if it happens again, tell whoever gave you this link."

log = structlog.stdlib.get_logger("penstock.connect_card")


class Attempt:
    """A try with a card. `result` is None while setup tests run; `problem` tells what came in between."""

    def __init__(self, card_id: str, result: Result | None = None, problem: str = "") -> None:
        self.card_id = card_id
        self.result = result
        self.problem = problem
        self._tests: list[SetupTest] = []

    @property
    def tests(self) -> tuple[SetupTest, ...]:
        """What the setup tests have found by now."""
        return tuple(self._tests)

    def run(self, work: Callable[[Tell], Result]) -> None:
        """Do the work, which tells what it finds, in a thread of its own: to its end, whoever watches."""
        threading.Thread(target=self._run, args=(work,), name="connect-card", daemon=True).start()

    def _run(self, work: Callable[[Tell], Result]) -> None:
        result: Result = "failed"
        try:
            result = work(self._tests.append)
        except PenstockError as error:
            self.problem = str(error)
        except Exception:
            log.exception("connect_card_crashed")
            self.problem = CRASHED
        self.result = result
