"""Certificates and fingerprints that a person trusts."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import text

from engine.api.approvals import CertificateDocument, FingerprintDocument
from engine.state.database import Database


def certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "db.example.org")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode()


@pytest.fixture(params=["connections", "connectors", "destinations"])
def subject(request: pytest.FixtureRequest, create: Any) -> str:
    found_by = create()["id"]
    return f"/v1/{request.param}/{'default' if request.param == 'destinations' else found_by}"


@pytest.mark.parametrize(
    ("kind", "field", "model"),
    [("certificate", "encoded_cert", CertificateDocument), ("fingerprint", "public_key", FingerprintDocument)],
)
def test_what_is_trusted_is_kept_until_it_is_revoked(
    client: httpx.Client, subject: str, kind: str, field: str, model: Any
) -> None:
    path, found_by = f"{subject}/{kind}s", "SHA256:a/b+c="
    content = certificate() if kind == "certificate" else "ssh-ed25519 AAAA"
    made = client.post(path, json={"hash": found_by, field: content})
    assert (made.status_code, made.json()["message"]) == (201, f"The {kind} has been approved")
    document = made.json()["data"]
    model.model_validate(document)
    assert (document["hash"], document["validated_by"]) == (found_by, "operator")
    if kind == "certificate":
        assert (document["name"], len(document["sha1"]), len(document["sha256"])) == ("CN=db.example.org", 40, 64)
    assert client.post(path, json={"hash": found_by, field: content}).json()["data"] == document
    assert client.get(path).json()["data"]["items"] == [document]
    one = f"{path}/SHA256%3Aa%2Fb%2Bc%3D"
    assert client.get(one).json()["data"] == document
    assert client.delete(one).json() == {"code": "Success", "message": f"The {kind} has been revoked."}
    for method in ("GET", "DELETE"):
        assert client.request(method, one).json()["code"] == f"NotFound_{kind.capitalize()}"


def test_what_is_no_certificate_is_told(client: httpx.Client, subject: str) -> None:
    answer = client.post(f"{subject}/certificates", json={"hash": "a", "encoded_cert": "bm9uZQ=="})
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "encoded_cert: is no X.509 certificate in base64 (DER).",
    )


def test_approvals_go_with_their_connection(client: httpx.Client, create: Any, database: Database) -> None:
    path = f"/v1/connections/{create()['id']}"
    client.post(f"{path}/fingerprints", json={"hash": "a", "public_key": "b"})
    client.delete(path)
    assert client.get(f"{path}/fingerprints").status_code == 404
    with database.transaction() as reading:
        assert reading.execute(text("SELECT * FROM penstock.approvals")).all() == []
