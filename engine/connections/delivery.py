"""Sending the events that wait for webhooks, again and again until they are taken or a day has passed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row, delete, func, text, update

from engine.connections.posting import Posted
from engine.connections.webhooks import Webhooks
from engine.contract import DestinationUnavailable, NotFound, PenstockError
from engine.settings import Settings
from engine.state.database import Database
from engine.state.models import Webhook, WebhookDelivery
from engine.state.secrets import Vault

LOOK_EVERY = 2.0
"""Seconds between two looks for events."""

AT_A_TIME = 8
"""Events that are sent at once: a receiver that is slow holds up few others."""

LATER = timedelta(minutes=5)
"""By how much the wait grows with each try."""

GIVE_UP_AFTER = timedelta(hours=24)
"""When a webhook that takes nothing is turned off."""

_CLAIM = text("""
    UPDATE penstock.webhook_deliveries SET attempts = attempts + 1, next_at = now() + interval '5 minutes'
    WHERE id IN (
        SELECT delivery.id FROM penstock.webhook_deliveries AS delivery
        JOIN penstock.webhooks AS webhook ON webhook.id = delivery.webhook_id AND webhook.active
        WHERE delivery.next_at <= now() ORDER BY delivery.next_at, delivery.id LIMIT :most
        FOR UPDATE OF delivery SKIP LOCKED
    )
    RETURNING id, webhook_id, payload, attempts, created_at, now() AS now
""")

log = structlog.stdlib.get_logger("penstock.webhooks")


class WebhookSender:
    """Sends events in a thread of its own. Any number of them may run at once: each event is sent by one."""

    def __init__(self, database: Database, vault: Vault, settings: Settings) -> None:
        self._database = database
        self._webhooks = Webhooks(database, vault, settings)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more; what is being sent just now may be sent once more later."""
        self._stop.set()

    def send_due(self) -> int:
        """Send what is due, and give how many events that were."""
        with self._database.transaction() as changing:
            claimed = changing.execute(_CLAIM, {"most": AT_A_TIME}).all()
        if claimed:
            with ThreadPoolExecutor(AT_A_TIME) as senders:
                list(senders.map(self._send, claimed))
        return len(claimed)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                sent = self.send_due()
            except DestinationUnavailable as error:
                log.debug("webhooks_wait", reason=str(error))
                sent = 0
            except Exception:
                log.exception("webhooks_crashed")
                sent = 0
            if sent < AT_A_TIME:
                self._stop.wait(LOOK_EVERY)

    def _send(self, delivery: Row[Any]) -> None:
        try:
            webhook = self._webhooks.get(delivery.webhook_id)
            posted = self._webhooks.send(webhook, delivery.payload)
        except NotFound:
            return  # deleted meanwhile, and the event with it
        except PenstockError as error:
            posted = Posted(None, str(error))
        if posted.succeeded:
            with self._database.transaction() as changing:
                changing.execute(delete(WebhookDelivery).where(WebhookDelivery.id == delivery.id))
            return
        self._put_off(delivery, posted)

    def _put_off(self, delivery: Row[Any], posted: Posted) -> None:
        wait = LATER * delivery.attempts
        over = delivery.now + wait > delivery.created_at + GIVE_UP_AFTER
        event = delivery.payload["event"]
        log.warning("webhook_failed", webhook=delivery.webhook_id, event_kind=event, reason=posted.message, off=over)
        this = Webhook.id == delivery.webhook_id
        with self._database.transaction() as changing:
            changing.execute(update(Webhook).where(this).values(failed_at=func.now(), failure=posted.message))
            if over:
                changing.execute(update(Webhook).where(this).values(active=False))
                changing.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == delivery.webhook_id))
            else:
                later = update(WebhookDelivery).where(WebhookDelivery.id == delivery.id)
                changing.execute(later.values(next_at=func.now() + wait))
