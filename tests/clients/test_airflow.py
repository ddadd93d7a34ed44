"""Airflow's hook and operators, unmodified and in an environment of their own. `make test-clients`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.clients import python_of, told_by
from support.daemon import running_daemon

from connectors.hubspot.sandbox.account import Account

pytestmark = pytest.mark.clients


def test_airflow_lists_syncs_waits_for_and_resyncs_a_connection(database_url: str, tmp_path: Path) -> None:
    airflow = python_of("airflow")
    account = Account()
    with running_daemon(database_url, tmp_path / "home", account) as daemon:
        with daemon.client() as client:
            # paused, as a connection that Airflow drives is when it is made: the first sync is Airflow's
            body = {"service": "hubspot", "config": {"schema": "crm"}, "paused": True}
            made = client.post("/v1/connections", json={**body, "auth": {"access_token": account.token}})
            assert made.status_code == 201, made.text
        key = {"conn_type": "fivetran", "login": daemon.key, "password": daemon.secret}
        told = told_by(
            airflow,
            "airflow_provider.py",
            daemon.url,
            "crm",
            AIRFLOW_HOME=str(tmp_path / "airflow"),
            AIRFLOW_CONN_FIVETRAN_DEFAULT=json.dumps(key),
        )
        with daemon.client() as client:
            history = client.get("/v1/connections/crm/sync-history").json()["data"]["items"]
    assert told == {
        "reached": True,
        "groups": ["default"],
        "listed": ["crm"],
        "destination": "postgres_warehouse",
        "before": True,
        "synced": True,
        "after": False,
        "schedule_type": "manual",
        "tables": True,
        "synced_deferred": True,
        "resynced": True,
        "tables_resynced": True,
        "lineage": {"tables": True, "columns": True},
    }
    assert [sync["status"] for sync in history] == ["COMPLETED"] * 4
    assert [sync["historical"] for sync in history] == [False, True, False, True]
