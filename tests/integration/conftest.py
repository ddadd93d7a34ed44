"""A whole engine, for tests that need one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from support.rig import Rig, install_paged_source

from engine.settings import Settings


@pytest.fixture
def paged_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The paged source, known to this process and, by the folder, to the ones it starts."""
    folder = install_paged_source(tmp_path / "plugins")
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def rig(state_url: str, paged_source: Path, tmp_path: Path) -> Iterator[Rig]:
    """An engine on a database of its own."""
    rig = Rig(Settings(home=tmp_path / "home", database_url=SecretStr(state_url)), paged_source)
    yield rig
    rig.close()


@pytest.fixture
def embedded_rig(paged_source: Path) -> Iterator[Rig]:
    """An engine on an embedded PostgreSQL of its own, which a test may stop and start."""
    # Not under tmp_path: pytest closes its folders to other users, and PostgreSQL runs as one where we are root.
    with tempfile.TemporaryDirectory(prefix="penstock-test-") as home:
        rig = Rig(Settings(home=Path(home), database_url=None), paged_source)
        yield rig
        rig.close()
