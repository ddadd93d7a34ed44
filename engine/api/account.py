"""/v1/users and /v1/account/info: the operator, who is the only user."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.api.envelope import success
from engine.api.openapi import Listed, answers
from engine.api.reading import Paged
from engine.api.services import Served
from engine.connections.operator import ACCOUNT, user_document

router = APIRouter(prefix="/v1", tags=["account"])


class UserDocument(BaseModel):
    """The operator."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="operator.")
    email: str = Field(description="A placeholder: nothing is sent there.")
    given_name: str = Field(description="A placeholder.")
    family_name: str = Field(description="A placeholder.")
    verified: bool = Field(description="true.")
    invited: bool = Field(description="false.")
    picture: str | None = Field(description="null.")
    phone: str | None = Field(description="null.")
    role: str = Field(description="Account Administrator.")
    active: bool = Field(description="true.")
    logged_in_at: datetime | None = Field(description="When a key was last used.")
    created_at: datetime = Field(description="When this Penstock was set up.")


class AccountDocument(BaseModel):
    """The account."""

    model_config = ConfigDict(extra="forbid")

    account_id: str = Field(description="penstock.")
    account_name: str = Field(description="Penstock.")
    user_id: str = Field(description="The user whom the key belongs to.")


@router.get("/users", summary="List users", **answers(Listed[UserDocument]))
def list_users(page: Paged, serve: Served) -> Response:
    """The users: the operator."""
    users = [user for user in [user_document(serve.database)] if str(user["id"]) > page.after]
    return success(data=page.of(users, lambda user: str(user["id"]), lambda user: user))


@router.get("/users/{user_id}", summary="Look at a user", **answers(UserDocument, 404))
def get_user(user_id: str, serve: Served) -> Response:
    """A user."""
    return success(data=user_document(serve.database, user_id))


@router.get("/account/info", summary="Look at the account", **answers(AccountDocument))
async def info() -> Response:
    """The account that the key belongs to."""
    return success(data=ACCOUNT)
