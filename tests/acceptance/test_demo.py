"""`penstock demo` as a person runs it: the real command, at its real size where that matters."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pytest

PENSTOCK = Path(sys.executable).with_name("penstock")
SMALL = ("--contacts=100", "--companies=20", "--deals=40")


def _as_typed() -> dict[str, str]:
    """The environment of somebody who types the command, though `make test` may have started these tests."""
    return {name: value for name, value in os.environ.items() if name != "MAKELEVEL"}


@dataclass
class Place:
    """A folder to run the demo in, which is also its place for temporary files."""

    folder: Path
    environment: dict[str, str] = field(default_factory=_as_typed)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PENSTOCK, "demo", *arguments],
            cwd=self.folder,
            env={**self.environment, "TMPDIR": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> Ended:
        with self.start(*arguments) as demo:
            output, errors = demo.communicate()
        return Ended(demo.returncode, output, errors)

    def left(self) -> list[str]:
        """Files and processes that are still there."""
        files = [str(path.relative_to(self.folder)) for path in self.folder.iterdir()]
        return files + [f"{process.pid} {process.name()}" for process in self.processes()]

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.cwd().startswith(f"{self.folder}/"):
                    found.append(process)
            except psutil.Error:
                continue  # ended, or somebody else's
        return found


@dataclass(frozen=True)
class Ended:
    code: int
    output: str
    errors: str


@pytest.fixture
def place() -> Iterator[Place]:
    # pytest's own folders have paths that are too long for a socket
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        place = Place(Path(folder).resolve())
        yield place
        for process in place.processes():
            process.kill()


def test_it_tells_what_happened_and_leaves_nothing_but_the_users_settings(place: Place) -> None:
    place.environment |= {"PENSTOCK_HOME": str(place.folder / "home"), "PENSTOCK_BIND": "nonsense"}
    place.environment |= {"PENSTOCK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "PGPORT": "1"}
    (place.folder / ".env").write_text("PENSTOCK_WORKERS=nonsense\nPENSTOCK_SECRET_KEY=nonsense\n")

    ended = place.run(*SMALL)

    assert (ended.code, ended.errors) == (0, "")
    assert "100 contacts, 20 companies, 40 deals" in ended.output
    assert "PASSED  Reading contacts" in ended.output
    assert len(re.findall(r"Sync \d of 'hubspot' succeeded", ended.output)) == 2
    assert "$ penstock demo --keep" in ended.output
    assert f"-h {place.folder}/.penstock/demo/postgres " in ended.output
    assert "\x1b" not in ended.output  # no colours, as there is no terminal
    assert place.left() == [".env"]


def test_what_it_prints_is_true_and_its_last_words_work_as_they_stand(place: Place) -> None:
    place.environment["PENSTOCK_HOME"] = str(place.folder / "home")

    ended = place.run("--keep")

    assert (ended.code, ended.errors) == (0, "")
    _assert_tables_are_as_told(ended.output, f"{place.folder}/.penstock/demo/postgres")
    ran = _run_as_it_stands(ended.output.rpartition("Look for yourself")[2], place)
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"1 +historical +manual +succeeded", ran.stdout)
    assert "Sync 3 of 'hubspot' succeeded" in ran.stdout
    assert "is stopped and removed" in ran.stdout
    assert place.left() == []


def _assert_tables_are_as_told(output: str, socket_folder: str) -> None:
    with psycopg.connect(host=socket_folder, user="postgres", dbname="postgres") as database:
        told = re.findall(r"^hubspot\.(\w+) +([\d,]+) +([\d,]*)", output, re.MULTILINE)
        for table, rows, deleted in told:
            gone = "count(*) FILTER (WHERE _fivetran_deleted)" if deleted else "0"
            found = database.execute(f"SELECT count(*), {gone} FROM hubspot.{table}").fetchone()
            assert found == (_number(rows), _number(deleted or "0")), table
        streams = database.execute(
            "SELECT stream, records_read, rows_inserted, rows_updated, rows_deleted "
            "FROM penstock.sync_streams WHERE sync_id = 2"
        ).fetchall()
        merged = database.execute("SELECT deal_id, merged_deal_id FROM hubspot.merged_deal ORDER BY 2").fetchall()
        gone_deals = dict(database.execute("SELECT deal_id, _fivetran_deleted FROM hubspot.deal").fetchall())
    assert len(told) == 15
    assert len(streams) == 6
    for name, *numbers in streams:
        assert re.search(" +".join([name, *(f"{number:,}" for number in numbers)]), output)
    [(winner, one), (same, other)] = merged
    assert winner == same
    assert (gone_deals[winner], gone_deals[one], gone_deals[other]) == (False, True, True)
    assert f"{one}, {other}" in output
    assert re.search(r"contact .* subscriber +customer *\n", output)
    assert re.search(r"contact .* live +deleted *\n", output)


def _run_as_it_stands(words: str, place: Place) -> subprocess.CompletedProcess[str]:
    """Run every command; those who get indented lines after them, with these."""
    commands = re.findall(r"^\$ (.*)\n((?: {4}.*\n)*)", words, re.MULTILINE)
    script = "\n".join(f"{command} <<'END'\n{given}END" if given else command for command, given in commands)
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=place.folder,
        env=place.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def test_a_second_kept_demo_is_refused(place: Place) -> None:
    (place.folder / ".penstock/demo").mkdir(parents=True)

    ended = place.run("--keep")

    assert ended.code == 2
    assert "penstock demo --stop" in ended.errors
    assert place.left() == [".penstock"]


def test_there_may_be_nothing_to_stop(place: Place) -> None:
    ended = place.run("--stop")

    assert (ended.code, ended.output) == (2, "")
    assert "There is no demo" in ended.errors


@pytest.mark.parametrize(
    ("moment", "number", "arguments"),
    [
        ("folder ", signal.SIGINT, []),
        ("HubSpot ", signal.SIGTERM, []),
        ("Penstock   ", signal.SIGINT, ["--keep"]),
        ("$ penstock sync", signal.SIGTERM, ["--keep"]),
        ("4. Incremental", signal.SIGINT, []),
        ("6. ", signal.SIGTERM, []),
    ],
)
def test_an_interruption_at_any_moment_leaves_nothing(
    place: Place, moment: str, number: signal.Signals, arguments: list[str]
) -> None:
    with place.start(*SMALL, *arguments) as demo:
        assert demo.stdout
        assert any(line.startswith(moment) for line in demo.stdout)
        demo.send_signal(number)
        _, errors = demo.communicate()

    assert demo.returncode == 130
    assert errors.strip() == "Interrupted. What the demo started is stopped, and its folder is removed."
    assert place.left() == []


def test_a_command_that_fails_ends_it_with_its_exit_code(place: Place) -> None:
    with place.start(*SMALL) as demo:
        assert demo.stdout
        assert any(line.startswith("1. ") for line in demo.stdout)
        for token in place.folder.glob("*/hubspot.token"):
            token.unlink()
        _, errors = demo.communicate()

    assert demo.returncode == 2
    assert "hubspot.token cannot be read" in errors
    assert "The demo ends here, because `penstock connections create" in errors
    assert place.left() == []


def test_a_daemon_that_dies_leaves_no_database_behind(place: Place) -> None:
    with place.start(*SMALL) as demo:
        assert demo.stdout
        assert any(line.startswith("5. ") for line in demo.stdout)
        [daemon] = [process for process in place.processes() if "serve" in process.cmdline()]
        daemon.kill()
        demo.communicate()

    assert place.left() == []
