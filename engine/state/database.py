"""The state database: one small pool, sessions that tell clearly when it cannot be reached."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
import sqlalchemy
import structlog
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from sqlalchemy import orm

from engine.contract import DestinationRefused, DestinationUnavailable, InvalidSetting, NotFound
from engine.settings import Settings
from engine.state import idle, upgrade
from engine.state.embedded import EmbeddedPostgres

URL_VARIABLE = "PENSTOCK_DATABASE_URL"
CONNECT_SECONDS = 10

_WITHOUT_LIMITS = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
"""Put before the options of a URL: what the role, the database or the server has set is meant for people."""

_FORMS = "-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=postgres"
"""Put after them: how values are written for the driver, which reads no other form."""

log = structlog.stdlib.get_logger("penstock.state")


class StateUnavailable(DestinationUnavailable):
    """The state database cannot be reached, or broke off. The text says where it is, for whoever runs Penstock."""


def told_outside(error: Exception) -> str:
    """An error in the words that callers of the daemon get: where the state database is, is logged instead."""
    if not isinstance(error, StateUnavailable):
        return str(error)
    log.warning("state_database_unavailable", reason=str(error))
    return "The state database does not answer. Try again later."


class Database:
    """The state database. Safe to share between threads; holds few connections. `url` is how libpq reaches it.

    Raises:
        InvalidSetting: `url` is no URL that libpq understands.
    """

    def __init__(self, url: SecretStr, *, on_dispose: Callable[[], None] = lambda: None) -> None:
        self.url = url
        self._parameters = _parameters(url)
        self._parameters.setdefault("connect_timeout", CONNECT_SECONDS)
        self._parameters.setdefault("application_name", "penstock")
        self._parameters.setdefault("client_encoding", "UTF8")
        # what was sent over a dead line would be waited for a quarter of an hour
        self._parameters.setdefault("tcp_user_timeout", 30_000)
        given = self._parameters.get("options", os.environ.get("PGOPTIONS", ""))
        self._parameters["options"] = f"{_WITHOUT_LIMITS} {given} {_FORMS}"
        self._on_dispose = on_dispose
        self._reading = sqlalchemy.create_engine(
            "postgresql+psycopg://",
            connect_args=self._parameters,
            pool_size=3,
            max_overflow=7,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            use_native_hstore=False,
            hide_parameters=True,
            json_deserializer=msgspec.json.decode,
        )
        idle.watch(self._reading)
        self._writing = self._reading.execution_options(isolation_level="READ COMMITTED")

    @property
    def place(self) -> str:
        """The host and port, for people."""
        host = self._parameters.get("host") or self._parameters.get("hostaddr") or "the local socket"
        return str(host) if str(host).startswith(("/", "the ")) else f"{host}:{self._parameters.get('port', 5432)}"

    @property
    def described(self) -> dict[str, Any]:
        """How it is reached, for people: the password is left out."""
        parameters = self._parameters
        return {
            "host": parameters.get("host") or parameters.get("hostaddr"),
            "port": int(str(parameters.get("port", 5432)).partition(",")[0]),
            "database": parameters.get("dbname"),
            "user": parameters.get("user"),
        }

    @contextmanager
    def session(self) -> Iterator[orm.Session]:
        """A session that is one transaction: committed at the end, rolled back when something raises.

        Raises:
            DestinationUnavailable: the database cannot be reached, or broke off; nothing was changed.
        """
        with self._told(), orm.Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[orm.Session]:
        """A session that only reads, each statement by itself: the fewest round trips.

        Raises:
            DestinationUnavailable: the database cannot be reached, or broke off.
        """
        with self._told(), orm.Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[sqlalchemy.Connection]:
        """A connection that is one transaction, for those who need no objects.

        Raises:
            DestinationUnavailable: the database cannot be reached, or broke off; nothing was changed.
        """
        with self._told(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[sqlalchemy.Connection]:
        """A connection on which each statement is its own transaction: the fewest round trips.

        Raises:
            DestinationUnavailable: the database cannot be reached, or broke off.
        """
        with self._told(), self._reading.connect() as connection:
            yield connection

    def connect_psycopg(self, *, autocommit: bool = True) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of its own, outside the pool; the caller closes it."""
        try:
            return psycopg.connect(**self._parameters, autocommit=autocommit)
        except psycopg.OperationalError as error:
            raise self._unavailable(error) from None

    def dispose(self) -> None:
        """Close the pool and give back the embedded server."""
        self._reading.dispose()
        self._on_dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError) as error:
            raise self._unavailable(error.orig or error) from error
        except sqlalchemy.exc.DBAPIError as error:
            if isinstance(error.orig, pg.ForeignKeyViolation) and (named := _connection_in(error.orig)):
                raise NotFound("connection", named) from error  # it was deleted meanwhile
            if not isinstance(error.orig, pg.InsufficientPrivilege | pg.ReadOnlySqlTransaction):
                raise
            raise DestinationRefused(
                f"The state database at {self.place} does not let the user {self._parameters.get('user')} work: "
                f"{error.orig.diag.message_primary}. It has to own the schema penstock, or may make it: "
                f"GRANT CREATE ON DATABASE. Or correct {URL_VARIABLE}."
            ) from error

    def _unavailable(self, error: BaseException) -> StateUnavailable:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        reason = lines[0].rpartition("failed: ")[2].removeprefix("FATAL:").strip().rstrip(".")
        return StateUnavailable(
            f"The state database at {self.place} cannot be used: {reason}. Start it, or correct {URL_VARIABLE}."
        )


