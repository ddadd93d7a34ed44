"""…/certificates and …/fingerprints of connections and destinations: what a person trusts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.api.envelope import success
from engine.api.openapi import Listed, answers
from engine.api.reading import Body, Paged
from engine.api.services import Served
from engine.connections.approvals import CertificateBody, FingerprintBody, Subject, approval_document
from engine.connections.body import parse
from engine.connections.operator import USER_ID
from engine.network.trust import Kind


class FingerprintDocument(BaseModel):
    """A host's key that a person trusts."""

    model_config = ConfigDict(extra="forbid")

    hash: str = Field(description="The fingerprint.")
    public_key: str = Field(description="The public key.")
    validated_by: str | None = Field(description="The user who approved it.")
    validated_date: datetime = Field(description="When it was approved.")


class CertificateDocument(FingerprintDocument):
    """A certificate that a person trusts."""

    name: str = Field(description="Whom it is for.")
    type: str = Field(description="X.509.")
    sha1: str = Field(description="Its SHA-1 in hexadecimal.")
    sha256: str = Field(description="Its SHA-256 in hexadecimal.")


def _connection(serve: Served, found_by: str) -> Subject:
    return Subject("connection", serve.connections.get(found_by).id)


def _destination(serve: Served, found_by: str) -> Subject:
    return Subject("destination", serve.destinations.get(found_by).group_id)


def _routes(tag: str, subject: Callable[[Served, str], Subject]) -> APIRouter:
    router = APIRouter(tags=[tag])
    _certificates(router, subject)
    _fingerprints(router, subject)
    return router


def _certificates(router: APIRouter, subject: Callable[[Served, str], Subject]) -> None:
    path = "/{subject_id}/certificates"

    @router.post(
        path,
        summary="Approve a certificate",
        **answers(CertificateDocument, 404, 409, status=201, body=CertificateBody),
    )
    def approve(subject_id: str, raw: Body, serve: Served) -> Response:
        """Trust a certificate."""
        body = parse(CertificateBody, raw)
        approval = serve.approvals.approve_certificate(subject(serve, subject_id), body, by=USER_ID)
        return success("The certificate has been approved", approval_document(approval), status=201)

    _common(router, path, "certificate", CertificateDocument, subject)


def _fingerprints(router: APIRouter, subject: Callable[[Served, str], Subject]) -> None:
    path = "/{subject_id}/fingerprints"

    @router.post(
        path,
        summary="Approve a fingerprint",
        **answers(FingerprintDocument, 404, 409, status=201, body=FingerprintBody),
    )
    def approve(subject_id: str, raw: Body, serve: Served) -> Response:
        """Trust a host's key."""
        body = parse(FingerprintBody, raw)
        approval = serve.approvals.approve_fingerprint(subject(serve, subject_id), body, by=USER_ID)
        return success("The fingerprint has been approved", approval_document(approval), status=201)

    _common(router, path, "fingerprint", FingerprintDocument, subject)


def _common(
    router: APIRouter, path: str, kind: Kind, document: type[BaseModel], subject: Callable[[Served, str], Subject]
) -> None:
    @router.get(path, summary=f"List approved {kind}s", **answers(Listed[document], 404, 409))  # type: ignore[valid-type]
    def list_all(subject_id: str, page: Paged, serve: Served) -> Response:
        """What is trusted."""
        found = serve.approvals.page(subject(serve, subject_id), kind, after=page.after, limit=page.limit + 1)
        return success(data=page.of(found, lambda approval: approval.hash, approval_document))

    @router.get(f"{path}/{{hash:path}}", summary=f"Look at an approved {kind}", **answers(document, 404, 409))
    def get(subject_id: str, hash: str, serve: Served) -> Response:  # noqa: A002 - as the path names it
        """One of them."""
        return success(data=approval_document(serve.approvals.get(subject(serve, subject_id), kind, hash)))

    @router.delete(f"{path}/{{hash:path}}", summary=f"Revoke a {kind}", **answers(None, 404, 409))
    def revoke(subject_id: str, hash: str, serve: Served) -> Response:  # noqa: A002 - as the path names it
        """Trust it no longer."""
        serve.approvals.revoke(subject(serve, subject_id), kind, hash)
        return success(f"The {kind} has been revoked.")


of_connections = _routes("connections", _connection)
of_destinations = _routes("destinations", _destination)
