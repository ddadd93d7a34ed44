"""What PostgreSQL answers, in the words of the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg

from engine.contract import DestinationError, DestinationRefused, DestinationUnavailable


class DoesNotFit(ValueError):
    """A cell that PostgreSQL would take for its column's type, but not whole. Never leaves this package."""


UNSTORABLE = (psycopg.DataError, pg.ProgramLimitExceeded, UnicodeEncodeError, DoesNotFit)
"""What the data in a statement brings about, and not the server."""

CALLS_FOR_CARE = (*UNSTORABLE, pg.NotNullViolation, pg.UniqueViolation)
"""What a load may fail with that a careful load can get around: also keys that are empty, or written in two ways."""

# libpq gives no SQLSTATE for a connection that failed, only the server's text.
_ACCESS_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba.conf entry|does not exist|not permitted|permission denied"
    r"|SSL|certificate|database \S+ is not currently accepting"
)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise what PostgreSQL raises as `DestinationUnavailable` or `DestinationRefused`, naming `where` it happened."""
    try:
        yield
    except psycopg.Error as error:
        raise _translation(error, where) from error


def connection_failed(error: psycopg.Error, where: str) -> DestinationError:
    """What to say when no connection came about."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1].rpartition("failed: ")[2] if lines else "no reason given"
    if _ACCESS_REFUSED.search(reason):
        return DestinationRefused(
            f"PostgreSQL at {where} does not let us in: {reason}. Check user, password and database."
        )
    return DestinationUnavailable(f"Cannot reach PostgreSQL at {where}: {reason}. Check host, port and firewall.")


def _translation(error: psycopg.Error, where: str) -> DestinationError:
    diagnosis = error.diag
    lines = (diagnosis.message_primary or str(error)).splitlines()  # libpq's own texts go on with guesses at the cause
    reason = lines[0].rstrip(".") if lines else "no reason given"
    kind, sentence = next((kind, sentence) for classes, kind, sentence in _SENTENCES if isinstance(error, classes))
    table = f"{diagnosis.schema_name}.{diagnosis.table_name}"
    return kind(sentence.format(where=where, reason=reason, table=table, d=diagnosis))


_SENTENCES: tuple[tuple[tuple[type[psycopg.Error], ...], type[DestinationError], str], ...] = (
    (
        (pg.InsufficientPrivilege,),
        DestinationRefused,
        "PostgreSQL at {where}: {reason}. Grant the destination's user that privilege, or make it the owner.",
    ),
    (
        (pg.DiskFull,),
        DestinationRefused,
        "The disk of PostgreSQL at {where} is full: {reason}. Make room there.",
    ),
    (
        (pg.LockNotAvailable,),
        DestinationRefused,
        "Another session of PostgreSQL at {where} held a lock for too long: {reason}. Find it in pg_locks, and end it.",
    ),
    (
        (pg.ReadOnlySqlTransaction,),
        DestinationRefused,
        "PostgreSQL at {where} is read-only: {reason}. Name the primary server as the destination's host. If that is the primary, turn default_transaction_read_only off for this user.",
    ),
    (
        (pg.UndefinedTable, pg.UndefinedColumn, pg.InvalidSchemaName, pg.DatatypeMismatch),
        DestinationUnavailable,
        "A table in PostgreSQL at {where} was changed while it was loaded: {reason}.",
    ),
    (
        (psycopg.OperationalError, psycopg.InterfaceError),
        DestinationUnavailable,
        "PostgreSQL at {where} broke off: {reason}.",
    ),
    (
        (pg.NotNullViolation,),
        DestinationRefused,
        "{table}.{d.column_name} in PostgreSQL at {where} may not be empty, but the source has rows without it. Give it a default, or let it be empty: ALTER TABLE {table} ALTER COLUMN {d.column_name} DROP NOT NULL.",
    ),
    (
        (psycopg.IntegrityError,),
        DestinationRefused,
        "{d.constraint_name} of {table} in PostgreSQL at {where} does not let the data in: {reason}. Drop that constraint or index.",
    ),
    (
        (pg.GeneratedAlways, pg.InvalidColumnReference),
        DestinationRefused,
        "A column in PostgreSQL at {where} is computed there, but the source has one of its name: {reason}. Rename it.",
    ),
    (
        (psycopg.Error,),
        DestinationRefused,
        "PostgreSQL at {where} refused: {reason}.",
    ),
)
"""The first row with a class of the error's counts."""
