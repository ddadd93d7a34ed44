"""Airflow's Fivetran provider against a Penstock; run in an environment of its own, by test_airflow.

Arguments: Penstock's address, and the connection's name. The key is in Airflow's connection `fivetran_default`.
The provider is as it is published: its hook's class attributes `api_protocol` and `api_host` lead it elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred
from fivetran_provider_async.hooks import FivetranHook
from fivetran_provider_async.operators import FivetranOperator, FivetranResyncOperator

address, name = sys.argv[1:]
FivetranHook.api_protocol, _, FivetranHook.api_host = address.partition("://")
hook = FivetranHook()


def deferred(operator: FivetranOperator) -> None:
    """Run an operator that waits in Airflow's triggerer."""
    try:
        operator.execute({})
    except TaskDeferred as waiting:
        event = asyncio.run(first_of(waiting.trigger))
        operator.execute_complete({}, event.payload)
    else:
        raise AssertionError("It did not wait.")


async def first_of(trigger: Any) -> Any:
    """The event that a trigger fires."""
    return await anext(trigger.run())


def growing(act: Callable[[], Any]) -> bool:
    """Whether `succeeded_at` is a later one after some action, which has waited for it."""
    before = hook.get_last_sync(connection_id)
    act()
    return bool(hook.get_last_sync(connection_id) > before)


def metadata(kind: str) -> bool:
    """Whether what the operator reads for OpenLineage is there."""
    wanted = {"tables": {"id"}, "columns": {"parent_id", "type_in_source", "type_in_destination"}}[kind]
    items = hook.get_metadata(connection_id, kind)["items"]
    return bool(items) and all({"name_in_source", "name_in_destination", *wanted} <= set(item) for item in items)


groups = [group["id"] for group in hook.get_groups()]
listed = [found["schema"] for group in groups for found in hook.get_connectors(group)]
connection_id = hook.get_connector_id(connector_name=name, destination_name="default")

with DAG("penstock", schedule=None):
    common: dict[str, Any] = {"poll_frequency": 1}
    first = FivetranOperator(task_id="first", connector_id=connection_id, deferrable=False, **common)
    second = FivetranOperator(task_id="second", connector_name=name, destination_name="default", **common)
    again = FivetranResyncOperator(task_id="again", connector_id=connection_id, deferrable=False, **common)
    tables = FivetranResyncOperator(
        task_id="tables", connector_id=connection_id, scope={name: ["contact"]}, deferrable=False, **common
    )

told = {
    "reached": hook.test_connection()[0],
    "groups": groups,
    "listed": listed,
    "destination": hook.get_destinations(groups[0])["service"],
    "before": hook.get_connector(connection_id)["status"]["is_historical_sync"],
    "synced": growing(lambda: first.execute({})),
    "after": hook.get_connector(connection_id)["status"]["is_historical_sync"],
    "schedule_type": hook.get_connector(connection_id)["schedule_type"],
    "tables": "contact" in next(iter(hook.get_connector_schemas(connection_id)["schemas"].values()))["tables"],
    "synced_deferred": growing(lambda: deferred(second)),
    "resynced": growing(lambda: again.execute({})),
    "tables_resynced": growing(lambda: tables.execute({})),
    "lineage": {kind: metadata(kind) for kind in ("tables", "columns")},
}
print(json.dumps(told), file=sys.__stdout__)
