"""A real Chromium: Debian's, driven by playwright."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from support.card import Stage, staged

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

Open = Callable[..., Page]


@pytest.fixture(scope="module")  # not longer: while it lasts, no other test of this process can have an event loop
def browser() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"there is no browser: install one of {', '.join(BROWSERS)} (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def stage(state_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with staged(state_url, tmp_path / "home", monkeypatch) as stage:
        yield stage


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Opens an address in a browser of its own; what its console complains of fails the test."""
    complaints: list[str] = []
    with ExitStack() as stack:

        def open_page(address: str, **options: Any) -> Page:
            context = stack.enter_context(browser.new_context(**options))
            page = context.new_page()
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(address)
            return page

        yield open_page
    assert [said for said in complaints if "ERR_CONNECTION_REFUSED" not in said and "status of 4" not in said] == []
