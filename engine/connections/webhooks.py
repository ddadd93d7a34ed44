"""Webhooks: where events are sent."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, WithJsonSchema
from sqlalchemy import delete, select

from engine.connections.blocks import LONGEST
from engine.connections.document import timestamp
from engine.connections.outbox import KNOWN_EVENTS
from engine.connections.posting import Posted, check_url, post
from engine.connections.store import hold
from engine.contract import InvalidSetting, NotFound
from engine.settings import MASK, Settings
from engine.state.database import Database
from engine.state.models import Group, Webhook, WebhookDelivery
from engine.state.secrets import Vault

TEST_EVENT = "test_event"
"""What an address has to take before anything else is sent to it."""


def _known(event: str) -> str:
    if event not in KNOWN_EVENTS:
        msg = f"There is no such event. Known: {', '.join(KNOWN_EVENTS)}."
        raise ValueError(msg)
    return event


def _can_be_made_up(event: str) -> str:
    return event if event == TEST_EVENT else _known(event)


Url = Annotated[str, StringConstraints(max_length=LONGEST, min_length=1), Field(description="An https address.")]
Events = Annotated[
    list[Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(KNOWN_EVENTS)})]],
    Field(min_length=1, max_length=len(KNOWN_EVENTS), description=f"What is sent: {', '.join(KNOWN_EVENTS)}."),
]
Signing = Annotated[SecretStr | None, Field(max_length=LONGEST, description="What events are signed with.")]


class WebhookBody(BaseModel):
    """The body of POST /v1/webhooks/account and /v1/webhooks/group/{id}."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: Url
    events: Events
    active: bool = Field(True, description="Send events; the address has to take a test event first.")
    secret: Signing = None


class WebhookChange(BaseModel):
    """The body of PATCH /v1/webhooks/{id}: what is not given stays."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: Url | None = Field(None, description="An https address.")
    events: Events | None = Field(None, description="What is sent, in place of what was sent before.")
    active: bool | None = Field(None, description="Send events, or do not.")
    secret: Signing = None


class WebhookTestBody(BaseModel):
    """The body of POST /v1/webhooks/{id}/test."""

    model_config = ConfigDict(extra="forbid")

    event: Annotated[
        str,
        AfterValidator(_can_be_made_up),
        WithJsonSchema({"type": "string", "enum": [TEST_EVENT, *KNOWN_EVENTS], "default": TEST_EVENT}),
    ] = Field(TEST_EVENT, description="The event that is made up and sent.")


class Webhooks:
    """The webhooks in a state database. Methods that take an id raise `NotFound` when there is no such webhook."""

    def __init__(self, database: Database, vault: Vault, settings: Settings) -> None:
        self._database = database
        self._vault = vault
        self._private = settings.webhook_private_addresses

    def page(self, *, after: str = "", limit: int = 100) -> Sequence[Webhook]:
        """At most so many webhooks whose id comes after the given one, in the order of ids."""
        with self._database.session() as session:
            return session.scalars(select(Webhook).where(Webhook.id > after).order_by(Webhook.id).limit(limit)).all()

    def get(self, webhook_id: str) -> Webhook:
        """The webhook of this id."""
        with self._database.session() as session:
            found = session.get(Webhook, webhook_id)
        if found is None:
            raise NotFound("webhook", webhook_id)
        return found

    def create(self, body: WebhookBody, *, group_id: str | None = None, by: str | None = None) -> Webhook:
        """A new webhook for all events, or for those of a group. An active one has to take a test event first.

        Raises:
            InvalidSetting, NotFound: nothing was stored.
        """
        check_url(body.url, private=self._private)
        with self._database.session() as session:
            if group_id is not None and session.get(Group, group_id) is None:
                raise NotFound("group", group_id)
        webhook = Webhook(
            id=secrets.token_hex(8),
            group_id=group_id,
            url=body.url,
            events=body.events,
            active=body.active,
            secret=self._sealed(body.secret),
            created_by=by,
        )
        if webhook.active:
            self._hold_that_it_takes(webhook)
        with self._database.session() as session:
            session.add(webhook)
        return webhook

    def update(self, webhook_id: str, change: WebhookChange) -> Webhook:
        """Change what is given. One that becomes active, or gets another address, has to take a test event first.

        Raises:
            InvalidSetting: nothing was changed.
        """
        if not change.model_fields_set:
            raise InvalidSetting("", "Nothing was given that could be changed.")
        if change.url is not None:
            check_url(change.url, private=self._private)
        tested = self.get(webhook_id)
        before = (tested.active, tested.url)
        self._apply(change, tested)
        if tested.active and before != (True, tested.url):
            self._hold_that_it_takes(tested)
        with self._database.session() as session:
            webhook = hold(session, Webhook, webhook_id, NotFound("webhook", webhook_id))
            self._apply(change, webhook)
            if not webhook.active:
                session.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook.id))
        return webhook

    def delete(self, webhook_id: str) -> None:
        """Forget the webhook, and what was on its way to it."""
        self.get(webhook_id)
        with self._database.session() as session:
            session.execute(delete(Webhook).where(Webhook.id == webhook_id))

    def test(self, webhook_id: str, event: str) -> Posted:
        """Send a made-up event, and give what came of it."""
        webhook = self.get(webhook_id)
        try:
            return self.send(webhook, _made_up(event))
        except InvalidSetting as error:
            return Posted(None, str(error))

    def send(self, webhook: Webhook, payload: dict[str, Any]) -> Posted:
        """Post an event to a webhook, signed with its secret.

        Raises:
            InvalidSetting: its address cannot be used.
        """
        secret = SecretStr(self._vault.open(webhook.secret)["secret"]) if webhook.secret else None
        return post(webhook.url, payload, secret, private=self._private)

    def _apply(self, change: WebhookChange, webhook: Webhook) -> None:
        for name in ("url", "events", "active"):
            value = getattr(change, name)
            if value is not None:
                setattr(webhook, name, value)
        if "secret" in change.model_fields_set and (change.secret is None or change.secret.get_secret_value() != MASK):
            webhook.secret = self._sealed(change.secret)

    def _hold_that_it_takes(self, webhook: Webhook) -> None:
        posted = self.send(webhook, _made_up(TEST_EVENT))
        if not posted.succeeded:
            raise InvalidSetting("url", f"It does not take a test event. {posted.message}")

    def _sealed(self, secret: SecretStr | None) -> str | None:
        return self._vault.seal({"secret": secret.get_secret_value()}) if secret else None


def webhook_document(webhook: Webhook) -> dict[str, Any]:
    """A webhook as the REST interface shows it, its secret masked."""
    return {
        "id": webhook.id,
        "type": "account" if webhook.group_id is None else "group",
        "group_id": webhook.group_id,
        "url": webhook.url,
        "events": webhook.events,
        "active": webhook.active,
        "secret": MASK if webhook.secret else None,
        "created_at": timestamp(webhook.created_at),
        "created_by": webhook.created_by,
    }


def _made_up(event: str) -> dict[str, Any]:
    return {
        "event": event,
        "created": timestamp(datetime.now(UTC)),
        "connector_type": "_connector_type",
        "connector_id": "_connector_1",
        "connector_name": "_connector_name",
        "sync_id": "_sync_id",
        "group_id": "_destination_1",
        "destination_group_id": "_destination_1",
        "data": {},
    }
