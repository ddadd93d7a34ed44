"""HTTP proxies: how they are written, and connections through one by its method CONNECT."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from engine.contract import Address, DestinationRefused, DestinationUnavailable
from engine.network.forwarding import CONNECT_SECONDS, Dial, Streams, hung_up, reason

PORTS = {"http": 80, "https": 443}

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
LONGEST_ANSWER = 64 * 1024
"""Bytes of headers that a proxy may answer with."""


def where(proxy: SecretStr) -> str:
    """Host and port of a proxy, for messages: its URL may hold a password."""
    parts = urlsplit(proxy.get_secret_value())
    return f"{parts.hostname}:{parts.port or PORTS[parts.scheme]}"


def through(proxy: SecretStr, target: Address) -> Dial:
    """Dials the target through a proxy.

    What it gives raises:
        DestinationRefused: the proxy does not let us through.
        DestinationUnavailable: it does not answer.
    """
    parts = urlsplit(proxy.get_secret_value())
    request = [f"CONNECT {target.host}:{target.port} HTTP/1.1", f"Host: {target.host}:{target.port}"]
    if parts.username:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.append(f"Proxy-Authorization: Basic {base64.b64encode(user.encode()).decode()}")
    sent = "".join(f"{line}\r\n" for line in (*request, "")).encode()
    named = f"The proxy {where(proxy)}"

    async def connect() -> Streams:
        reader, writer = await asyncio.open_connection(
            parts.hostname,
            parts.port or PORTS[parts.scheme],
            ssl=ssl.create_default_context() if parts.scheme == "https" else None,
            limit=LONGEST_ANSWER,
        )
        writer.write(sent)
        answer = await reader.readuntil(b"\r\n\r\n")
        status = _STATUS.match(answer)
        if status is None or status[1] != b"200":
            await hung_up(writer)
            told = f"HTTP {status[1].decode()}" if status else "no HTTP"
            msg = f"{named} does not let us through to {target.host}:{target.port}: it answers with {told}."
            raise DestinationRefused(f"{msg} Allow CONNECT to it there, and check the proxy's user and password.")
        return reader, writer

    async def dial() -> Streams:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await connect()
        except (OSError, EOFError) as error:
            raise DestinationUnavailable(f"{named} cannot be used: {reason(error)}.") from None
        except asyncio.LimitOverrunError:
            raise DestinationUnavailable(f"{named} cannot be used: it does not speak HTTP.") from None

    return dial
