"""The sandbox as a server: in a thread for tests, or in the foreground for the command."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.app import TRANSPORT, App

LOCALHOST = "127.0.0.1"
_BACKLOG = 128
_KEEP_ALIVE = 75
"""Seconds for which an idle connection is kept, longer than a client's pause between two syncs in a test."""


class RunningSandbox:
    """A sandbox that listens at `url`. All methods and attributes of its account are its own as well."""

    def __init__(self, account: Account, url: str) -> None:
        self.account = account
        self.url = url

    @property
    def token(self) -> str:
        """The static token that has all scopes."""
        return self.account.token

    def __getattr__(self, name: str) -> Any:
        return getattr(self.account, name)


@contextlib.contextmanager
def running_sandbox(
    account: Account | None = None, *, host: str = LOCALHOST, port: int = 0
) -> Iterator[RunningSandbox]:
    """Serve an account (by default a small one) from a thread of this process until the block is left."""
    account = account or Account()
    with listening_socket(host, port) as listener:
        server = _Server(_config(account))
        thread = threading.Thread(target=server.run, args=([listener],), name="hubspot-sandbox", daemon=True)
        thread.start()
        try:
            yield RunningSandbox(account, url_of(listener))
        finally:
            server.should_exit = True
            thread.join()


def serve(account: Account, listener: socket.socket) -> None:
    """Serve an account in the foreground until a signal says to stop."""
    with contextlib.suppress(KeyboardInterrupt):
        _Server(_config(account)).run([listener])


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that takes connections already, so that its address may be told before the server runs.

    Raises:
        OSError: the address cannot be listened at.
    """
    return socket.create_server((host, port), backlog=_BACKLOG)


def url_of(listener: socket.socket) -> str:
    """Where a client finds it."""
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


class _Protocol(HttpToolsProtocol):
    """Lets the application see the connection, which faults break."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


class _Server(uvicorn.Server):
    """Does not wait for anybody when it stops."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        await super().shutdown(sockets)


def _config(account: Account) -> uvicorn.Config:
    return uvicorn.Config(
        App(account),
        interface="asgi3",
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
    )
