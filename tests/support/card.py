"""A Penstock with the Connect Card's pages, and a sandbox HubSpot in which a person can consent, both in this process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from support.http import serving

from connectors.hubspot.sandbox.account import CLIENT_ID, CLIENT_SECRET
from connectors.hubspot.sandbox.server import RunningSandbox, running_sandbox
from engine.api.app import create_app
from engine.api.services import Services
from engine.settings import Settings
from engine.state.database import Database, open_database
from engine.state.models import Connection
from engine.state.secrets import Vault

SITE = "http://127.0.0.1:9/back?from=card"
"""Where people go afterwards; nobody answers there."""


@dataclass(frozen=True)
class Stage:
    """Everything that a person with a card meets."""

    url: str
    client: httpx.Client
    services: Services
    database: Database
    vault: Vault
    hubspot: RunningSandbox

    def create(self, schema: str = "crm", **fields: Any) -> dict[str, Any]:
        """A connection that waits for its card; gives its document, with the card."""
        body = {
            "service": "hubspot",
            "config": {"schema": schema},
            "connect_card_config": {"redirect_uri": SITE},
            **fields,
        }
        answer = self.client.post("/v1/connections", json=body)
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()["data"]
        return document

    def card(self, **fields: Any) -> str:
        """The address of the card of a new connection."""
        return str(self.create(**fields)["connect_card"]["uri"])

    def stored(self, schema: str = "crm") -> Connection:
        return self.services.connections.get(schema)

    def credentials(self, schema: str = "crm") -> dict[str, Any]:
        return self.vault.open(self.stored(schema).auth or "")


@contextmanager
def staged(database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The stage, on a database of its own; the operator has set the sandbox's OAuth app."""
    with running_sandbox() as hubspot:
        for name, value in {
            "API_URL": hubspot.url,
            "APP_URL": hubspot.url,
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
        }.items():
            monkeypatch.setenv(f"PENSTOCK_HUBSPOT_{name}", value)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = Settings(home=home, database_url=SecretStr(database_url), public_url=f"http://127.0.0.1:{port}")
        database, vault = open_database(settings), Vault(settings)
        services = Services.of(database, vault, settings)
        key, secret = services.keys.create("test")
        try:
            with (
                serving(create_app({}, list, services), port) as url,
                httpx.Client(base_url=url, timeout=30, auth=(key.id, secret.get_secret_value())) as client,
            ):
                yield Stage(url, client, services, database, vault, hubspot)
        finally:
            database.dispose()
