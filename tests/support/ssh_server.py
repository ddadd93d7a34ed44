"""An SSH server that lets one key in and forwards connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncssh

from engine.contract import Address

USER = "tunnel"


@dataclass
class SshServer:
    """Its own key, the keys that it lets in, whether it forwards, and where it was asked to connect to."""

    key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    lets_in: list[str] = field(default_factory=list)
    forwards: bool = True
    asked: list[tuple[str, int]] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        return self.key.get_fingerprint()

    @property
    def public_key(self) -> str:
        return self.key.export_public_key().decode().strip()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Address]:
        """Where it listens."""

        def accepting() -> _Accepting:
            return _Accepting(self)

        async with await asyncssh.create_server(accepting, "127.0.0.1", 0, server_host_keys=[self.key]) as listener:
            yield Address("127.0.0.1", listener.get_port())


class _Accepting(asyncssh.SSHServer):
    def __init__(self, server: SshServer) -> None:
        self._server = server

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        known = [asyncssh.import_public_key(line) for line in self._server.lets_in]
        return username == USER and key in known

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        self._server.asked.append((dest_host, dest_port))
        if not self._server.forwards:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "forwarding is off")
        return True
