"""The daemon's HTTP as an operator sets it up: keys, TLS, and what it warns of."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.receiver import receiving
from support.rig import Rig, eventually, log_events


@pytest.fixture
def bind() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return f"127.0.0.1:{port}"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "penstock")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = (tmp_path / "tls.crt", tmp_path / "tls.key")
    pem = serialization.Encoding.PEM
    files[0].write_bytes(made.public_bytes(pem))
    files[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return files


def answered(url: str, **options: Any) -> httpx.Response | None:
    try:
        return httpx.get(url, **options)
    except httpx.TransportError:
        return None


def ended(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr
    return [dict(event) for event in log_events(stderr)]


def test_the_first_start_tells_how_to_make_a_key_and_the_key_opens(rig: Rig, bind: str) -> None:
    url = f"http://{bind}/v1/connections"
    with rig.command("serve", PENSTOCK_BIND=bind) as daemon:
        refused = eventually(lambda: answered(url))
        assert refused.status_code == 401
        assert "server" not in refused.headers
        with rig.command("keys", "create", "--json") as command:
            made = json.loads(command.communicate(timeout=30)[0])
        opened = answered(url, auth=(made["key"], made["secret"]))
        assert opened is not None
        assert opened.json() == {"code": "Success", "data": {"items": []}}
        (told,) = [event for event in ended(daemon) if event["event"] == "no_api_key_yet"]
    assert "penstock keys create" in told["hint"]
    with rig.command("serve", PENSTOCK_BIND=bind) as daemon:
        eventually(lambda: answered(url))
        assert "no_api_key_yet" not in [event["event"] for event in ended(daemon)]


def test_the_daemon_tells_webhooks_what_its_syncs_do(rig: Rig, bind: str) -> None:
    with receiving() as receiver:
        rig.execute(
            "INSERT INTO penstock.webhooks (id, url, events) VALUES ('w', %s, %s)",
            receiver.url,
            '["sync_start", "sync_end"]',
        )
        rig.connect()
        with rig.command("serve", PENSTOCK_BIND=bind, PENSTOCK_WEBHOOK_PRIVATE_ADDRESSES="true") as daemon:
            eventually(lambda: len(receiver.events) == 2)
            ended(daemon)
    told = {event["event"]: event["data"] for event in receiver.events}
    assert told == {"sync_start": {}, "sync_end": {"status": "SUCCESSFUL"}}


def test_with_a_certificate_it_speaks_tls_and_warns_of_nothing(
    rig: Rig, bind: str, certificate: tuple[Path, Path]
) -> None:
    files = {"PENSTOCK_TLS_CERTIFICATE": str(certificate[0]), "PENSTOCK_TLS_KEY": str(certificate[1])}
    trusting = ssl.create_default_context(cafile=certificate[0])
    port = bind.rpartition(":")[2]
    with rig.command("serve", PENSTOCK_BIND=f"0.0.0.0:{port}", **files) as daemon:
        healthy = eventually(lambda: answered(f"https://{bind}/healthz", verify=trusting))
        assert healthy.status_code in {200, 503}
        assert answered(f"http://{bind}/healthz") is None
        events = [event["event"] for event in ended(daemon)]
    assert "listens_to_the_network" not in events


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["PENSTOCK_TLS_KEY"], "PENSTOCK_TLS_CERTIFICATE: is required: "),
        (["PENSTOCK_TLS_CERTIFICATE"], "PENSTOCK_TLS_KEY: is required: "),
        (["PENSTOCK_TLS_CERTIFICATE", "PENSTOCK_TLS_KEY"], "PENSTOCK_TLS_CERTIFICATE: "),
    ],
)
def test_files_that_are_no_certificate_are_told(
    rig: Rig, bind: str, tmp_path: Path, given: list[str], told: str
) -> None:
    (tmp_path / "nothing").write_text("nothing")
    files = dict.fromkeys(given, str(tmp_path / "nothing"))
    with rig.command("serve", PENSTOCK_BIND=bind, **files) as daemon:
        _, stderr = daemon.communicate(timeout=30)
    assert daemon.returncode == 2
    assert stderr.startswith(f"penstock: {told}")
    assert len(stderr.splitlines()) == 1
