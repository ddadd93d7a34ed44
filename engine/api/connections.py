"""/v1/connections: make, look at, change, test and delete connections."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from engine.api.documents import CardAnswer, ConnectionDocument, SyncDocument, TestedConnectionDocument
from engine.api.envelope import success
from engine.api.openapi import Listed, answers
from engine.api.reading import Body, Paged
from engine.api.services import Served
from engine.connections.blocks import trusted_kinds
from engine.connections.body import CardBody, ConnectionBody, ConnectionChange, TestBody, parse
from engine.connections.card import Issued
from engine.connections.document import look_document, setup_test_documents, sync_documents
from engine.connections.operator import USER_ID
from engine.connections.reports import sync_history

router = APIRouter(tags=["connections"])


@router.post(
    "", summary="Create a connection", **answers(TestedConnectionDocument, 404, 409, status=201, body=ConnectionBody)
)
def create(raw: Body, serve: Served) -> Response:
    """Create a connection and run its setup tests. If one fails it is stored all the same, as incomplete."""
    body = parse(ConnectionBody, raw)
    connection = serve.connections.create(body, must_pass=False, by=USER_ID)
    data = _tested(serve, connection.id, with_card=body.connect_card_config is not None)
    return success("Connection has been created", data, status=201)


@router.get("", summary="List connections", **answers(Listed[ConnectionDocument], 404))
def list_all(
    page: Paged,
    serve: Served,
    group_id: Annotated[str | None, Query(description="Those of this group.")] = None,
    schema: Annotated[str | None, Query(description="The ones of exactly this name.")] = None,
) -> Response:
    """Every connection, or those of a group or a name."""
    looks = serve.connections.page(group_id=group_id, schema=schema, after=page.after, limit=page.limit + 1)
    return success(data=page.of(looks, lambda look: look.connection.id, look_document))


@router.get("/{connection_id}", summary="Look at a connection", **answers(ConnectionDocument, 404, 409))
def get(connection_id: str, serve: Served) -> Response:
    """A connection, by its id or its name."""
    return success(data=look_document(serve.connections.look(connection_id)))


@router.patch(
    "/{connection_id}",
    summary="Change a connection",
    **answers(TestedConnectionDocument, 404, 409, body=ConnectionChange),
)
def update(connection_id: str, raw: Body, serve: Served) -> Response:
    """Change what is given; the rest stays. Setup tests run when config or credentials change, or when asked for."""
    change = parse(ConnectionChange, raw)
    connection = serve.connections.update(connection_id, change, must_pass=False)
    data = _tested(serve, connection.id, with_card=change.connect_card_config is not None)
    return success("Connection has been updated", data)


@router.delete("/{connection_id}", summary="Delete a connection", **answers(None, 404, 409))
def delete(connection_id: str, serve: Served) -> Response:
    """Forget a connection, its credentials and its history. Its tables stay. A sync of it is stopped first."""
    connection = serve.control.delete(connection_id)
    return success(f"Connection with id '{connection.id}' has been deleted")


@router.post(
    "/{connection_id}/test",
    summary="Run the setup tests",
    **answers(TestedConnectionDocument, 404, 409, body=TestBody, optional=True),
)
def test(connection_id: str, raw: Body, serve: Served) -> Response:
    """Run the setup tests of both ends, and set the connection's setup state by them."""
    serve.connections.test(connection_id, trusted=trusted_kinds(parse(TestBody, raw)))
    return success("Setup tests have been completed", _tested(serve, connection_id))


@router.get(
    "/{connection_id}/sync-history", summary="List a connection's syncs", **answers(Listed[SyncDocument], 404, 409)
)
def history(connection_id: str, page: Paged, serve: Served) -> Response:
    """The connection's last syncs, the newest first; one page."""
    connection = serve.connections.get(connection_id)
    return success(data={"items": sync_documents(sync_history(serve.database, connection.id, limit=page.limit))})


@router.post(
    "/{connection_id}/connect-card",
    summary="Make a Connect Card",
    **answers(CardAnswer, 404, 409, body=CardBody, optional=True),
)
def connect_card(connection_id: str, raw: Body, serve: Served) -> Response:
    """Make a link by which a person without a key connects their account. Earlier links open nothing any more."""
    body = parse(CardBody, raw)
    connection = serve.connections.get(connection_id)
    issued = serve.cards.issue(connection.id, body.connect_card_config)
    return success(
        data={
            "connector_id": connection.id,
            "connect_card": _card(issued),
            "connect_card_config": issued.config,
        }
    )


def _tested(serve: Served, connection_id: str, *, with_card: bool = False) -> dict[str, object]:
    look = serve.connections.look(connection_id)
    tests = setup_test_documents(serve.connections.setup_tests(connection_id))
    issued = serve.cards.issue_if_possible(look.connection) if with_card else None
    return {**look_document(look), "setup_tests": tests, **({"connect_card": _card(issued)} if issued else {})}


def _card(issued: Issued) -> dict[str, str]:
    return {"token": issued.token, "uri": issued.uri}