def _connection_in(violation: pg.ForeignKeyViolation) -> str | None:
    """The id of the connection that a row was written for and that is not there; None where another thing is missing."""
    if not (violation.diag.constraint_name or "").endswith("_connection_id_fkey"):
        return None
    return (violation.diag.message_detail or "").partition(")=(")[2].partition(")")[0]


def _parameters(url: SecretStr) -> dict[str, Any]:
    text = url.get_secret_value()
    try:
        parameters: dict[str, Any] = dict(conninfo_to_dict(text)) if "://" in text else {}
    except psycopg.ProgrammingError:
        parameters = {}  # the error's text would repeat parts of the URL, and with them the password
    # after an unescaped @ or / in a password, the rest of it would be host, port or database, and shown as such
    ports = str(parameters.get("port", "5432")).split(",")
    named = f"{parameters.get('host', '')}{parameters.get('dbname', '')}"
    if not parameters or "@" in named or not all(port.isdecimal() for port in ports):
        raise InvalidSetting(
            URL_VARIABLE,
            "must read postgresql://user:password@host:5432/database, special characters percent-encoded.",
        )
    return parameters


def open_database(settings: Settings) -> Database:
    """The state database that the settings name, or the embedded one; the first start makes the tables.

    Raises:
        InvalidSetting: no database is named and the embedded one is not installed, or the URL is none.
        DestinationUnavailable: it cannot be reached.
        DestinationRefused: its user may not make or use the tables, or its encoding lacks characters.
        Conflict: its tables are older or newer than this program.
    """
    database = connect(settings)
    try:
        with database.transaction() as connection:
            _check_encoding(database, connection)
            if upgrade.current_version(connection) is None:
                upgrade.upgrade(connection)
            upgrade.check(connection)
    except BaseException:
        database.dispose()
        raise
    return database


def _check_encoding(database: Database, connection: sqlalchemy.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    encoding = driver.info.parameter_status("server_encoding")  # told when it connected: nothing is asked
    if encoding != "UTF8":
        raise DestinationRefused(
            f"The state database at {database.place} is encoded in {encoding}, which lacks characters. "
            "Make one with ENCODING 'UTF8' TEMPLATE template0."
        )


def connect(settings: Settings) -> Database:
    """As `open_database`, but leaves the tables as they are."""
    if settings.database_url is not None:
        return Database(settings.database_url)
    embedded = EmbeddedPostgres(settings.home)
    return Database(embedded.url, on_dispose=embedded.close)
