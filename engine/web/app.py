"""The Connect Card's pages: one for the card, whatever has become of it, and the way to the source and back."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from engine.connections.card_token import CardClosed, Why
from engine.connections.cards import ConnectCards
from engine.contract import PenstockError
from engine.state.database import told_outside
from engine.web.pages import Sealed, page

STATUSES: dict[Why, int] = {"invalid": 404, "expired": 410, "replaced": 410, "used": 410, "other_browser": 400}


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, of each the first."""
    body = (await request.body()).decode("ascii", "replace")
    return {name: values[0] for name, values in parse_qs(body).items()}


Form = Annotated[dict[str, str], Depends(_form)]


def create_pages(cards: ConnectCards) -> ASGIApp:
    """The application with the pages, to be mounted at `engine.connections.cards.PATH`. Their links are relative."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.mount("/static", StaticFiles(packages=[("engine.web", "static")]))
    app.exception_handler(PenstockError)(_broken)
    app.exception_handler(HTTPException)(_no_page)
    app.exception_handler(Exception)(_crashed)
    address = urlsplit(cards.address)

    @app.get("/setup")
    def setup(auth: str = "") -> Response:
        """The card: what will be read, what setup tests find, or that it is done."""
        card = cards.open(auth)
        if card.attempt is not None and (card.attempt.result in {None, "limited", "connected"} or card.attempt.tests):
            result = card.attempt.result  # before the tests: those that it tells of are there then
            return page("checks.html", card=card, result=result, tests=card.attempt.tests)
        return page("done.html" if card.is_used else "card.html", card=card)

    @app.post("/authorize")
    def authorize(form: Form) -> Response:
        """Send the person to the source. Not by a redirect: a form may lead to this site only."""
        departure = cards.begin(form.get("auth", ""))
        answer = page("leaving.html", departure=departure)
        answer.set_cookie(
            departure.cookie,
            departure.value,
            path=address.path,
            secure=address.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer

    @app.get("/callback")
    def callback(request: Request) -> Response:
        """Where the source sends the person back to; the code does not stay in the address."""
        token = cards.finish(request.query_params, request.cookies)
        return RedirectResponse(f"setup?{urlencode({'auth': token})}", 303)

    return Sealed(app)


def _broken(_request: Request, error: Exception) -> Response:
    if isinstance(error, CardClosed):
        return page("closed.html", status=STATUSES[error.why], why=error.why, message=str(error))
    return page("closed.html", status=503, why="broken", message=told_outside(error))


def _no_page(_request: Request, _error: Exception) -> Response:
    return page("closed.html", status=404, why="invalid", message="There is no such page.")


def _crashed(_request: Request, _error: Exception) -> Response:
    return page("closed.html", status=500, why="broken", message="Something went wrong here.")
