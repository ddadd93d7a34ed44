"""The setup tests of both ends of a connection: run, kept, read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from engine.contract import (
    Destination,
    DestinationRefused,
    PenstockError,
    SetupTest,
    Source,
    SourceRefused,
    TestStatus,
)
from engine.state.models import SetupTestRecord

Tell = Callable[[SetupTest], None]
"""Called with each finding as soon as it is there."""


def keep_quiet(_found: SetupTest) -> None:
    """Tell nobody."""


NO_CREDENTIALS = SetupTest(
    "Credentials",
    TestStatus.FAILED,
    "There are no credentials yet: give them with `penstock connections update`, or as `auth` of a PATCH.",
)
"""What a connection without any fails."""


def run_setup_tests(
    source: Source, destination: Destination, *, must_pass: bool, tell: Tell = keep_quiet
) -> list[SetupTest]:
    """What the source's checks find, then the destination's. The source is closed afterwards.

    Raises:
        SourceRefused, DestinationRefused: `must_pass`, and some did not; the message tells each of them.
    """
    try:
        found = results(source, tell)
    finally:
        source.close()
    if must_pass and (told := _failures(found)):
        raise SourceRefused(f"{told} Nothing was stored.")
    found_there = results(destination, tell)
    if must_pass and (told := _failures(found_there)):
        raise DestinationRefused(f"{told} Nothing was stored.")
    return found + found_there


def results(end: Source | Destination, tell: Tell = keep_quiet) -> list[SetupTest]:
    """What one end's checks find; an error that ends them is one more finding."""
    found: list[SetupTest] = []
    for test in _until_it_fails(end):
        found.append(test)
        tell(test)
    return found


def _until_it_fails(end: Source | Destination) -> Iterator[SetupTest]:
    try:
        yield from end.setup_tests()
    except PenstockError as error:
        yield SetupTest.failed("Running the setup tests", error)


def agent_test(agent: str, *, alive: bool) -> SetupTest:
    """Whether a worker is there that was started with the id of an agent."""
    if alive:
        return SetupTest(_AGENT_TITLE, TestStatus.PASSED)
    waits = f"No worker of the agent '{agent}' is running: syncs wait until one is. Start it: penstock worker --agent {agent}"
    return SetupTest(_AGENT_TITLE, TestStatus.WARNING, waits)


_AGENT_TITLE = "Finding the agent's worker"


def _failures(tests: list[SetupTest]) -> str:
    failed = [test for test in tests if test.status is TestStatus.FAILED]
    return " ".join(f"{test.title}: {test.message.removesuffix('.')}." for test in failed)


def keep(session: Session, connection_id: str, tests: Sequence[SetupTest]) -> None:
    """Store what a round of setup tests found, in place of the round before."""
    session.execute(delete(SetupTestRecord).where(SetupTestRecord.connection_id == connection_id))
    session.add_all(
        SetupTestRecord(
            connection_id=connection_id,
            position=position,
            title=test.title,
            status=test.status.value,
            message=test.message,
            details=test.details,
        )
        for position, test in enumerate(tests, start=1)
    )


def kept(session: Session, connection_id: str) -> list[SetupTest]:
    """What the last round of setup tests found."""
    records = session.scalars(
        select(SetupTestRecord).where(SetupTestRecord.connection_id == connection_id).order_by(SetupTestRecord.position)
    )
    return [SetupTest(test.title, TestStatus(test.status), test.message, test.details) for test in records]
