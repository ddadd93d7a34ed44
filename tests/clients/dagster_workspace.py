"""Dagster's Fivetran workspace against a Penstock; run in an environment of its own, by test_dagster.

Arguments: Penstock's address, the connection's name, the key and its secret. The package is as it is published: its
constant `FIVETRAN_API_BASE` leads it elsewhere.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import dagster
from dagster_fivetran import FivetranWorkspace, build_fivetran_assets_definitions, resources

resources.FIVETRAN_API_BASE, name, key, secret = sys.argv[1:]
workspace = FivetranWorkspace(account_id="penstock", api_key=key, api_secret=secret, request_max_retries=1)
client = workspace.get_client()
quickly: dict[str, Any] = {"poll_interval": 0.5, "poll_timeout": 300}

found = workspace.fetch_fivetran_workspace_data()
(connection_id,) = [each.id for each in found.connectors_by_id.values() if each.name == name]
synced = client.sync_and_poll(connection_id, **quickly)
resynced = client.resync_and_poll(connection_id, **quickly)
tables = client.resync_and_poll(connection_id, resync_parameters={name: ["contact"]}, **quickly)
ends = [output.connector_details["succeeded_at"] for output in (synced, resynced, tables)]

ran = dagster.materialize(build_fivetran_assets_definitions(workspace=workspace), resources={"fivetran": workspace})
materialized = [event.asset_key.to_user_string() for event in ran.get_asset_materialization_events()]
told = {
    "groups": [group["id"] for group in client.get_groups()["items"]],
    "destination": found.destinations_by_id["default"].service,
    "ends_grow": ends == sorted(set(ends)),
    "schedule_type": tables.connector_details["schedule_type"],
    "materialized": ran.success and f"{name}/contact" in materialized,
}
print(json.dumps(told), file=sys.__stdout__)
