"""Dagster's Fivetran workspace, unmodified and in an environment of its own. `make test-clients`."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.clients import python_of, told_by
from support.daemon import running_daemon

from connectors.hubspot.sandbox.account import Account

pytestmark = pytest.mark.clients


def test_dagster_finds_syncs_resyncs_and_materializes_a_connection(database_url: str, tmp_path: Path) -> None:
    dagster = python_of("dagster")
    account = Account()
    with running_daemon(database_url, tmp_path / "home", account) as daemon:
        with daemon.client() as client:
            # Dagster makes its assets of what is known of a connection's tables, and syncs none that is paused
            body = {"service": "hubspot", "config": {"schema": "crm"}, "schedule_type": "manual"}
            made = client.post("/v1/connections", json={**body, "auth": {"access_token": account.token}})
            assert made.status_code == 201, made.text
            assert client.post("/v1/connections/crm/schemas/reload").is_success
        told = told_by(
            dagster,
            "dagster_workspace.py",
            *(daemon.url, "crm", daemon.key, daemon.secret),
            DAGSTER_HOME=str(tmp_path),
        )
        with daemon.client() as client:
            history = client.get("/v1/connections/crm/sync-history").json()["data"]["items"]
    assert told == {
        "groups": ["default"],
        "destination": "postgres_warehouse",
        "ends_grow": True,
        "schedule_type": "manual",
        "materialized": True,
    }
    assert [sync["status"] for sync in history] == ["COMPLETED"] * 4
    assert [sync["historical"] for sync in history] == [False, False, True, True]
