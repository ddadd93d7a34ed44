"""The way to one destination: which detours it takes, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from pydantic import SecretStr

from engine.contract import Address, DestinationRefused, Method, SshServer, StartTls
from engine.network.forwarding import forwarded, running
from engine.network.trust import Trust

T = TypeVar("T")
Found: TypeAlias = Callable[[], SecretStr | None]


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Way:
    """`engine.contract.Network` for one destination, or for one connection's use of it.

    `method` goes before the destination's own; None leaves it to that. `proxy`, `private_address` and `ssh_key` are asked
    for what ProxyAgent, PrivateLink and SshTunnel need; they give None where nothing was set up.
    """

    method: Method | None = None
    proxy: Found = _nothing
    private_address: Found = _nothing
    ssh_key: Found = _nothing
    trust: Trust = field(default_factory=Trust)

    @contextmanager
    def reach(
        self, host: str, port: int, *, method: Method, tunnel: SshServer | None, start_tls: StartTls | None
    ) -> Iterator[Address]:
        """An address at which `host:port` answers; see `engine.contract.Network.reach`."""
        with ExitStack() as stack:
            address = Address(host, port)
            match self.method or method:
                case "PrivateLink":
                    address = _private(_needed(self.private_address(), "PrivateLink needs a private_link_id."), port)
                case "SshTunnel":
                    # it takes long to import, and most destinations are reached directly
                    from engine.network.ssh import tunnelled  # noqa: PLC0415

                    server = _needed(tunnel, "SshTunnel needs tunnel_host and tunnel_user in the destination's config.")
                    key = _needed(self.ssh_key(), "SshTunnel needs the group's key.")
                    address = stack.enter_context(running(tunnelled(server, address, key, self.trust)))
                case "ProxyAgent":
                    from engine.network.proxy import through  # noqa: PLC0415

                    proxy = _needed(self.proxy(), "ProxyAgent needs a proxy_agent_id.")
                    address = stack.enter_context(running(forwarded(through(proxy, address))))
            if start_tls is not None:
                from engine.network.tls import encrypted, greeting  # noqa: PLC0415

                dial = encrypted(address, f"{host}:{port}", start_tls, self.trust)
                address = stack.enter_context(running(forwarded(dial, greeting(start_tls))))
            yield address


def _needed(value: T | None, message: str) -> T:
    if value is None:
        raise DestinationRefused(message)
    return value


def _private(registered: SecretStr, port: int) -> Address:
    """A registered address is `host` or `host:port`; without a port it is the destination's own."""
    host, colon, digits = registered.get_secret_value().rpartition(":")
    return Address(host, int(digits)) if colon else Address(digits, port)
