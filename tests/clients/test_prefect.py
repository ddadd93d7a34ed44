"""Prefect's Fivetran flows, unmodified and in an environment of their own. `make test-clients`."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.clients import python_of, told_by
from support.daemon import running_daemon

from connectors.hubspot.sandbox.account import Account

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]  # a flow starts a server of its own first


def test_prefect_resumes_syncs_and_waits_for_a_connection(database_url: str, tmp_path: Path) -> None:
    prefect = python_of("prefect")
    account = Account()
    with running_daemon(database_url, tmp_path / "home", account) as daemon:
        with daemon.client() as client:
            body = {"service": "hubspot", "config": {"schema": "crm"}, "paused": True}
            made = client.post("/v1/connections", json={**body, "auth": {"access_token": account.token}})
            assert made.status_code == 201, made.text
        told = told_by(
            prefect,
            "prefect_flows.py",
            *(daemon.url, "crm", daemon.key, daemon.secret),
            PREFECT_HOME=str(tmp_path / "prefect"),
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="600",
        )
        with daemon.client() as client:
            connection = client.get("/v1/connections/crm").json()["data"]
            history = client.get("/v1/connections/crm/sync-history").json()["data"]["items"]
    first, second = told["ends"]
    assert first < second == connection["succeeded_at"]
    assert (connection["paused"], connection["schedule_type"]) == (False, "manual")
    assert [sync["status"] for sync in history] == ["COMPLETED"] * 2
