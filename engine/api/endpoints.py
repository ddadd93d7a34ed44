"""/v1/proxy and /v1/private-links: what connections and destinations may be led through."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.api.envelope import success
from engine.api.openapi import Listed, answers
from engine.api.reading import Body, Paged
from engine.api.services import Served
from engine.connections.body import parse
from engine.connections.endpoints import PrivateLinkBody, ProxyBody
from engine.connections.operator import USER_ID

router = APIRouter(prefix="/v1", tags=["networking"])


class _EndpointDocument(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="What it goes by.")
    created_by: str | None = Field(description="The user who registered it; null if it was no request.")
    created_at: datetime = Field(description="When it was registered.")


class ProxyDocument(_EndpointDocument):
    """A proxy."""

    display_name: str = Field(description="What a person calls it.")
    url: str = Field(description="Where it is; the password is masked.")


class PrivateLinkDocument(_EndpointDocument):
    """A private address of a destination."""

    name: str = Field(description="What a person calls it.")
    host: str = Field(description="The address: host, or host:port.")


@router.post("/proxy", summary="Register a proxy", **answers(ProxyDocument, 409, status=201, body=ProxyBody))
def create_proxy(raw: Body, serve: Served) -> Response:
    """Register an HTTP proxy, for `proxy_agent_id`."""
    body = parse(ProxyBody, raw)
    made = serve.proxies.create(body.id, body.display_name, body.url.get_secret_value(), by=USER_ID)
    return success("Proxy has been created", serve.proxies.document(made), status=201, code="Created")


@router.get("/proxy", summary="List proxies", **answers(Listed[ProxyDocument]))
def list_proxies(page: Paged, serve: Served) -> Response:
    """Every proxy."""
    found = serve.proxies.page(after=page.after, limit=page.limit + 1)
    return success(data=page.of(found, lambda endpoint: endpoint.id, serve.proxies.document))


@router.get("/proxy/{proxy_id}", summary="Look at a proxy", **answers(ProxyDocument, 404))
def get_proxy(proxy_id: str, serve: Served) -> Response:
    """A proxy."""
    return success(data=serve.proxies.document(serve.proxies.get(proxy_id)))


@router.delete("/proxy/{proxy_id}", summary="Forget a proxy", **answers(None, 404, 409))
def delete_proxy(proxy_id: str, serve: Served) -> Response:
    """Forget a proxy. Not while something goes through it."""
    serve.proxies.delete(proxy_id)
    return success(f"Proxy with id '{proxy_id}' has been deleted")


@router.post(
    "/private-links",
    summary="Register a private link",
    **answers(PrivateLinkDocument, 409, status=201, body=PrivateLinkBody),
)
def create_private_link(raw: Body, serve: Served) -> Response:
    """Register the private address of a destination, for `private_link_id`."""
    body = parse(PrivateLinkBody, raw)
    made = serve.private_links.create(body.id, body.name, body.host, by=USER_ID)
    return success("Private link has been created", serve.private_links.document(made), status=201, code="Created")


@router.get("/private-links", summary="List private links", **answers(Listed[PrivateLinkDocument]))
def list_private_links(page: Paged, serve: Served) -> Response:
    """Every private link."""
    found = serve.private_links.page(after=page.after, limit=page.limit + 1)
    return success(data=page.of(found, lambda endpoint: endpoint.id, serve.private_links.document))


@router.get("/private-links/{private_link_id}", summary="Look at a private link", **answers(PrivateLinkDocument, 404))
def get_private_link(private_link_id: str, serve: Served) -> Response:
    """A private link."""
    return success(data=serve.private_links.document(serve.private_links.get(private_link_id)))


@router.delete("/private-links/{private_link_id}", summary="Forget a private link", **answers(None, 404, 409))
def delete_private_link(private_link_id: str, serve: Served) -> Response:
    """Forget a private link. Not while something goes through it."""
    serve.private_links.delete(private_link_id)
    return success(f"Private link with id '{private_link_id}' has been deleted")
