"""Stopping and starting an embedded PostgreSQL behind the engine's back, as a person or the kernel does."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Server:
    """The server of a home folder, which is running."""

    def __init__(self, home: Path) -> None:
        self._data = home / "postgres"
        lines = (self._data / "postmaster.pid").read_text().splitlines()
        self._socket_folder = lines[4]
        self._pg_ctl = Path((self._data / "postmaster.opts").read_text().split()[0]).with_name("pg_ctl")

    def restart(self, mode: str = "fast") -> None:
        self._control("-m", mode, "restart")

    def stop(self) -> None:
        self._control("-m", "fast", "stop")

    def start(self) -> None:
        self._control("-o", f'-h "" -k {self._socket_folder}', "start")

    def _control(self, *arguments: str) -> None:
        # not as root, as which PostgreSQL does not run
        subprocess.run(
            [self._pg_ctl, "-w", "-s", "-D", self._data, "-l", self._data / "log", *arguments],
            check=True,
            user=self._data.stat().st_uid,
            stdin=subprocess.DEVNULL,
        )
