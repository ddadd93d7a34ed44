"""Airflow's hook and operators, unmodified and in an environment of their own. `make test-clients`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.daemon import Daemon, running_daemon

from connectors.hubspot.sandbox.account import Account

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parents[1] / ".tools/clients/airflow"

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def airflow() -> Path:
    """The Python of an environment with Airflow in the locked versions; made once, and kept with the tools."""
    uv = shutil.which("uv") or HERE.parents[1] / ".tools/bin/uv"
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, ENVIRONMENT], check=True)
    requirements = HERE / "airflow.txt"
    subprocess.run([uv, "pip", "sync", "--quiet", "--python", python, requirements], check=True)
    return python


def run(airflow: Path, daemon: Daemon, schema: str, home: Path) -> dict[str, object]:
    """What the script tells that drives the provider."""
    key = {"conn_type": "fivetran", "login": daemon.key, "password": daemon.secret}
    ended = subprocess.run(
        [airflow, HERE / "airflow_provider.py", daemon.url, schema],
        env={"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(home), "AIRFLOW_CONN_FIVETRAN_DEFAULT": json.dumps(key)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    told: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return told


def test_airflow_lists_syncs_waits_for_and_resyncs_a_connection(
    airflow: Path, database_url: str, tmp_path: Path
) -> None:
    account = Account()
    with running_daemon(database_url, tmp_path / "home", account) as daemon:
        with daemon.client() as client:
            # paused, as a connection that Airflow drives is when it is made: the first sync is Airflow's
            body = {"service": "hubspot", "config": {"schema": "crm"}, "paused": True}
            made = client.post("/v1/connections", json={**body, "auth": {"access_token": account.token}})
            assert made.status_code == 201, made.text
        told = run(airflow, daemon, "crm", tmp_path / "airflow")
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
    }
    assert [sync["status"] for sync in history] == ["SUCCEEDED"] * 4
    assert [sync["historical"] for sync in history] == [False, True, False, True]
