"""Whatever is killed and whenever: after the next sync that succeeds, source and destination are equal, row by row.

The real command runs as a process of its own. It is killed when the sandbox HubSpot has got a random number of its
requests, and a random moment later; so kills fall on reads, on commits, and on what is between them.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from support.announced import History
from support.forked import Command
from support.mirror import LONG_AFTER, Mirror, made_account, mirrored
from support.rig import Rig
from support.server import Server

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault
from engine.settings import Settings

SEED = os.environ.get("CRASH_SEED") or str(random.SystemRandom().randrange(10**6))
"""Shown when a test fails; CRASH_SEED repeats its decisions (its timing, nothing can)."""

KILLS, ROUNDS = 30, 4


SMALL_STEPS = {
    "engine.sync.reader.AT_LEAST_EVERY": 0.0,
    "connectors.hubspot.crm.GROUP": 200,
    "connectors.hubspot.listing.WORTH_CUTTING": 300,
    "connectors.hubspot.quota.SEARCHES_PER_SECOND": 1000,
}
"""So that a small account is read in several parts, and each of its pages is a commit to be killed in."""


class Countdown:
    """Does something once the account has got so many requests more, and `delay` seconds later."""

    def __init__(self, account: Account) -> None:
        self._real = account.faults.next
        self._left = 0
        self._timer = threading.Timer(0, lambda: None)
        account.faults.next = self._next  # type: ignore[method-assign]

    def set(self, requests: int, delay: float, action: Callable[[], Any]) -> None:
        self._timer = threading.Timer(delay, action)
        self._left = requests

    def stop(self) -> None:
        """Nothing happens any more; what is happening comes to its end."""
        self._left = 0
        if self._timer.ident is not None:
            self._timer.join()

    def _next(self, method: str, path: str) -> Fault | None:
        self._left -= 1
        if self._left == 0:
            self._timer.start()
        return self._real(method, path)


class Crashing:
    """A mirror whose syncs are processes, in which something happens at random moments."""

    def __init__(self, mirror: Mirror, rng: random.Random) -> None:
        self.mirror = mirror
        self.rng = rng
        self.history = History(mirror.account, rng)
        self._countdown = Countdown(mirror.account)

    def command(self, *options: str) -> Command:
        """A sync that is starting."""
        rig = self.mirror.rig
        environment = {**rig.environment(), "PENSTOCK_HUBSPOT_API_URL": self.mirror.url}
        return Command(
            ["sync", self.mirror.schema], environment, rig.settings.home / f"{uuid.uuid4()}.log", SMALL_STEPS
        )

    def sync(self, *options: str, within: int = 0, act: Callable[[Command], Any] = lambda _: None) -> tuple[int, str]:
        """Sync, and act after one of the first `within` requests; gives the exit code, and all that was said."""
        command = self.command(*options)
        if within:
            delay = self.rng.random() ** 2 * 0.3
            self._countdown.set(self.rng.randint(1, within), delay, lambda: act(command))
        code, said = command.wait(90)
        self._countdown.stop()
        assert "Traceback" not in said, said
        return code, said

    def killed(self, *options: str, within: int) -> bool:
        """Sync, and kill it at a random moment; whether it was not done by then."""
        code, said = self.sync(*options, within=within, act=Command.kill)
        assert code in {0, -signal.SIGKILL}, said
        return code != 0

    def go_on(self) -> None:
        """Let time pass and things happen, more than fit on one page of a search."""
        account = self.mirror.account
        account.advance(LONG_AFTER)
        for _ in range(10):
            account.touch("contacts", self.rng.sample(account.ids("contacts"), 50))
            self.history.go_on(2)

    def synced(self) -> None:
        """Sync to the end, then compare."""
        code, said = self.sync()
        assert code == 0, said
        self.mirror.assert_same()


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    print(f"CRASH_SEED={SEED}")
    return random.Random(f"{SEED}/{request.node.name}")


def account(**options: Any) -> Account:
    sizes = {"contacts": 2600, "companies": 150, "deals": 250}
    return made_account(**{**sizes, "properties": 12, "association_page": 20, "latency": 0.015, **options})


@contextmanager
def crashing(rig: Rig, account: Account, rng: random.Random) -> Iterator[Crashing]:
    with mirrored(rig, account) as mirror:
        yield Crashing(mirror, rng)


@pytest.fixture
def rig(database_url: str, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(Settings(home=tmp_path / "home", database_url=SecretStr(database_url)), tmp_path)
    yield rig
    rig.close()


@pytest.mark.timeout(600)
def test_killed_during_historical_syncs(rig: Rig, rng: random.Random) -> None:
    kills = 0
    while kills < KILLS:
        with crashing(rig, account(seed=rng.randrange(10**6)), rng) as it:
            while kills < KILLS and it.killed(within=60):
                kills += 1
                it.history.go_on(3)
            it.synced()


@pytest.mark.timeout(600)
def test_killed_during_incremental_syncs(rig: Rig, rng: random.Random) -> None:
    with crashing(rig, account(), rng) as it:
        it.synced()
        kills = 0
        while kills < KILLS:
            it.go_on()
            options = ["--force-historical"] if rng.random() < 0.1 else []
            kills += it.killed(*options, within=40)
            if rng.random() < 0.3:
                it.synced()
        it.synced()


@pytest.mark.timeout(600)
def test_postgresql_restarts_under_syncs(rng: random.Random) -> None:
    with tempfile.TemporaryDirectory(prefix="penstock-test-") as home:
        rig = Rig(Settings(home=Path(home), database_url=None), Path(home))
        server = Server(Path(home))

        def restart(_: object) -> None:
            server.restart(mode=rng.choice(("immediate", "immediate", "fast")))

        try:
            for _ in range(ROUNDS):
                with crashing(rig, account(seed=rng.randrange(10**6)), rng) as it:
                    for within in (60, 40, 40):
                        it.sync(within=within, act=restart)
                        it.synced()
                        it.go_on()
        finally:
            rig.close()


def test_syncs_started_at_once_never_load_both(rig: Rig, rng: random.Random) -> None:
    with crashing(rig, account(contacts=1200), rng) as it:
        for _ in range(3):
            ended = [command.wait(90) for command in [it.command() for _ in range(3)]]
            # One loads, and the others follow it; who comes in the very same moment is told that it runs.
            assert all(code == 0 or (code == 2 and "is running already" in said) for code, said in ended), ended
            assert any(code == 0 for code, _ in ended)
            it.mirror.assert_same()
            it.go_on()
        syncs = rig.syncs(it.mirror.schema)
        assert all(one["finished_at"] <= other["started_at"] for one, other in pairwise(syncs))
        assert {sync["outcome"] for sync in syncs} == {"succeeded"}
