"""The services that the routes call, and who they are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from engine.connections.approvals import Approvals
from engine.connections.cards import ConnectCards
from engine.connections.control import Control
from engine.connections.destinations import Destinations
from engine.connections.endpoints import Endpoints
from engine.connections.groups import Groups
from engine.connections.keys import Keys
from engine.connections.schemas import Schemas
from engine.connections.service import Connections
from engine.connections.webhooks import Webhooks
from engine.settings import Settings
from engine.state.database import Database
from engine.state.secrets import Vault


@dataclass(frozen=True)
class Services:
    """One of each, for all requests."""

    database: Database
    vault: Vault
    keys: Keys
    connections: Connections
    control: Control
    groups: Groups
    destinations: Destinations
    webhooks: Webhooks
    approvals: Approvals
    cards: ConnectCards
    schemas: Schemas
    proxies: Endpoints
    private_links: Endpoints

    @classmethod
    def of(cls, database: Database, vault: Vault, settings: Settings) -> Services:
        """The services over a state database."""
        return cls(
            database,
            vault,
            Keys(database),
            Connections(database, vault),
            Control(database, vault),
            Groups(database),
            Destinations(database, vault),
            Webhooks(database, vault, settings),
            Approvals(database),
            ConnectCards(database, vault, settings),
            Schemas(database, vault),
            Endpoints(database, vault, "proxy"),
            Endpoints(database, vault, "private_link"),
        )


async def _of_request(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Served = Annotated[Services, Depends(_of_request)]
