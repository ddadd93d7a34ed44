"""One connection, set up so that neither the server's nor the role's settings change what a load does."""

from __future__ import annotations

import ipaddress
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from destinations.postgres.arrays import Texts, TextsDumper
from destinations.postgres.config import PostgresConfig
from destinations.postgres.errors import connection_failed
from engine.contract import Network, StartTls

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
    # Nor may what was sent over a dead line be waited for: without this it takes a quarter of an hour to give up.
    "tcp_user_timeout": 30_000,
}

_SESSION: dict[str, str] = {
    "search_path": "pg_catalog, pg_temp",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "client_min_messages": "warning",
    "array_nulls": "on",
    "extra_float_digits": "1",
    "quote_all_identifiers": "off",
    # Rows that a policy hides would be taken for rows that are not there: an error says so instead.
    "row_security": "off",
    "default_transaction_isolation": "read committed",
    "statement_timeout": "0",
    "transaction_timeout": "0",
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


SSL_REQUEST = StartTls(request=bytes.fromhex("0000000804d2162f"), agreed=b"S")
"""How PostgreSQL's protocol asks for TLS."""


class Connection(psycopg.Connection[TupleRow]):
    """A connection that, when it is closed, closes the way it came by."""

    def keep(self, way: ExitStack) -> None:
        """Close the way with the connection, or when nobody has the connection any more."""
        self._leave = weakref.finalize(self, way.close)

    def close(self) -> None:
        """Close both."""
        super().close()
        self._leave()


def connect(config: PostgresConfig, network: Network | None = None) -> Connection:
    """A connection in autocommit mode, ready for loading. Without a network the server is reached directly.

    Raises:
        DestinationUnavailable: it cannot be reached.
        DestinationRefused: it does not let us in, or somebody on the way does not.
    """
    with ExitStack() as way:
        parameters = config.parameters() | _LIBPQ
        if network is not None:
            parameters |= way.enter_context(_reached(config, network))
        connection = _connected(parameters, config.where)
        connection.keep(way.pop_all())
    connection.adapters.register_dumper(Texts, TextsDumper)
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


def _connected(parameters: dict[str, Any], where: str) -> Connection:
    try:
        # A plan is for the table as it is now: one that was made while it was small would be kept while it grows.
        return Connection.connect(**parameters, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise connection_failed(error, where) from None


@contextmanager
def _reached(config: PostgresConfig, network: Network) -> Iterator[dict[str, Any]]:
    """The parameters that lead over the network to the server."""
    parameters = config.parameters()
    host, port = parameters.get("hostaddr") or parameters.get("host") or "localhost", parameters.get("port") or "5432"
    start_tls = SSL_REQUEST if config.always_encrypted and config.sslmode is None else None
    if "," in str(port) or "," in host:  # several servers: libpq tries them itself
        yield {}
        return
    with network.reach(
        host, int(port), method=config.connection_type, tunnel=config.tunnel, start_tls=start_tls
    ) as address:
        encrypted = {"sslmode": "require", "channel_binding": "disable", "gssencmode": "disable"} if start_tls else {}
        if address == (host, int(port)):
            yield encrypted
        else:
            # the server keeps its name, by which its certificate and the password file know it
            yield {"hostaddr" if _is_ip(address.host) else "host": address.host, "port": address.port, **encrypted}


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
