"""The setup tests: what loading needs of a server, in the order in which it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from destinations.postgres.connect import Connection
from destinations.postgres.errors import translated
from destinations.postgres.names import BOOKKEEPING
from destinations.postgres.pooling import check_session
from destinations.postgres.queries import query
from engine.contract import DestinationError, NotTrusted, SetupTest, TestStatus

OLDEST = 13
"""The oldest major version of PostgreSQL that is supported."""


def checks(connect: Callable[[], Connection], where: str) -> Iterator[SetupTest]:
    """Run every check; those that need a connection are skipped without one."""
    to_run: dict[str, Callable[[Connection], str | None]] = {
        "Checking version": _version,
        "Checking encoding": _encoding,
        "Checking permissions": _permissions,
        "Checking sessions": lambda connection: check_session(connection, connect, where),
    }
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(connect())
        except DestinationError as error:
            if isinstance(error, NotTrusted):
                yield SetupTest.failed(f"Validating {error.kind}", error, error.details)
            else:
                yield SetupTest.failed("Connecting to host", error)
            for title in to_run:
                yield SetupTest(title, TestStatus.SKIPPED, "The host has to be reached first.")
            return
        yield SetupTest("Connecting to host", TestStatus.PASSED)
        for title, check in to_run.items():
            try:
                with translated(where):
                    problem = check(connection)
            except DestinationError as error:
                problem = str(error)
            yield SetupTest(title, TestStatus.FAILED if problem else TestStatus.PASSED, problem or "")


def _version(connection: Connection) -> str | None:
    major = connection.info.server_version // 10000
    return f"PostgreSQL {major} is too old: {OLDEST} or later is needed." if major < OLDEST else None


def _encoding(connection: Connection) -> str | None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding == "UTF8":
        return None
    return f"The database is encoded in {encoding}, which lacks characters. Make one with ENCODING 'UTF8'."


def _permissions(connection: Connection) -> str | None:
    row = connection.execute(query("privileges"), {"bookkeeping": BOOKKEEPING}).fetchone()
    is_standby, is_read_only, may_create, may_stage = row or (False, False, False, False)
    if is_standby:
        return "The server is a read-only standby. Name the primary server as host."
    info = connection.info
    if is_read_only:
        return (
            f"Transactions of {info.user} are read-only. Turn default_transaction_read_only off, which can be set for the "
            "user, the database or the server: managed ones turn it on when their disk is full."
        )
    missing = [name for name, has in (("CREATE", may_create), ("TEMPORARY", may_stage)) if not has]
    if not missing:
        return None
    return (
        f"The user {info.user} lacks {' and '.join(missing)}. Run as the database's owner: "
        f'GRANT {", ".join(missing)} ON DATABASE "{info.dbname}" TO "{info.user}". '
        f"Instead of CREATE, CREATE and USAGE on schemas that are made for it will do: {BOOKKEEPING}, and that of each connection."
    )
