"""The HTTP application of the daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from engine.api.metrics import Statuses, exposition
from engine.contract import DestinationUnavailable

Check = Callable[[], bool]


def create_app(checks: Mapping[str, Check], statuses: Statuses) -> FastAPI:
    """The application.

    `checks` are the parts of the daemon by name, and whether each one works; `statuses` gives the rows of the view
    `connection_status`.
    """
    app = FastAPI(title="Penstock", docs_url=None, redoc_url=None)

    @app.get("/healthz", summary="Whether the daemon works")
    def healthz() -> JSONResponse:
        """200 when all parts work, else 503; the answer says which ones do not."""
        parts = {name: "ok" if works() else "down" for name, works in checks.items()}
        healthy = all(state == "ok" for state in parts.values())
        return JSONResponse({"status": "ok" if healthy else "down", **parts}, 200 if healthy else 503)

    @app.get("/metrics", summary="Metrics for Prometheus")
    def metrics() -> Response:
        """Gauges for each connection in Prometheus's text format."""
        try:
            return Response(exposition(statuses), media_type=CONTENT_TYPE_LATEST)
        except DestinationUnavailable as error:
            return PlainTextResponse(str(error), 503)

    return app
