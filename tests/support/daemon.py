"""A Penstock as people run it: `penstock serve` in a process of its own, with a sandbox HubSpot behind it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from support.rig import ROOT, eventually

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.server import running_sandbox

COMMAND = (sys.executable, "-c", "import sys; from engine.cli import main; sys.exit(main())")


@dataclass(frozen=True)
class Daemon:
    """Where it answers, a key that may read and write, and what it logs."""

    url: str
    key: str
    secret: str
    log: Path

    def client(self) -> httpx.Client:
        """A client that holds the key."""
        return httpx.Client(base_url=self.url, auth=(self.key, self.secret), timeout=60)


@contextmanager
def running_daemon(database_url: str, home: Path, account: Account, **settings: str) -> Iterator[Daemon]:
    """The daemon on a database of its own; killed at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        bind = f"127.0.0.1:{free.getsockname()[1]}"
    log = home / "daemon.log"
    home.mkdir(parents=True, exist_ok=True)
    with running_sandbox(account) as hubspot, log.open("w") as output:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")},
            "PENSTOCK_HOME": str(home),
            "PENSTOCK_DATABASE_URL": database_url,
            "PENSTOCK_BIND": bind,
            "PENSTOCK_HUBSPOT_API_URL": hubspot.url,
            "PENSTOCK_HUBSPOT_APP_URL": hubspot.url,
            **settings,
        }
        daemon = subprocess.Popen([*COMMAND, "serve"], cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            eventually(lambda: _answers(f"http://{bind}/healthz"))
            made = subprocess.run(
                [*COMMAND, "keys", "create", "--json"], cwd=ROOT, env=environment, capture_output=True, check=True
            )
            key = json.loads(made.stdout)
            yield Daemon(f"http://{bind}", key["key"], key["secret"], log)
        finally:
            daemon.kill()
            daemon.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False
