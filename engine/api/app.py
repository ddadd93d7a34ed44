"""The HTTP application of the daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from engine.api import (
    account,
    approvals,
    connections,
    destinations,
    endpoints,
    envelope,
    groups,
    metadata,
    openapi,
    schemas,
    syncing,
    webhooks,
)
from engine.api.access import ADMITTED, Access
from engine.api.gate import Gate
from engine.api.metrics import Statuses, exposition
from engine.api.services import Services
from engine.connections.cards import PATH
from engine.contract import DestinationUnavailable
from engine.state.database import told_outside
from engine.web.app import create_pages

Check = Callable[[], bool]

DESCRIPTION = """The calls and fields of Fivetran's REST API, version 1.

Every call needs a key (`penstock keys create`). `/v1/connectors` is another name of `/v1/connections`, and a slash at
the end of a path makes no difference."""


def create_app(checks: Mapping[str, Check], statuses: Statuses, services: Services) -> FastAPI:
    """The application.

    `checks` are the parts of the daemon by name, and whether each one works; `statuses` gives the rows of the view
    `connection_status`.
    """
    app = FastAPI(
        title="Penstock",
        version=version("penstock"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.access = Access(services.keys)
    app.openapi = openapi.document(app)  # type: ignore[method-assign] # as FastAPI documents it
    app.add_middleware(Gate)
    envelope.install(app)
    app.include_router(_health(checks, statuses))
    for path, shown in (("/v1/connections", True), ("/v1/connectors", False)):
        for router in (connections.router, syncing.router, schemas.router, approvals.of_connections):
            app.include_router(router, prefix=path, include_in_schema=shown, dependencies=[ADMITTED])
    app.include_router(approvals.of_destinations, prefix="/v1/destinations", dependencies=[ADMITTED])
    for module in (groups, destinations, endpoints, account, webhooks):
        app.include_router(module.router, dependencies=[ADMITTED])
    app.include_router(metadata.of_connections, dependencies=[ADMITTED])
    app.include_router(metadata.router)
    app.mount(PATH, create_pages(services.cards))
    return app


def _health(checks: Mapping[str, Check], statuses: Statuses) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Whether the daemon works", responses={503: {"description": "A part is down."}})
    def healthz() -> JSONResponse:
        """200 when all parts work, else 503; the answer says which ones do not."""
        parts = {name: "ok" if works() else "down" for name, works in checks.items()}
        healthy = all(state == "ok" for state in parts.values())
        return JSONResponse({"status": "ok" if healthy else "down", **parts}, 200 if healthy else 503)

    @router.get(
        "/metrics",
        summary="Metrics for Prometheus",
        response_class=PlainTextResponse,
        responses={503: {"description": "The database does not answer."}},
    )
    def metrics() -> Response:
        """Gauges for each connection in Prometheus's text format."""
        try:
            return Response(exposition(statuses), media_type=CONTENT_TYPE_LATEST)
        except DestinationUnavailable as error:
            return PlainTextResponse(told_outside(error), 503)

    return router
