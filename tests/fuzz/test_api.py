"""The REST interface under made-up requests: no crash, and nothing that /openapi.json does not tell.

`make fuzz-api` does the same with more of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.daemon import Daemon, running_daemon

from connectors.hubspot.sandbox.account import Account

CONFIG = Path(__file__).with_name("schemathesis.toml")

EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "3")
"""Made-up requests for each call, beside those that cover its schema."""


def furnish(daemon: Daemon, account: Account) -> dict[str, str]:
    """Make a connection that has been synced, a group with a destination, and a webhook; gives their ids."""
    with daemon.client() as client:

        def post(path: str, **body: object) -> str:
            answer = client.post(path, json=body)
            assert answer.is_success, answer.text
            return str(answer.json()["data"]["id"])

        post("/v1/connections", service="hubspot", config={"schema": "crm"}, auth={"access_token": account.token})
        assert client.post("/v1/connections/crm/schemas/reload").is_success
        group = post("/v1/groups", name="other")
        config = {"host": "127.0.0.1", "port": 9, "database": "d", "user": "u", "password": "p"}
        post(
            "/v1/destinations",
            group_id=group,
            service="postgres_warehouse",
            time_zone_offset="0",
            config=config,
            run_setup_tests=False,
        )
        webhook = post("/v1/webhooks/account", url="https://127.0.0.1/", events=["sync_end"], active=False)
    return {"FUZZ_GROUP": group, "FUZZ_WEBHOOK": webhook}


@pytest.mark.timeout(7200)
def test_made_up_requests_get_documented_answers(database_url: str, tmp_path: Path) -> None:
    account = Account(contacts=20, companies=5, deals=5)
    with running_daemon(database_url, tmp_path / "home", account) as daemon:
        ids = furnish(daemon, account)
        fuzzed = subprocess.run(
            [
                *(Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG, "run"),
                *(f"{daemon.url}/openapi.json", "--auth", f"{daemon.key}:{daemon.secret}"),
                *("--max-examples", EXAMPLES, "--no-color"),
            ],
            cwd=tmp_path,
            env={**os.environ, **ids},
            capture_output=True,
            text=True,
            check=False,
        )
        log = daemon.log.read_text()
    print(fuzzed.stdout[-2000:])
    assert fuzzed.returncode == 0, fuzzed.stdout + fuzzed.stderr
    assert "Traceback" not in log
