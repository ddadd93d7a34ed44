"""/v1/webhooks: where events are sent."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.api.envelope import success
from engine.api.openapi import Listed, answers
from engine.api.reading import Body, Paged
from engine.api.services import Served
from engine.connections.body import parse
from engine.connections.operator import USER_ID
from engine.connections.webhooks import WebhookBody, WebhookChange, WebhookTestBody, webhook_document

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


class WebhookDocument(BaseModel):
    """A webhook, without its secret."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Its id.")
    type: Literal["account", "group"] = Field(description="account: events of all connections.")
    group_id: str | None = Field(description="The group whose events are sent; null for all.")
    url: str = Field(description="Where events are posted to.")
    events: list[str] = Field(description="What is sent.")
    active: bool = Field(description="Whether anything is sent. It ends by itself after a day of failures.")
    secret: str | None = Field(description="****** if events are signed.")
    created_at: datetime = Field(description="When it was created.")
    created_by: str | None = Field(description="The user who created it.")


class Tested(BaseModel):
    """What came of a test event."""

    model_config = ConfigDict(extra="forbid")

    succeed: bool = Field(description="Whether it was taken.")
    status: int | None = Field(description="The HTTP status of the answer; null without one.")
    message: str = Field(description="The same in words.")


@router.post("/account", summary="Create a webhook", **answers(WebhookDocument, body=WebhookBody))
def create(raw: Body, serve: Served) -> Response:
    """Create a webhook for the events of all connections."""
    webhook = serve.webhooks.create(parse(WebhookBody, raw), by=USER_ID)
    return success("Webhook has been created", webhook_document(webhook))


@router.post("/group/{group_id}", summary="Create a group's webhook", **answers(WebhookDocument, 404, body=WebhookBody))
def create_for_group(group_id: str, raw: Body, serve: Served) -> Response:
    """Create a webhook for the events of a group's connections."""
    webhook = serve.webhooks.create(parse(WebhookBody, raw), group_id=group_id, by=USER_ID)
    return success("Webhook has been created", webhook_document(webhook))


@router.get("", summary="List webhooks", **answers(Listed[WebhookDocument]))
def list_all(page: Paged, serve: Served) -> Response:
    """Every webhook."""
    found = serve.webhooks.page(after=page.after, limit=page.limit + 1)
    return success(data=page.of(found, lambda webhook: webhook.id, webhook_document))


@router.get("/{webhook_id}", summary="Look at a webhook", **answers(WebhookDocument, 404))
def get(webhook_id: str, serve: Served) -> Response:
    """A webhook."""
    return success(data=webhook_document(serve.webhooks.get(webhook_id)))


@router.patch("/{webhook_id}", summary="Change a webhook", **answers(WebhookDocument, 404, body=WebhookChange))
def update(webhook_id: str, raw: Body, serve: Served) -> Response:
    """Change what is given; the rest stays."""
    webhook = serve.webhooks.update(webhook_id, parse(WebhookChange, raw))
    return success("Webhook has been updated", webhook_document(webhook))


@router.delete("/{webhook_id}", summary="Delete a webhook", **answers(None, 404))
def delete(webhook_id: str, serve: Served) -> Response:
    """Forget a webhook, and what was on its way to it."""
    serve.webhooks.delete(webhook_id)
    return success(f"Webhook with id '{webhook_id}' has been deleted")


@router.post(
    "/{webhook_id}/test", summary="Test a webhook", **answers(Tested, 404, body=WebhookTestBody, optional=True)
)
def test(webhook_id: str, raw: Body, serve: Served) -> Response:
    """Send a made-up event now, and tell what came of it."""
    posted = serve.webhooks.test(webhook_id, parse(WebhookTestBody, raw).event)
    data = {"succeed": posted.succeeded, "status": posted.status, "message": posted.message}
    return success("Webhook has been tested", data)
