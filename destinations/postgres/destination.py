"""One PostgreSQL to load into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import partial

from psycopg import errors as pg
from pydantic import BaseModel

from destinations.postgres import bookkeeping
from destinations.postgres.checks import checks
from destinations.postgres.config import PostgresConfig
from destinations.postgres.connect import Connection, connect
from destinations.postgres.errors import translated
from destinations.postgres.names import check_schema_name, lock_key
from destinations.postgres.pooling import check_session
from destinations.postgres.session import PostgresSession
from destinations.postgres.verification import PostgresVerification
from engine.contract import Cursor, Destination, DestinationBusy, LoadSession, Network, SetupTest, Verification

PATIENCE = "1s"
"""How long to wait for a schema that is in use: the server takes a moment to notice that a loader was killed."""


class PostgresDestination:
    """One database of one server."""

    def __init__(self, config: PostgresConfig, network: Network | None = None) -> None:
        self._config = config
        self._connect = partial(connect, config, network)

    @property
    def place(self) -> str:
        """Host, port and database."""
        return self._config.where

    def setup_tests(self) -> Iterable[SetupTest]:
        """Reach the server, then check what loading needs; each check is yielded as soon as it is known."""
        return checks(self._connect, self._config.where)

    def open(self, schema: str) -> LoadSession:
        """Open a schema for loading, making it if need be."""
        connection = self._locked(schema)
        return PostgresSession(self._connect, connection, schema, self._config.where)

    def verify(self, schema: str) -> Verification:
        """Open a schema for telling how it differs from its source."""
        with ExitStack() as unless_opened:
            connection = unless_opened.enter_context(self._locked(schema))
            verification = PostgresVerification(connection, schema, self._config.where)
            unless_opened.pop_all()
        return verification

    def cursors(self, schema: str) -> Mapping[str, Cursor]:
        """Each stream's cursor as last committed, without opening the schema."""
        with translated(self._config.where), self._connect() as connection:
            return bookkeeping.cursors(connection, schema) if bookkeeping.is_there(connection) else {}

    def validate_schema_name(self, schema: str) -> None:
        """Raise `InvalidSetting` (field `config.schema`) when PostgreSQL cannot take it as a schema's name."""
        check_schema_name(schema)

    def _locked(self, schema: str) -> Connection:
        """A connection that has the schema to itself."""
        check_schema_name(schema)
        where = self._config.where
        with ExitStack() as unless_opened, translated(where):
            connection = unless_opened.enter_context(self._connect())
            check_session(connection, self._connect, where)
            _lock(connection, schema, where)
            bookkeeping.make_bookkeeping(connection)
            bookkeeping.make_schema(connection, schema)
            unless_opened.pop_all()
        return connection


def _lock(connection: Connection, schema: str, where: str) -> None:
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            connection.execute("SELECT pg_advisory_lock(%s)", [lock_key(schema)])
    except pg.LockNotAvailable as error:
        msg = f"Another sync is loading the schema {schema} at {where}. Wait until it has ended."
        raise DestinationBusy(msg) from error


class PostgresPlugin:
    """PostgreSQL as a kind of destination."""

    title = "PostgreSQL"
    config: type[BaseModel] = PostgresConfig

    def connect(self, config: BaseModel, network: Network | None = None) -> Destination:
        """A destination for a validated config. Makes no connection yet."""
        return PostgresDestination(PostgresConfig.model_validate(config), network)
