"""The end of the demo: how to look for oneself."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from connectors.hubspot.demo import show
from connectors.hubspot.demo.api import HubSpot
from connectors.hubspot.demo.home import KEPT, SCHEMA, Home
from connectors.hubspot.demo.processes import PENSTOCK
from connectors.hubspot.demo.tables import DATABASE, USER

MORE_CHANGES = {"object_type": "deals", "seed": 7, "updates": 25, "archives": 5}


def of_kept(home: Home, hubspot: HubSpot, forgotten: Sequence[str]) -> None:
    """What to do with a demo that runs on. `forgotten` are settings of the user's that would be in the way."""
    show.heading("Look for yourself")
    show.line("The sandbox HubSpot, the daemon and PostgreSQL go on running.")
    if forgotten:
        show.prompt(shlex.join(["unset", *forgotten]))
    show.prompt(_psql(home, home.socket_folder))
    show.line("    \\x auto")
    for relation in ("penstock.connection_status", "penstock.sync_history", f"{SCHEMA}.merged_deal"):
        show.line(f"    TABLE {relation};")
    show.line("In its folder, penstock works on the demo:")
    show.prompt(shlex.join(["cd", str(home.folder)]))
    bin_folder = Path(str(PENSTOCK)).parent
    if str(bin_folder) not in os.get_exec_path():
        show.prompt(f"export PATH={shlex.quote(str(bin_folder))}:$PATH")
    show.prompt("penstock status")
    show.prompt(f"penstock history {SCHEMA}")
    show.line("Change more deals in HubSpot, and sync again:")
    show.prompt(shlex.join(["curl", f"{hubspot.url}/sandbox/shuffle", "-d", json.dumps(MORE_CHANGES)]))
    show.prompt(f"penstock sync {SCHEMA}")
    show.line("Stop all of it, and remove its folder:")
    show.prompt("penstock demo --stop")


def of_removed(home: Home) -> None:
    """How to get a demo that runs on."""
    kept = Path.cwd() / KEPT
    show.heading("Look for yourself")
    show.line("This demo ends here and leaves nothing behind. To have one that goes on running:")
    show.prompt("make demo KEEP=1" if "MAKELEVEL" in os.environ else "penstock demo --keep")
    show.line("Its tables are here then:")
    show.prompt(_psql(home, kept / "postgres"))


def _psql(home: Home, socket_folder: Path) -> str:
    """The user's own psql, or else the one that came with the embedded server."""
    psql = "psql" if shutil.which("psql") else str(home.postgres_programs / "psql")
    return shlex.join([psql, "-h", str(socket_folder), "-U", USER, DATABASE])
