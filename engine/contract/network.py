"""How a destination is reached, and whom to trust on the way: what the engine offers a destination."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias

Method: TypeAlias = Literal["Directly", "PrivateLink", "SshTunnel", "ProxyAgent"]


@dataclass(frozen=True, slots=True)
class SshServer:
    """The SSH server that a tunnel goes through."""

    host: str
    port: int
    user: str


@dataclass(frozen=True, slots=True)
class StartTls:
    """How a plain connection is told that TLS follows: what is sent, and the answer that agrees."""

    request: bytes
    agreed: bytes


class Address(NamedTuple):
    """Where to connect to."""

    host: str
    port: int


class Network(Protocol):
    """The way from this machine to one destination, as it was set up for it."""

    def reach(
        self, host: str, port: int, *, method: Method, tunnel: SshServer | None, start_tls: StartTls | None
    ) -> AbstractContextManager[Address]:
        """An address at which `host:port` answers for as long as the context is open.

        `method` is what the destination's own config says; one that was set for the connection, or for the destination
        as a whole, goes before it. With `start_tls` the way is encrypted up to `host:port`, whose certificate has to be
        trusted; what answers at the address asks for TLS in the same way, with a certificate that means nothing. An
        address that is an IP address stands for the host under its own name.

        Raises:
            NotTrusted: a host's key or a certificate is not trusted yet.
            DestinationRefused: something is not set up that the way needs, or somebody on it does not let us through.
            DestinationUnavailable: somebody on the way does not answer.
        """
