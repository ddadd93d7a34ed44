"""HTTP to HubSpot over the official SDK's configuration and connection pool.

The SDK's own call path copies and checks every body and parses every URL twice; at a hundred records a call that is a
quarter of all the time a record takes. Here bodies go in and come out as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from hubspot import HubSpot
from urllib3 import Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

CONNECTIONS = 16
"""Connections kept open at most; more threads than this never call at once."""
TIMEOUT = Timeout(connect=10.0, read=110.0)
"""Seconds to connect, and to wait for an answer: HubSpot's edge gives up (524) after 100 s of its own accord."""


class Answer(NamedTuple):
    """What came back, whatever its status; `headers` by name in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """One connection pool to one API. Thread-safe; follows no redirects and tries nothing twice."""

    def __init__(self, url: str) -> None:
        # Each attribute access of the SDK makes a new pool: this one object is kept.
        api = HubSpot(host=url, retry=False, connection_pool_maxsize=CONNECTIONS).crm.objects.basic_api.api_client
        self._pools = api.rest_client.pool_manager
        self._pool = self._pools.connection_from_url(url)
        self._prefix = urlsplit(url).path.rstrip("/")
        self._headers = {"User-Agent": api.user_agent, "Accept": "application/json", "Accept-Encoding": "gzip"}

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send a request and read the whole answer.

        Raises:
            ConnectionError: no answer, or not a whole one; its text says what broke.
        """
        try:
            answer = self._pool.urlopen(
                method,
                self._prefix + target,
                body=body,
                headers={**self._headers, **headers},
                timeout=TIMEOUT,
                retries=False,
                redirect=False,
            )
        except (HTTPError, OSError) as error:
            raise ConnectionError(self._what_broke(error)) from error
        return Answer(answer.status, answer.headers, answer.data)

    def close(self) -> None:
        """Give back the connections."""
        self._pools.clear()

    def _what_broke(self, error: Exception) -> str:
        host = f"{self._pool.host}:{self._pool.port}"
        match error:
            case NameResolutionError():
                return f"the name {self._pool.host} cannot be resolved"
            case NewConnectionError():
                return f"{host} takes no connections"
            case ConnectTimeoutError():
                return f"{host} cannot be reached"
            case SSLError():
                return f"TLS with {host} failed, {error}"
            case ReadTimeoutError():
                return "no answer came in time"
        return "the connection broke off"
