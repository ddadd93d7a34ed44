"""One account, one quota: whatever calls it, in whichever process, on whichever machine.

Machines share nothing but the state database, and neither do processes: what holds between two processes holds between
two machines.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.forked import Command
from support.mirror import Mirror, MirrorMaker, made_account
from support.sandbox_http import Caller

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault

LIMIT, SEARCH_LIMIT = 120, 5
WINDOW = 10.0

UNDER_WAY = 15
"""Calls of a process that were under way when the reserve was reached: one for each thread at the most."""

LATE = 0.1
"""Seconds by which a busy machine may take the time of a request late."""

EXEMPT = ("/crm/associations/", "/search")
"""What the ten-secondly limit does not count."""


def noted(account: Account) -> list[tuple[float, str]]:
    """A list to which every request from now on is added, with its time."""
    asked: list[tuple[float, str]] = []
    real = account.faults.next

    def note(method: str, path: str) -> Fault | None:
        asked.append((time.monotonic(), path))
        return real(method, path)

    account.faults.next = note  # type: ignore[method-assign]
    return asked


def fullest(times: Sequence[float], seconds: float) -> int:
    """The most requests in any window of so many seconds."""
    return max(sum(first <= each < first + seconds for each in times) for first in times)


def synced_at_once(mirrors: Sequence[Mirror], logs: Path) -> list[tuple[int, str]]:
    """Sync each in a process of its own, all at the same time; their exit codes and what they said."""
    commands = [
        Command(
            ["sync", made.schema],
            {**made.rig.environment(), "PENSTOCK_HUBSPOT_API_URL": made.url},
            logs / f"{made.schema}.log",
        )
        for made in mirrors
    ]
    return [command.wait(120) for command in commands]


@pytest.mark.parametrize("apps", ["one app", "an app each"])
def test_two_processes_stay_within_the_limits_of_one_account(mirror: MirrorMaker, tmp_path: Path, apps: str) -> None:
    account = made_account(contacts=3500, companies=150, deals=250, properties=10)
    account.add_token("another app's")
    tokens = [account.token, account.token if apps == "one app" else "another app's"]
    mirrors = [mirror(account, auth={"access_token": token}) for token in tokens]
    account.configure(limit=LIMIT, search_limit=SEARCH_LIMIT)
    asked = noted(account)
    ended = synced_at_once(mirrors, tmp_path)
    assert [code for code, _ in ended] == [0, 0], ended
    assert account.limits.refused == 0
    general = [at for at, path in asked if not any(part in path for part in EXEMPT)]
    assert len(general) > LIMIT
    assert fullest(general, WINDOW - LATE) <= LIMIT
    assert len(general) / (general[-1] - general[0]) > 0.6 * LIMIT / WINDOW, "the limit is used, too"
    searches = [at for at, path in asked if path.endswith("/search")]
    assert fullest(searches, 1.0 - LATE) <= SEARCH_LIMIT
    for made in mirrors:
        made.assert_same()


def test_two_processes_leave_one_reserve_of_the_day(mirror: MirrorMaker, tmp_path: Path) -> None:
    account = made_account(contacts=6000, companies=150, deals=250, properties=10)
    mirrors = [mirror(account), mirror(account)]
    account.configure(daily_limit=1000)
    others = Caller(mirrors[0].url, account.token)
    while account.limits.calls_today < 850:
        others.get("/account-info/2026-03/details")
    others.close()
    ended = synced_at_once(mirrors, tmp_path)
    assert [code for code, _ in ended] == [1, 1], ended
    assert [made.last_sync()["outcome"] for made in mirrors] == ["rescheduled", "rescheduled"]
    assert account.limits.refused == 0
    assert 949 <= account.limits.calls_today <= 950 + 2 * UNDER_WAY
