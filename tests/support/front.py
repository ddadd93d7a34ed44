"""A PostgreSQL behind a TCP port of its own, with TLS by a certificate of the test's choice, or without."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from psycopg.conninfo import conninfo_to_dict

from engine.contract import Address

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class Identity:
    """A key with a certificate, signed by another identity or by itself."""

    def __init__(self, name: str, *, by: Identity | None = None, days: int = 30) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder((by or self)._name, self._name, self._key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign((by or self)._key, hashes.SHA256())
        )
        self.der = self.certificate.public_bytes(Encoding.DER)

    def context(self, folder: Path) -> ssl.SSLContext:
        """What a server with this identity answers with."""
        file = folder / f"{self.certificate.serial_number}.pem"
        private = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(private + self.certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


@asynccontextmanager
async def front(database_url: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Address]:
    """Where the server of a URL is reached by TCP; those who ask for TLS get it if there is a context."""
    parameters = conninfo_to_dict(database_url)
    host, port = str(parameters.get("host") or "localhost"), int(str(parameters.get("port") or 5432))

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = await reader.readexactly(8)
        if begun == SSL_REQUEST:
            begun = b""
            writer.write(b"S" if tls else b"N")
            if tls:
                try:
                    await writer.start_tls(tls)
                except OSError:  # the client does not like the certificate
                    writer.transport.abort()
                    return
        if host.startswith("/"):
            server = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            server = await asyncio.open_connection(host, port)
        server[1].write(begun)
        await joined((reader, writer), server)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as listener:
        yield Address(*listener.sockets[0].getsockname()[:2])


async def joined(*ends: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """Pass on between two connections until either side is gone."""
    (near, near_writer), (far, far_writer) = ends
    copying = [asyncio.create_task(_copy(near, far_writer)), asyncio.create_task(_copy(far, near_writer))]
    try:
        await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for writer in (near_writer, far_writer):
            writer.close()
        await asyncio.gather(*copying)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either side is gone."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        return
