"""Tunnels through an SSH server: a port of this machine that leads to the destination from there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncssh
from pydantic import SecretStr

from engine.contract import Address, DestinationRefused, DestinationUnavailable, SshServer
from engine.network.forwarding import CONNECT_SECONDS, LOOPBACK, reason
from engine.network.trust import Approved, Trust

KEEPALIVE_SECONDS = 15
"""A tunnel is idle while the source is read: routers between must not forget it, nor a dead one be kept."""


def new_key() -> str:
    """A new private key, as OpenSSH writes one."""
    return asyncssh.generate_private_key("ssh-ed25519", comment="penstock").export_private_key().decode()


def public_key(private_key: str) -> str:
    """The line for `authorized_keys` that lets the key in."""
    return asyncssh.import_private_key(private_key).export_public_key().decode().strip()


@asynccontextmanager
async def tunnelled(server: SshServer, target: Address, private_key: SecretStr, trust: Trust) -> AsyncIterator[Address]:
    """An address at which the target answers, as the server sees it.

    Raises:
        NotTrusted: the server's key is not approved.
        DestinationRefused: the server does not let us in.
        DestinationUnavailable: it does not answer.
    """
    where, key = f"{server.host}:{server.port}", private_key.get_secret_value()
    try:
        connection = await _connected(server, key, trust)
    except asyncssh.PermissionDenied:
        msg = (
            f"The SSH server {where} does not let the user {server.user} in. Add this line to that user's "
            f"~/.ssh/authorized_keys there: {public_key(key)}"
        )
        raise DestinationRefused(msg) from None
    except (asyncssh.KeyExchangeFailed, asyncssh.HostKeyNotVerifiable, asyncssh.ProtocolNotSupported) as error:
        msg = f"The SSH server {where} and Penstock do not come to terms: {error.reason}."
        raise DestinationRefused(msg) from None
    except asyncssh.Error as error:
        raise DestinationUnavailable(f"The SSH server {where} broke off: {error.reason}.") from None
    except OSError as error:
        msg = f"Cannot reach the SSH server {where}: {reason(error)}. Check tunnel_host, tunnel_port and the firewall."
        raise DestinationUnavailable(msg) from None
    async with connection:
        await _try(connection, target, where)
        listener = await connection.forward_local_port(LOOPBACK, 0, *target)
        yield Address(LOOPBACK, listener.get_port())


async def _connected(server: SshServer, private_key: str, trust: Trust) -> asyncssh.SSHClientConnection:
    known = _keys(trust)
    if known:
        with suppress(asyncssh.HostKeyNotVerifiable):
            return await _connect(server, private_key, known)
    async with asyncio.timeout(CONNECT_SECONDS):
        offered = await asyncssh.get_server_host_key(server.host, server.port, config=None)
    if offered is None:
        raise asyncssh.HostKeyNotVerifiable("it shows no key of its own")
    content = offered.export_public_key().decode().strip()
    trust.hold(Approved("fingerprint", offered.get_fingerprint(), content), f"the SSH server {server.host}")
    return await _connect(server, private_key, [offered])


async def _connect(server: SshServer, private_key: str, known: list[asyncssh.SSHKey]) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        server.host,
        server.port,
        username=server.user,
        client_keys=[asyncssh.import_private_key(private_key)],
        known_hosts=(known, [], []),
        agent_path=None,
        config=None,  # whoever runs the daemon may have an ~/.ssh/config: it is not meant for this
        connect_timeout=CONNECT_SECONDS,
        login_timeout=CONNECT_SECONDS,
        keepalive_interval=KEEPALIVE_SECONDS,
    )


async def _try(connection: asyncssh.SSHClientConnection, target: Address, where: str) -> None:
    """Hold that the server lets us through to the target; a forwarded port would only break off."""
    try:
        _, writer = await connection.open_connection(*target)
    except asyncssh.ChannelOpenError as error:
        msg = f"The SSH server {where} does not let us through to {target.host}:{target.port}: {error.reason}."
        if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
            raise DestinationRefused(f"{msg} Allow TCP forwarding to it there.") from None
        raise DestinationUnavailable(f"{msg} Check host and port as that server knows them.") from None
    writer.close()


def _keys(trust: Trust) -> list[asyncssh.SSHKey]:
    """The keys that are approved; one that a person mistyped is none."""
    keys = []
    for content in trust.contents("fingerprint"):
        with suppress(asyncssh.KeyImportError):
            keys.append(asyncssh.import_public_key(content))
    return keys
