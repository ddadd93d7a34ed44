"""Prefect's Fivetran flows against a Penstock; run in an environment of its own, by test_prefect.

Arguments: Penstock's address, the connection's name, the key and its secret. The package is as it is published: its
address cannot be changed, so its HTTP client is given one that goes elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx
from prefect_fivetran import FivetranCredentials, clients
from prefect_fivetran.connectors import trigger_fivetran_connector_sync_and_wait_for_completion as synced

address, name, key, secret = sys.argv[1:]


class Led(httpx.AsyncClient):
    """A client that takes Fivetran's address for Penstock's."""

    async def request(self, method: str, url: Any, **options: Any) -> httpx.Response:
        return await super().request(method, url.replace("https://api.fivetran.com", address), **options)


clients.AsyncClient = Led
credentials = FivetranCredentials(api_key=key, api_secret=secret)


async def twice() -> list[str]:
    """When a first and a second sync succeeded, as the flow tells it."""
    return [(await synced(name, credentials, poll_status_every_n_seconds=1))["succeeded_at"] for _ in range(2)]


print(json.dumps({"ends": asyncio.run(twice())}), file=sys.__stdout__)
