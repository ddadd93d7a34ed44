"""The `penstock` processes of a demo, all of which work in its folder and none of which outlives it by accident."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import IO

import urllib3

PENSTOCK = shutil.which("penstock", path=os.pathsep.join([sysconfig.get_path("scripts"), *os.get_exec_path()]))
"""The command as it is installed beside this interpreter."""

START_SECONDS = 120
"""A PostgreSQL that is made for the first time takes seconds, on a busy machine many."""

STOP_SECONDS = 30
"""The daemon promises to end within ten."""


class Processes:
    """What runs in a folder. A file there has their numbers, so that they can be stopped by another process as well."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = folder / "processes.json"

    @property
    def are_known(self) -> bool:
        """Whether anything was ever started in the folder."""
        return self._numbers.is_file()

    def launch(self, arguments: Sequence[str], output: IO[str] | None = None) -> subprocess.Popen[bytes]:
        """Start a command that does not hear what the terminal tells this process."""
        with uninterrupted():
            process = subprocess.Popen(  # noqa: S603 - our own command
                [str(PENSTOCK), *arguments],
                cwd=self._folder,
                env={**os.environ, "PENSTOCK_HOME": str(self._folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            self._numbers.write_text(json.dumps([*self._known(), process.pid]))
        return process

    def start(self, arguments: Sequence[str], url: str) -> bool:
        """Start a command that stays, and wait; whether it came to answer at `url`.

        An interruption waits until then: a PostgreSQL in the making would be left behind.
        """
        with uninterrupted():
            with self._log(arguments[0]).open("w") as log:
                process = self.launch(arguments, log)
            deadline = time.monotonic() + START_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                if _answers(url):
                    return True
                time.sleep(0.1)
        return False

    def last_words(self, command: str) -> str:
        """The last line that a started command said, which tells why it ended."""
        lines = self._log(command).read_text().strip().splitlines()
        return lines[-1].removeprefix("penstock: ") if lines else "It said nothing."

    def stop(self) -> None:
        """Stop all of them, the last one first."""
        import psutil  # type: ignore[import-untyped] # noqa: PLC0415 - comes with the embedded PostgreSQL

        for number in reversed(self._known()):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process = psutil.Process(number)
                if Path(process.cwd()) != self._folder:
                    continue  # it ended, and its number is somebody else's by now
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _known(self) -> list[int]:
        return list(json.loads(self._numbers.read_text())) if self.are_known else []

    def _log(self, command: str) -> Path:
        return self._folder / f"{command}.log"


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let interruptions wait until the block is left."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in interruptions()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def interruptions() -> list[signal.Signals]:
    """The signals that ask a process to end; under nohup, SIGHUP does not."""
    asking = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in asking if signal.getsignal(number) is not signal.SIG_IGN]


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=2).status == HTTPStatus.OK
    except urllib3.exceptions.HTTPError:
        return False
