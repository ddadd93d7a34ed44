"""/v1/groups: groups, their connections and their users."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.api import connections
from engine.api.account import UserDocument
from engine.api.documents import ConnectionDocument
from engine.api.envelope import success
from engine.api.openapi import Listed, answers
from engine.api.reading import Body, Paged
from engine.api.services import Served
from engine.connections.body import parse
from engine.connections.groups import GroupBody, group_document
from engine.connections.operator import user_document
from engine.connections.ssh_keys import public_key_of

router = APIRouter(prefix="/v1/groups", tags=["groups"])


class GroupDocument(BaseModel):
    """A group of connections that load to the same destination."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Its id, which is also its destination's.")
    name: str = Field(description="Its name.")
    created_at: datetime = Field(description="When it was created.")


@router.post("", summary="Create a group", **answers(GroupDocument, 409, status=201, body=GroupBody))
def create(raw: Body, serve: Served) -> Response:
    """Create a group. It needs a destination before it can have connections."""
    group = serve.groups.create(parse(GroupBody, raw))
    return success("Group has been created", group_document(group), status=201)


@router.get("", summary="List groups", **answers(Listed[GroupDocument]))
def list_all(page: Paged, serve: Served) -> Response:
    """Every group."""
    groups = serve.groups.page(after=page.after, limit=page.limit + 1)
    return success(data=page.of(groups, lambda group: group.id, group_document))


@router.get("/{group_id}", summary="Look at a group", **answers(GroupDocument, 404))
def get(group_id: str, serve: Served) -> Response:
    """A group."""
    return success(data=group_document(serve.groups.get(group_id)))


@router.patch("/{group_id}", summary="Rename a group", **answers(GroupDocument, 404, 409, body=GroupBody))
def update(group_id: str, raw: Body, serve: Served) -> Response:
    """Give a group another name."""
    group = serve.groups.rename(group_id, parse(GroupBody, raw))
    return success("Group has been updated", group_document(group))


@router.delete("/{group_id}", summary="Delete a group", **answers(None, 404, 409))
def delete(group_id: str, serve: Served) -> Response:
    """Forget a group and its destination. Not while it has connections, and not the group `default`."""
    serve.groups.delete(group_id)
    return success(f"Group with id '{group_id}' has been deleted")


@router.get("/{group_id}/connections", summary="List a group's connections", **answers(Listed[ConnectionDocument], 404))
@router.get("/{group_id}/connectors", include_in_schema=False)
def list_connections(
    group_id: str,
    page: Paged,
    serve: Served,
    schema: Annotated[str | None, Query(description="The one of exactly this name.")] = None,
) -> Response:
    """The connections of a group."""
    return connections.list_all(page, serve, group_id, schema)


class PublicKeyDocument(BaseModel):
    """The key that SSH servers have to let in."""

    model_config = ConfigDict(extra="forbid")

    public_key: str = Field(description="The line for authorized_keys.")


@router.get("/{group_id}/public-key", summary="The group's SSH key", **answers(PublicKeyDocument, 404))
def public_key(group_id: str, serve: Served) -> Response:
    """The public key with which SSH tunnels to the group's destination are opened."""
    return success(data={"public_key": public_key_of(serve.database, serve.vault, group_id)})


@router.get("/{group_id}/users", summary="List a group's users", **answers(Listed[UserDocument], 404))
def list_users(group_id: str, page: Paged, serve: Served) -> Response:
    """The users of a group: the operator."""
    serve.groups.get(group_id)
    return success(data=page.of([user_document(serve.database)], lambda user: str(user["id"]), lambda user: user))
