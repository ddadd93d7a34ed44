"""/v1/destinations: the database that each group's connections load to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.api.documents import SetupTestDocument
from engine.api.envelope import success
from engine.api.openapi import Listed, answers
from engine.api.reading import Body, Paged
from engine.api.services import Served
from engine.connections.body import parse
from engine.connections.destination_body import DestinationBody, DestinationChange, DestinationTestBody
from engine.connections.document import setup_test_documents
from engine.contract import SetupTest
from engine.state.models import DestinationRecord

router = APIRouter(prefix="/v1/destinations", tags=["destinations"])


class DestinationDocument(BaseModel):
    """A destination, without its secrets."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Its id, which is the group's.")
    group_id: str = Field(description="The group.")
    service: str = Field(description="The kind of destination.")
    time_zone_offset: str = Field(description="Hours from UTC; daily sync times are told in it.")
    setup_status: Literal["INCOMPLETE", "CONNECTED", "BROKEN"] = Field(
        description="INCOMPLETE: the setup tests never passed. BROKEN: a person must mend it."
    )
    region: str | None = Field(description="As it was given; no effect.")
    daylight_saving_time_enabled: bool = Field(description="As it was given; no effect.")
    networking_method: str = Field(description="How it is reached; Directly leaves that to config.connection_type.")
    private_link_id: str | None = Field(description="The address it is reached at, for PrivateLink.")
    proxy_agent_id: str | None = Field(description="The proxy it is reached through, for ProxyAgent.")
    hybrid_deployment_agent_id: str | None = Field(
        description="Only workers started with this id sync connections that name no other."
    )
    local_processing_agent_id: str | None = Field(description="As it was given; no effect.")
    config: dict[str, Any] = Field(
        description="How it is reached; secrets are masked. `public_key`, behind an SSH tunnel: the line for authorized_keys."
    )


class TestedDestinationDocument(DestinationDocument):
    """A destination, with what its setup tests found."""

    __test__ = False

    setup_tests: list[SetupTestDocument] = Field(description="What the setup tests found; empty if none ran.")


@router.post(
    "", summary="Create a destination", **answers(TestedDestinationDocument, 404, 409, status=201, body=DestinationBody)
)
def create(raw: Body, serve: Served) -> Response:
    """Give a group its destination, and run the setup tests. If one fails it is stored all the same."""
    made = serve.destinations.create(parse(DestinationBody, raw))
    return success("Destination has been created", _tested(serve, *made), status=201, code="Created")


@router.get("", summary="List destinations", **answers(Listed[DestinationDocument]))
def list_all(page: Paged, serve: Served) -> Response:
    """Every destination."""
    found = serve.destinations.page(after=page.after, limit=page.limit + 1)
    return success(data=page.of(found, lambda record: record.group_id, serve.destinations.document))


@router.get("/{destination_id}", summary="Look at a destination", **answers(DestinationDocument, 404))
def get(destination_id: str, serve: Served) -> Response:
    """A destination."""
    return success(data=serve.destinations.document(serve.destinations.get(destination_id)))


@router.patch(
    "/{destination_id}",
    summary="Change a destination",
    **answers(TestedDestinationDocument, 404, body=DestinationChange),
)
def update(destination_id: str, raw: Body, serve: Served) -> Response:
    """Change what is given; the rest stays. Setup tests run when the config changes."""
    changed = serve.destinations.update(destination_id, parse(DestinationChange, raw))
    return success("Destination has been updated", _tested(serve, *changed))


@router.delete("/{destination_id}", summary="Delete a destination", **answers(None, 404, 409))
def delete(destination_id: str, serve: Served) -> Response:
    """Forget a destination; the database is not touched. Not while connections load to it."""
    serve.destinations.delete(destination_id)
    return success(f"Destination with id '{destination_id}' has been deleted")


@router.post(
    "/{destination_id}/test",
    summary="Run the setup tests",
    **answers(TestedDestinationDocument, 404, body=DestinationTestBody, optional=True),
)
def test(destination_id: str, raw: Body, serve: Served) -> Response:
    """Run the setup tests, and set the setup status by them."""
    tested = serve.destinations.test(destination_id, parse(DestinationTestBody, raw))
    return success("Setup tests have been completed", _tested(serve, *tested))


def _tested(serve: Served, record: DestinationRecord, tests: Sequence[SetupTest]) -> dict[str, Any]:
    return {**serve.destinations.document(record), "setup_tests": setup_test_documents(tests)}
