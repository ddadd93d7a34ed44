from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import structlog
from support import picky

from engine import settings
from engine.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def penstock(
    state_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """The command, on a state database of its own; the picky source is known."""
    for name in [name for name in os.environ if name.startswith("PENSTOCK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", state_url)
    monkeypatch.setenv("PENSTOCK_ACCESS_TOKEN", "good")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(picky.install(tmp_path / "plugins")))

    def run(*arguments: str) -> Ended:
        settings.settings.cache_clear()
        capsys.readouterr()
        code = main(arguments)
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield run
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    settings.settings.cache_clear()


@pytest.fixture
def stored(state_url: str) -> Callable[[], list[tuple[object, ...]]]:
    """All that is stored about connections."""

    def read() -> list[tuple[object, ...]]:
        with psycopg.connect(state_url) as person:
            tables = ("connections", "setup_tests", "events")
            return [row for table in tables for row in person.execute(f"SELECT * FROM penstock.{table}")]

    return read
