"""The embedded server, shared by real processes that are started, ended and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from engine.contract import InvalidSetting
from engine.state.embedded import EmbeddedPostgres

ROOT = Path(__file__).parents[3]

USE_IT = """
import sys
import tempfile
from pathlib import Path
from engine.state.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
"""


class User:
    """A process that uses the server until it is told to end."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", USE_IT, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def wait_until_ready(self) -> User:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        return self

    def end(self) -> None:
        self.process.communicate("\n", timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def home() -> Iterator[Path]:
    """A home outside of pytest's own folder, which every pytest of the same user closes to others as it starts."""
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        home = Path(folder)
        yield home
        server = server_of(home)
        if server is not None:
            with suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)


def server_of(home: Path) -> int | None:
    file = home / "postgres" / "postmaster.pid"
    return int(file.read_text().split()[0]) if file.exists() else None


def started_at(home: Path) -> object:
    share = EmbeddedPostgres(home)
    try:
        with psycopg.connect(share.url.get_secret_value()) as connection:
            return connection.execute("SELECT pg_postmaster_start_time()").fetchone()
    finally:
        share.close()


def test_processes_share_one_server_and_the_last_one_stops_it(home: Path) -> None:
    users = [User(home) for _ in range(3)]  # at once: one of them makes it
    for user in users:
        user.wait_until_ready()
    server = server_of(home)
    for user in users[:2]:
        user.end()
        assert server_of(home) == server
    users[2].end()
    assert server_of(home) is None


def test_a_killed_user_is_no_user_any_more(home: Path) -> None:
    killed, other = User(home).wait_until_ready(), User(home).wait_until_ready()
    server = server_of(home)
    killed.kill()
    assert server_of(home) == server
    other.end()
    assert server_of(home) is None


def test_a_server_whose_only_user_was_killed_is_found_by_the_next(home: Path) -> None:
    User(home).wait_until_ready().kill()
    server = server_of(home)
    assert server is not None
    next_user = User(home).wait_until_ready()
    assert server_of(home) == server
    next_user.end()
    assert server_of(home) is None


@pytest.mark.parametrize("reused", [False, True], ids=["number free", "number given to another process"])
def test_a_killed_server_is_started_again_with_its_data(home: Path, reused: bool) -> None:
    user = User(home).wait_until_ready()
    share = EmbeddedPostgres(home)
    with psycopg.connect(share.url.get_secret_value(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    user.kill()
    server = server_of(home)
    assert server is not None
    os.kill(server, signal.SIGKILL)
    share.close()
    if reused:
        for lock in (home / "postgres" / "postmaster.pid", *(home / "postgres").glob(".s.PGSQL.*.lock")):
            lock.write_text(lock.read_text().replace(str(server), str(os.getpid()), 1))
    again = EmbeddedPostgres(home)
    with psycopg.connect(again.url.get_secret_value()) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    again.close()


def test_one_process_may_hold_several_shares(home: Path) -> None:
    outer = EmbeddedPostgres(home)
    first = started_at(home)
    assert started_at(home) == first
    outer.close()
    outer.close()
    assert server_of(home) is None


def test_a_home_with_a_long_path_works(home: Path) -> None:
    assert started_at(home / ("x" * 120))


def test_a_home_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(InvalidSetting, match=r"^PENSTOCK_HOME: .*home cannot be used \(File exists\)\.$"):
        EmbeddedPostgres(tmp_path / "home")
