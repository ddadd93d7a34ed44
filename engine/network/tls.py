"""TLS to a destination whose certificate a person approved, whoever has signed it."""

from __future__ import annotations

import asyncio
import base64
import ssl
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from engine.contract import Address, DestinationRefused, DestinationUnavailable, StartTls
from engine.network.forwarding import CHUNK, CONNECT_SECONDS, Dial, Greet, Streams, hung_up, reason
from engine.network.trust import Trust, certificate


def encrypted(address: Address, target: str, start: StartTls, trust: Trust) -> Dial:
    """Dials what answers at an address and encrypts the way there; `target` is what a person calls it.

    What it gives raises:
        NotTrusted: neither its certificate nor one that signed it is approved.
        DestinationRefused: it does not speak TLS, or its approved certificate is not valid any more.
        DestinationUnavailable: it does not answer.
    """

    async def connect(context: ssl.SSLContext) -> Streams:
        reader, writer = await asyncio.open_connection(*address, limit=CHUNK)
        try:
            writer.write(start.request)
            agreed = await reader.readexactly(len(start.agreed)) == start.agreed
            if agreed:
                await writer.start_tls(context)
        except BaseException:
            await hung_up(writer)
            raise
        if not agreed:
            await hung_up(writer)
            msg = f"{target} does not speak TLS. Turn it on there, or leave always_encrypted out."
            raise DestinationRefused(msg)
        return reader, writer

    async def dial() -> Streams:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                with suppress(ssl.SSLCertVerificationError):
                    return await connect(_trusting(trust))
                _, writer = await connect(_looking())
                shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                await hung_up(writer)
                trust.hold(certificate(shown), target)
                return await connect(_trusting(trust))
        except ssl.SSLCertVerificationError as error:
            msg = f"The approved certificate of {target} cannot be used: {error.verify_message}."
            raise DestinationRefused(msg) from None
        except (OSError, EOFError) as error:
            raise DestinationUnavailable(f"No TLS connection with {target} came about: {reason(error)}.") from None

    return dial


def greeting(start: StartTls) -> Greet:
    """Encrypts connections that come in, with a certificate that is good for nothing else.

    It has to be: PostgreSQL's own client suspects a server that knows TLS and is spoken to without.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(_throwaway())
        file.flush()
        context.load_cert_chain(file.name)

    async def greet(streams: Streams) -> None:
        reader, writer = streams
        if await reader.readexactly(len(start.request)) != start.request:
            msg = "that is not how TLS begins"
            raise EOFError(msg)
        writer.write(start.agreed)
        await writer.start_tls(context)

    return greet


def _throwaway() -> bytes:
    """A private key and a certificate for it, as PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "penstock")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + made.public_bytes(Encoding.PEM)


def _trusting(trust: Trust) -> ssl.SSLContext:
    """Takes what is approved, or signed by what is: a certificate is approved for a destination, not for a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    approved = b"".join(base64.b64decode(content) for content in trust.contents("certificate"))
    if approved:
        context.load_verify_locations(cadata=approved)
    return context


def _looking() -> ssl.SSLContext:
    """Takes any certificate, to look at it: nothing is sent over such a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
