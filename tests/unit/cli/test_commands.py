from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from typer.main import get_command

from engine.cli import main
from engine.cli.app import app
from engine.contract import Cancelled, InvalidSetting


def commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*path, name))


def test_help_loads_none_of_the_rooms() -> None:
    script = (
        "import sys; from engine.cli import main; code = main(['--help'])\n"
        "heavy = ('sqlalchemy', 'pydantic_settings', 'psycopg', 'structlog', 'hubspot', 'rich', 'uvicorn', 'connectors')\n"
        "print([name for name in heavy if name in sys.modules], code)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[] 0"


@pytest.mark.parametrize("module", ["engine.cli.app", "typer", "engine.cli.workspace", "sqlalchemy", "psycopg"])
def test_an_interruption_while_it_loads_is_quiet(module: str) -> None:
    script = (
        "import sys\n"
        "class Interruption:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interruption())\n"
        "from engine.cli import main\n"
        "sys.exit(main(['status']))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_what_only_reads_loads_nothing_that_moves_data() -> None:
    script = (
        "import sys, engine.cli.workspace, engine.connections.reports\n"
        "heavy = ('procrastinate', 'alembic', 'apscheduler', 'uvicorn', 'fastapi', 'hubspot', 'urllib3', 'connectors')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_every_command_and_option_says_what_it_is_for() -> None:
    for path, command in commands(get_command(app)):
        assert getattr(command, "help", None), path
        for parameter in getattr(command, "params", []):
            assert getattr(parameter, "help", None), (*path, parameter.name)


def test_there_are_the_documented_commands() -> None:
    known = {" ".join(path) for path, _ in commands(get_command(app))}
    assert known >= {
        *("demo", "serve", "worker", "sync", "status", "history", "settings", "sandbox", "db upgrade"),
        *(f"connections {name}" for name in ("create", "list", "show", "test", "update", "pause", "resume", "delete")),
    }


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "penstock 0.1.0\n"


@pytest.mark.parametrize("arguments", [["connektions"], ["connections", "show"], ["history", "x", "--limit", "0"]])
def test_a_mistyped_command_line_is_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(arguments) == 2
    assert "Error" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (KeyboardInterrupt(), 130),
        (Cancelled("stop"), 130),
        (InvalidSetting("a", "b"), 2),
        (typer.Exit(1), 1),
        (typer.Abort(), 1),
    ],
)
def test_how_a_command_ends_is_the_exit_code(monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int) -> None:
    end_with(raised, monkeypatch)
    assert main(["settings"]) == code


def test_what_the_user_can_mend_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    end_with(InvalidSetting("sync_frequency", "must be less."), monkeypatch)
    main(["settings"])
    assert capsys.readouterr().err == "penstock: sync_frequency: must be less.\n"


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    end_with(ZeroDivisionError(), monkeypatch)
    with pytest.raises(ZeroDivisionError):
        main(["settings"])


def end_with(raised: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `penstock settings` end so."""

    def end(_models: object) -> None:
        raise raised

    monkeypatch.setattr("engine.settings.listing", end)
