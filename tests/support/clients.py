"""Public clients of Fivetran's REST API, as they are published, each in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.rig import ROOT

CLIENTS = ROOT / "tests/clients"


def python_of(name: str) -> Path:
    """The Python of an environment with the client in its locked versions; made once, and kept with the tools."""
    uv = shutil.which("uv") or ROOT / ".tools/bin/uv"
    environment = ROOT / ".tools/clients" / name
    python = environment / "bin/python"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    subprocess.run([uv, "pip", "sync", "--quiet", "--python", python, CLIENTS / f"{name}.txt"], check=True)
    return python


def told_by(python: Path, script: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """What the script tells that drives the client: the JSON of the last line that it prints."""
    ended = subprocess.run(
        [python, CLIENTS / script, *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told
