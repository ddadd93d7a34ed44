"""One connection, set up so that neither the server's nor the role's settings change what a load does."""

from __future__ import annotations

from typing import Any, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from destinations.postgres.config import PostgresConfig
from destinations.postgres.errors import connection_failed

Connection: TypeAlias = psycopg.Connection[TupleRow]

LOCK_TIMEOUT = "30s"
"""Long enough for a reader's query, short enough that a forgotten transaction gives a message and no hang."""

_LIBPQ: dict[str, Any] = {
    "application_name": "penstock",
    "client_encoding": "UTF8",
    "connect_timeout": 10,
    # A session waits idle while its source is read: routers between must not forget it.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 6,
}

_SESSION: dict[str, str] = {
    "search_path": "pg_catalog, pg_temp",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "client_min_messages": "warning",
    "default_transaction_isolation": "read committed",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    # So that the server notices within half a minute that a client's machine is gone, whether or not an answer is under
    # way to it, and gives its lock on the schema to the next one.
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30s",
    # A merge must find its rows by index, however little is known of the table: nobody analyzes it before it is loaded.
    # A bitmap scan is the one that cannot do without a condition on the index, so any other is left for last.
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "jit": "off",
    "work_mem": "64MB",
}


def connect(config: PostgresConfig) -> Connection:
    """A connection in autocommit mode, ready for loading.

    Raises:
        DestinationUnavailable: it cannot be reached.
        DestinationRefused: it does not let us in.
    """
    try:
        # A plan is for the table as it is now: one that was made while it was small would be kept while it grows.
        connection = psycopg.connect(**config.parameters() | _LIBPQ, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise connection_failed(error, config.where) from None
    try:
        settings = {**_SESSION, "lock_timeout": LOCK_TIMEOUT}
        # Not every supported server knows every setting.
        connection.execute(
            "SELECT set_config(s.name, s.value, false) FROM unnest(%s::text[], %s::text[]) AS s (name, value)"
            " WHERE current_setting(s.name, true) IS NOT NULL",
            [list(settings), list(settings.values())],
        )
    except psycopg.Error as error:
        connection.close()
        raise connection_failed(error, config.where) from None
    return connection
