"""A whole engine for a test: a state database that is the destination too, and connections to the paged source."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from engine.connections.body import ConnectionBody
from engine.connections.service import Connections
from engine.settings import Settings
from engine.state.database import Database, open_database
from engine.state.secrets import Vault
from engine.sync.progress import Progress, SyncOutcome
from engine.sync.run import run_sync

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent

ENTRY_POINT = "[penstock.sources]\npaged = support.paged:plugin\n"


def install_paged_source(folder: Path) -> Path:
    """A folder that, once on the path, makes the paged source known by its entry point."""
    package = folder / "paged-0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: paged\nVersion: 0\n")
    (package / "entry_points.txt").write_text(ENTRY_POINT)
    return folder


class Rig:
    """One state database, with commands that use it."""

    def __init__(self, settings: Settings, plugins: Path) -> None:
        self.settings = settings
        self.database: Database = open_database(settings)
        self.vault = Vault(settings)
        self.connections = Connections(self.database, self.vault)
        self._plugins = plugins

    def connect(self, name: str = "test", *, paused: bool = False, manual: bool = False, **config: Any) -> str:
        """A new connection to the paged source, set up and tested; gives its id."""
        body = ConnectionBody.model_validate(
            {
                "service": "paged",
                "config": {"schema": name, **config},
                "auth": {"token": "planted-secret"},
                "paused": paused,
                "schedule_type": "manual" if manual else "auto",
            }
        )
        return self.connections.create(body).id

    def configure(self, name: str = "test", **config: Any) -> None:
        """Change a connection's config behind the engine's back."""
        self.execute(
            "UPDATE penstock.connections SET config = config || %s WHERE schema = %s", json.dumps(config), name
        )

    def sync(
        self,
        name: str = "test",
        trigger: str = "manual",
        *,
        stop: threading.Event | None = None,
        watch: Callable[[Progress], None] | None = None,
    ) -> SyncOutcome:
        """Sync in this process."""
        connection = self.connections.get(name)
        return run_sync(
            self.database, self.vault, connection.id, trigger, stop=stop or threading.Event(), on_progress=watch
        )

    def execute(self, query: str, *parameters: Any) -> None:
        with self.person() as person:
            person.execute(query, parameters)

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.person() as person:
            return person.execute(query, parameters).fetchall()

    def one(self, query: str, *parameters: Any) -> dict[str, Any]:
        (row,) = self.rows(query, *parameters)
        return row

    def syncs(self, name: str = "test") -> list[dict[str, Any]]:
        """The connection's syncs, the oldest first."""
        return self.rows(
            "SELECT s.* FROM penstock.syncs s JOIN penstock.connections c ON c.id = s.connection_id"
            " WHERE c.schema = %s ORDER BY s.id",
            name,
        )

    def loaded(self, table: str = "a", name: str = "test") -> list[int]:
        """The numbers of the records in a destination table."""
        query = sql.SQL("SELECT id FROM {} ORDER BY id").format(sql.Identifier(name, table))
        with self.person() as person:
            if person.execute("SELECT to_regclass(%s) AS t", [f'"{name}"."{table}"']).fetchone() == {"t": None}:
                return []
            return [row["id"] for row in person.execute(query)]

    @contextmanager
    def person(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """Somebody with psql."""
        url, path = self.database.url.get_secret_value(), "-c search_path=penstock,public"
        with psycopg.connect(url, autocommit=True, row_factory=dict_row, options=path) as person:
            yield person

    @contextmanager
    def command(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """A running `penstock` command; killed at the end if it still runs."""
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; from engine.cli import main; sys.exit(main())", *arguments],
            env={**self.environment(), **environment},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def environment(self) -> dict[str, str]:
        """The environment of a command on this rig."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
        url = self.settings.database_url
        return {
            **inherited,
            "PENSTOCK_HOME": str(self.settings.home),
            "PENSTOCK_SCHEDULE_OFFSET": "false",
            "PENSTOCK_LOG_FORMAT": "json",
            "PYTHONPATH": os.pathsep.join([str(self._plugins), str(TESTS), str(ROOT)]),
            **({"PENSTOCK_DATABASE_URL": url.get_secret_value()} if url else {}),
        }

    def close(self) -> None:
        self.database.dispose()


def eventually(check: Callable[[], Any], *, within: float = 60.0) -> Any:
    """What `check` gives as soon as it gives something; an error if it never does."""
    give_up_at = time.monotonic() + within
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.05)


def log_events(stderr: str) -> list[Mapping[str, Any]]:
    """The log lines of a command that logs JSON."""
    return [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
