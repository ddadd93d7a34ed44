"""Setup tests: the named checks of a connection that a person reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.contract.errors import Follow, PenstockError


class TestStatus(StrEnum):
    """The outcome of one check."""

    __test__ = False  # not a test class, whatever pytest thinks of the name

    PASSED = "PASSED"
    WARNING = "WARNING"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class SetupTest:
    """One named check, with a sentence on what to do when it did not pass.

    `partial`: a connection that fails only this still works, with less than it could have. `passing`: it failed for a
    reason that may pass by itself, and that says nothing about how the connection is set up.
    """

    title: str
    status: TestStatus
    message: str = ""
    details: Any = None
    partial: bool = False
    passing: bool = False

    @classmethod
    def failed(cls, title: str, error: PenstockError, details: Any = None, *, partial: bool = False) -> SetupTest:
        """A check that an error ended."""
        passing = error.follow is not Follow.PERSON
        return cls(title, TestStatus.FAILED, str(error), details or error.code, partial, passing)
