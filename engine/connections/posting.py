"""Posting an event to a webhook: to the address that was checked, signed, and not a step further."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import urllib3
from pydantic import SecretStr

from engine.connections.blocks import is_unbroken
from engine.contract import InvalidSetting

SIGNATURE = "X-Fivetran-Signature-256"

TIMEOUT = urllib3.Timeout(connect=5, read=10)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of it. `status` is the HTTP status, None when nothing answered."""

    status: int | None
    message: str

    @property
    def succeeded(self) -> bool:
        """Whether it was taken."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - as HTTP has it


def post(url: str, payload: Mapping[str, Any], secret: SecretStr | None, *, private: bool) -> Posted:
    """Post an event. Redirects are not followed; the host's address is looked up once and used.

    Raises:
        InvalidSetting: the URL cannot be used, or leads to a private address and `private` does not allow that.
    """
    address, pool, path = _target(url, private=private)
    body = json.dumps(payload, separators=(",", ":")).encode()
    headers = {"Host": address, "Content-Type": "application/json", "User-Agent": "penstock"}
    if secret is not None:
        headers[SIGNATURE] = hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
    with pool:
        try:
            answer = pool.urlopen("POST", path, body=body, headers=headers, redirect=False, preload_content=False)
        except urllib3.exceptions.HTTPError as error:
            return Posted(None, f"It did not answer ({type(error).__name__}).")
        answer.close()  # what it says is none of our business, and may be long
    return Posted(answer.status, f"It answered with the status {answer.status}.")


def check_url(url: str, *, private: bool) -> SplitResult:
    """A webhook's URL in its parts; nothing is asked or looked up.

    Raises:
        InvalidSetting: it cannot be used, whatever its host is.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidSetting("url", "is no address.") from None
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise InvalidSetting("url", "must start with https://.")
    if not host or parts.username or parts.password:
        raise InvalidSetting("url", "must have a host, and no user or password.")
    if not is_unbroken(url):
        raise InvalidSetting("url", "must have no blanks or control characters.")
    return parts


def _target(url: str, *, private: bool) -> tuple[str, urllib3.HTTPConnectionPool, str]:
    """What to send as Host, the connections to the one address that was checked, and the path."""
    parts = check_url(url, private=private)
    host, port = parts.hostname or "", parts.port or {"https": 443, "http": 80}[parts.scheme]
    ip = _checked(host, port, private=private)
    options: dict[str, Any] = {"timeout": TIMEOUT, "retries": False, "maxsize": 1}
    pool = (
        urllib3.HTTPSConnectionPool(ip, port, server_hostname=host, assert_hostname=host, **options)
        if parts.scheme == "https"
        else urllib3.HTTPConnectionPool(ip, port, **options)
    )
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return parts.netloc, pool, path


def _checked(host: str, port: int, *, private: bool) -> str:
    """The host's address, after all of them were found to be public ones."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise InvalidSetting("url", f"The host '{host}' is not found.") from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not private and not all(is_public(address) for address in addresses):
        raise InvalidSetting(
            "url",
            f"'{host}' leads to a private address. If it is meant to, set PENSTOCK_WEBHOOK_PRIVATE_ADDRESSES=true.",
        )
    return str(addresses[0])


def is_public(address: _Address) -> bool:
    """Whether an address is one of the open Internet, also when it is wrapped into another kind of address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
