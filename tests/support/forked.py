"""`penstock` commands in processes of their own, forked from one that has imported everything.

A command started that way is the real one, but is there in a moment: fifty of them do not take minutes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import MappingProxyType
from typing import Any

_IMPORTS = (
    "connectors.hubspot.source",
    "destinations.postgres",
    "engine.cli.progress",
    "engine.cli.run",
    "engine.cli.workspace",
    "engine.daemon",
    "engine.queue.follow",
)
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([*_IMPORTS])


class Command:
    """A running command.

    Everything it says goes into the file `said`. `constants` are given other values than the code gives them, by their
    full names.
    """

    def __init__(
        self,
        arguments: list[str],
        environment: Mapping[str, str],
        said: Path,
        constants: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._said = said
        parts = (arguments, dict(environment), said, dict(constants))
        self._process: ForkServerProcess = _SERVER.Process(target=_run, args=parts)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process number."""
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> None:
        """End it here and now."""
        self._process.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def said(self) -> str:
        """All that was said so far."""
        return self._said.read_text() if self._said.exists() else ""

    def wait(self, seconds: float) -> tuple[int, str]:
        """Wait until it has ended; gives the exit code (-9 for one that was killed) and all that was said."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, f"it hangs; so far it said: {self.said()}"
        return self._process.exitcode, self.said()


def _run(arguments: list[str], environment: Mapping[str, str], said: Path, constants: Mapping[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    for name, value in constants.items():
        module, _, constant = name.rpartition(".")
        setattr(import_module(module), constant, value)
    sys.argv[1:] = arguments
    from engine.cli import main  # noqa: PLC0415 - as the command does it

    sys.exit(main())
