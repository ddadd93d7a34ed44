"""The wheel, installed by a stranger: built once, put into a new environment far from the repository, and used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("engine", "connectors", "destinations", "migrations")
KINDS = {".py", ".sql", ".typed", ".html", ".css", ".js", ".svg"}
SANDBOX = ("sandbox", "hubspot", "--port", "0", "--contacts", "30", "--companies", "10", "--deals", "10")


def run(*command: str | Path, cwd: Path, settings: Mapping[str, str] | None = None, code: int = 0) -> str:
    """What a command prints, or complains of, with these settings and no others; it must end with this code."""
    ended = subprocess.run(
        command, cwd=cwd, env=environment(settings or {}), capture_output=True, text=True, check=False
    )
    assert ended.returncode == code, f"{command}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stderr if code else ended.stdout


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    ours = ("PENSTOCK_", "PYTHON", "VIRTUAL_ENV")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(ours)}, **settings}


@pytest.fixture(scope="module")
def uv() -> str:
    found = shutil.which("uv") or ROOT / ".tools/bin/uv"
    assert Path(found).exists(), "uv is missing: run the tests by `make test`"
    return str(found)


@pytest.fixture(scope="module")
def wheel(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    run(uv, "build", "--quiet", "--wheel", "--out-dir", dist, ROOT, cwd=dist)
    (wheel,) = dist.glob("*.whl")
    return wheel


class Stranger:
    """An environment of its own with the wheel in it."""

    def __init__(self, uv: str, wheel: Path, folder: Path, extra: str = "") -> None:
        self.folder = folder
        self._command = folder / "venv/bin/penstock"
        run(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
        # the locked versions, as everywhere else: what the registry has newest today is no part of the test
        export = ("export", "--quiet", "--frozen", "--all-extras", "--no-dev", "--no-emit-project", "--no-hashes")
        run(uv, *export, "--project", ROOT, "--output-file", folder / "locked.txt", cwd=folder)
        install = ("pip", "install", "--quiet", "--python", folder / "venv/bin/python")
        run(uv, *install, "--constraints", folder / "locked.txt", f"penstock{extra} @ {wheel.as_uri()}", cwd=folder)

    def penstock(self, *arguments: str, settings: Mapping[str, str] | None = None, code: int = 0) -> str:
        settings = {"PENSTOCK_HOME": str(self.folder / "home"), **(settings or {})}
        return run(self._command, *arguments, cwd=self.folder, settings=settings, code=code)

    @contextmanager
    def sandbox(self) -> Iterator[dict[str, str]]:
        """A running sandbox, as the settings that lead to it."""
        process = subprocess.Popen(
            [self._command, *SANDBOX],
            cwd=self.folder,
            env=environment({}),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            url, token = process.stdout.readline().removeprefix("HubSpot sandbox at ").strip().split(" with token ")
            yield {"PENSTOCK_HUBSPOT_API_URL": url, "PENSTOCK_ACCESS_TOKEN": token}
        finally:
            process.terminate()
            process.communicate(timeout=10)

    def replicates(self, settings: Mapping[str, str]) -> None:
        """The way of a first-time user works: tables, a connection, a sync."""
        assert "is at version" in self.penstock("db", "upgrade", settings=settings)
        with self.sandbox() as reached:
            settings = {**settings, **reached}
            self.penstock("connections", "create", "--schema", "hubspot", settings=settings)
            outcome = json.loads(self.penstock("sync", "hubspot", "--json", settings=settings))
        assert outcome["outcome"] == "succeeded"
        assert outcome["rows_inserted"] > 50


@pytest.fixture(scope="module")
def stranger(uv: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    return Stranger(uv, wheel, tmp_path_factory.mktemp("stranger"))


def test_the_wheel_holds_the_packages_whole_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = (file for package in PACKAGES for file in (ROOT / package).rglob("*") if file.suffix in KINDS)
    assert inside == {file.relative_to(ROOT).as_posix() for file in sources}
    assert {"migrations/versions/0001_state.sql", *(f"{package}/py.typed" for package in PACKAGES[:3])} <= inside


def test_it_says_what_it_is_and_what_it_needs(stranger: Stranger) -> None:
    assert stranger.penstock("--version") == "penstock 0.1.0\n"
    assert "connections" in stranger.penstock("--help")
    told = stranger.penstock("status", code=2)
    assert told.startswith("penstock: PENSTOCK_DATABASE_URL: is not set, and the embedded PostgreSQL is not installed.")


def test_it_replicates_into_a_database_of_yours(stranger: Stranger, database_url: str) -> None:
    stranger.replicates({"PENSTOCK_DATABASE_URL": database_url})


def test_it_replicates_into_the_embedded_database(uv: str, wheel: Path, tmp_path: Path) -> None:
    # pytest closes its own folders to other users, also while another run of it is under way; root's PostgreSQL is one
    with tempfile.TemporaryDirectory(prefix="penstock-test-") as home:
        Stranger(uv, wheel, tmp_path, "[embedded]").replicates({"PENSTOCK_HOME": home})
