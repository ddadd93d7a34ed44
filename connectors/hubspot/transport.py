"""HTTP to HubSpot over the official SDK's configuration and connection pool.

The SDK's own call path copies and checks every body and parses every URL twice; at a hundred records a call that is a
quarter of all the time a record takes. Here bodies go in and come out as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from hubspot import HubSpot
from pydantic import SecretStr
from urllib3 import Timeout, make_headers
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
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
    """One connection pool to one API, if need be through a proxy. Thread-safe; follows no redirects, tries nothing twice."""

    def __init__(self, url: str, proxy: SecretStr | None = None) -> None:
        options = {"host": url, "retry": False, "connection_pool_maxsize": CONNECTIONS, **_through(proxy)}
        # Each attribute access of the SDK makes a new pool: this one object is kept.
        api = HubSpot(**options).crm.objects.basic_api.api_client
        self._pools = api.rest_client.pool_manager
        if proxy is None:
            self._open, self._prefix = self._pools.connection_from_url(url).urlopen, urlsplit(url).path.rstrip("/")
        else:  # what a proxy is asked depends on the scheme, which the pools know how to mind
            self._open, self._prefix = self._pools.urlopen, url.rstrip("/")
        self._called = ("" if proxy is None else "the proxy ", urlsplit(url if proxy is None else options["proxy"]))
        self._headers = {"User-Agent": api.user_agent, "Accept": "application/json", "Accept-Encoding": "gzip"}

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send a request and read the whole answer.

        Raises:
            ConnectionError: no answer, or not a whole one; its text says what broke.
        """
        try:
            answer = self._open(
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
        except ValueError:  # its text would repeat the header
            raise ConnectionError("a header, such as the access token, holds what cannot be sent") from None
        return Answer(answer.status, answer.headers, answer.data)

    def close(self) -> None:
        """Give back the connections."""
        self._pools.clear()

    def _what_broke(self, error: Exception) -> str:
        if isinstance(error, ProxyError) and isinstance(error.original_error, HTTPError):
            return self._what_broke(error.original_error)
        kind, address = self._called
        called = f"{kind}{address.hostname}:{address.port or _PORTS[address.scheme]}"
        for class_, sentence in _BROKE.items():
            if isinstance(error, class_):
                return sentence.format(host=address.hostname, called=called, error=error)
        return "the connection broke off"


_PORTS = {"http": 80, "https": 443}
_BROKE: dict[type[Exception], str] = {
    NameResolutionError: "the name {host} cannot be resolved",
    NewConnectionError: "{called} takes no connections",
    ConnectTimeoutError: "{called} cannot be reached",
    ProxyError: "{called} does not let us through ({error.original_error})",
    SSLError: "TLS with {called} failed, {error}",
    ReadTimeoutError: "no answer came in time",
}
"""What broke, by the first class that an error is of."""


def _through(proxy: SecretStr | None) -> dict[str, Any]:
    """The SDK's options for a proxy; user and password go into a header of their own."""
    if proxy is None:
        return {}
    parts = urlsplit(proxy.get_secret_value())
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if parts.username is None:
        return {"proxy": bare}
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"proxy": bare, "proxy_headers": make_headers(proxy_basic_auth=user)}
