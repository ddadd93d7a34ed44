"""Certificates and host-key fingerprints that a person has approved, for a connection or for a destination."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine.connections.document import timestamp
from engine.contract import InvalidSetting, NotFound
from engine.network.trust import Approved, Kind
from engine.state.database import Database
from engine.state.models import Approval

LARGEST = 20_000
"""Characters of a certificate; real ones have a tenth of it."""


class CertificateBody(BaseModel):
    """The body of POST …/certificates."""

    model_config = ConfigDict(extra="forbid")

    hash: str = Field(min_length=1, max_length=500, description="What the certificate goes by.")
    encoded_cert: str = Field(min_length=1, max_length=LARGEST, description="The certificate: DER in base64.")


class FingerprintBody(BaseModel):
    """The body of POST …/fingerprints."""

    model_config = ConfigDict(extra="forbid")

    hash: str = Field(min_length=1, max_length=500, description="The fingerprint.")
    public_key: str = Field(min_length=1, max_length=LARGEST, description="The host's public key.")


@dataclass(frozen=True, slots=True)
class Subject:
    """Who trusts: a connection or a destination, by its id."""

    kind: Literal["connection", "destination"]
    id: str


class Approvals:
    """The approvals in a state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, subject: Subject, kind: Kind, *, after: str = "", limit: int = 100) -> Sequence[Approval]:
        """At most so many approvals whose hash comes after the given one, in the order of hashes."""
        query = select(Approval).where(*_of(subject, kind), Approval.hash > after).order_by(Approval.hash).limit(limit)
        with self._database.session() as session:
            return session.scalars(query).all()

    def get(self, subject: Subject, kind: Kind, found_by: str) -> Approval:
        """The approval of this hash.

        Raises:
            NotFound: there is none.
        """
        with self._database.session() as session:
            found = session.scalar(select(Approval).where(*_of(subject, kind), Approval.hash == found_by))
        if found is None:
            raise NotFound(kind, found_by)
        return found

    def approve_certificate(self, subject: Subject, body: CertificateBody, *, by: str | None) -> Approval:
        """Trust a certificate.

        Raises:
            InvalidSetting: it is none.
        """
        _certificate(body.encoded_cert)
        return self._approve(subject, "certificate", body.hash, body.encoded_cert, by)

    def approve_fingerprint(self, subject: Subject, body: FingerprintBody, *, by: str | None) -> Approval:
        """Trust a host's key."""
        return self._approve(subject, "fingerprint", body.hash, body.public_key, by)

    def revoke(self, subject: Subject, kind: Kind, found_by: str) -> None:
        """Trust it no longer.

        Raises:
            NotFound: it was not trusted.
        """
        self.get(subject, kind, found_by)
        with self._database.session() as session:
            session.execute(delete(Approval).where(*_of(subject, kind), Approval.hash == found_by))

    def keep(self, subject: Subject, met: Iterable[Approved], *, by: str | None) -> None:
        """Trust from now on what was met and may be trusted without a person's approval."""
        for each in met:
            self._approve(subject, each.kind, each.hash, each.content, by)

    def _approve(self, subject: Subject, kind: Kind, found_by: str, content: str, by: str | None) -> Approval:
        values = {"subject": subject.kind, "subject_id": subject.id, "kind": kind, "hash": found_by}
        with self._database.session() as session:
            session.execute(
                insert(Approval)
                .values(**values, content=content, approved_by=by)
                .on_conflict_do_update(constraint="approvals_pkey", set_={"content": content, "approved_by": by})
            )
        return self.get(subject, kind, found_by)


def approved(session: Session, subjects: Iterable[Subject]) -> list[Approved]:
    """What is trusted for any of these."""
    named = [(subject.kind, subject.id) for subject in subjects]
    found = session.scalars(select(Approval).where(tuple_(Approval.subject, Approval.subject_id).in_(named)))
    return [Approved(cast("Kind", each.kind), each.hash, each.content) for each in found]


def _of(subject: Subject, kind: Kind) -> tuple[Any, ...]:
    return (Approval.subject == subject.kind, Approval.subject_id == subject.id, Approval.kind == kind)


def approval_document(approval: Approval) -> dict[str, Any]:
    """An approval as the REST interface shows it."""
    document = {
        "hash": approval.hash,
        "validated_by": approval.approved_by,
        "validated_date": timestamp(approval.approved_at),
    }
    if approval.kind == "fingerprint":
        return {**document, "public_key": approval.content}
    certificate = _certificate(approval.content)
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        **document,
        "public_key": base64.b64encode(key).decode(),
        "name": certificate.subject.rfc4514_string(),
        "type": "X.509",
        "sha1": certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303 - shown to people who compare by it
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
    }


def _certificate(encoded: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(base64.b64decode(encoded.encode(), validate=True))
    except (ValueError, binascii.Error, UnicodeError):
        raise InvalidSetting("encoded_cert", "is no X.509 certificate in base64 (DER).") from None
