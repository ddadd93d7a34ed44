"""An HTTP proxy that asks for a user and a password."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from support.front import joined

from engine.contract import Address

USER, PASSWORD = "user", "pass:word/"
NO = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class HttpProxy:
    """What it was asked for, as (method, target)."""

    asked: list[tuple[str, str]] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Address]:
        """Where it listens."""
        async with await asyncio.start_server(self._accept, "127.0.0.1", 0) as listener:
            yield Address(*listener.sockets[0].getsockname()[:2])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().splitlines()
        method, target, _ = first.split()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if headers.get("proxy-authorization") != f"Basic {expected}":
            writer.write(NO)
            writer.close()
            return
        self.asked.append((method, target))
        address = urlsplit(f"//{target}" if method == "CONNECT" else target)
        far_reader, far_writer = await asyncio.open_connection(address.hostname, address.port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:  # one request a connection: it is passed on as it is, with the path alone
            path = address.path + (f"?{address.query}" if address.query else "")
            rest = [line for line in lines if line and not line.lower().startswith(("proxy-", "connection"))]
            far_writer.write("\r\n".join([f"{method} {path} HTTP/1.1", *rest, "Connection: close", "", ""]).encode())
        await joined((reader, writer), (far_reader, far_writer))
