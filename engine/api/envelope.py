"""What every answer of /v1 looks like: `{code, message, data}`, and the code that each error gets."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from engine.contract import Conflict, Follow, NotFound, PenstockError
from engine.invalid import said
from engine.state.database import told_outside

CODES = {
    400: "InvalidInput",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    413: "PayloadTooLarge",
    415: "UnsupportedMediaType",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}
"""The `code` of an answer that is no success, unless it says more (NotFound_Connection)."""

METHODS = ("GET", "POST", "PATCH", "DELETE")

METHOD_NOT_ALLOWED = 405


class Refusal(Exception):
    """An answer that is no success, for reasons that only HTTP knows."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


def success(message: str | None = None, data: Any = None, *, status: int = 200, code: str = "Success") -> Response:
    """The answer to a request that was carried out."""
    return _response(status, code, message, data)


def refused(
    status: int, message: str, *, code: str | None = None, data: Any = None, headers: dict[str, str] | None = None
) -> Response:
    """The answer to a request that was not carried out."""
    return _response(status, code or CODES[status], message, data, headers)


def install(app: FastAPI) -> None:
    """Let every error of the application become an answer in this form."""
    for error in (PenstockError, Refusal, HTTPException, RequestValidationError):
        app.exception_handler(error)(_answer)


def _answer(request: Request, error: Exception) -> Response:
    match error:
        case Refusal():
            return refused(error.status, str(error), headers=error.headers)
        case HTTPException():  # the router's: no such path, not this method
            status = error.status_code if error.status_code in CODES else 400
            headers = {"Allow": _allowed(request)} if status == METHOD_NOT_ALLOWED else None
            return refused(status, f"{error.detail}.", headers=headers)
        case RequestValidationError():  # of a parameter; bodies are not FastAPI's business here
            finding = error.errors()[0]
            return refused(400, str(said(finding, str(finding["loc"][-1]))))
        case NotFound():
            return _not_found(request, error)
        case PenstockError():
            again = error.follow is Follow.RETRY
            status = 409 if isinstance(error, Conflict) else 503 if again else 400
            return refused(status, told_outside(error), headers={"Retry-After": "5"} if again else None)
    raise error


def _allowed(request: Request) -> str:
    """The methods of this path, which may be spread over several routes."""
    return ", ".join(
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    )


def _not_found(request: Request, error: NotFound) -> Response:
    kind = error.kind
    if kind == "connection" and "/connectors" in request.url.path:
        kind = "connector"  # clients that call the old paths look for the old name
    code = f"NotFound_{kind.title().replace(' ', '')}"
    return refused(404, f"{kind.capitalize()} with id '{error.name}' does not exist.", code=code)


def _response(
    status: int, code: str, message: str | None, data: Any, headers: dict[str, str] | None = None
) -> Response:
    body = {
        "code": code,
        **({} if message is None else {"message": message}),
        **({} if data is None else {"data": data}),
    }
    return Response(msgspec.json.encode(body), status, headers, "application/json")
