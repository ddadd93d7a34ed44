from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from structlog.typing import EventDict
from support.card import Stage, staged


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    """What is logged."""
    capture = structlog.testing.LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture.entries
    structlog.reset_defaults()


@pytest.fixture
def stage(state_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with staged(state_url, tmp_path / "home", monkeypatch) as stage:
        yield stage


@pytest.fixture
def browser(stage: Stage) -> Iterator[httpx.Client]:
    """Somebody without a key, who keeps cookies."""
    with httpx.Client(base_url=stage.url, timeout=30, follow_redirects=True) as client:
        yield client
