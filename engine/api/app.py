"""The HTTP application of the daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import FastAPI
from fastapi.responses import JSONResponse

Check = Callable[[], bool]


def create_app(checks: Mapping[str, Check]) -> FastAPI:
    """The application; `checks` are the parts of the daemon by name, and whether each one works."""
    app = FastAPI(title="Penstock", docs_url=None, redoc_url=None)

    @app.get("/healthz", summary="Whether the daemon works")
    def healthz() -> JSONResponse:
        """200 when all parts work, else 503; the answer says which ones do not."""
        parts = {name: "ok" if works() else "down" for name, works in checks.items()}
        healthy = all(state == "ok" for state in parts.values())
        return JSONResponse({"status": "ok" if healthy else "down", **parts}, 200 if healthy else 503)

    return app
