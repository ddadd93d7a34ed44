"""HubSpot keeps what every source promises, and costs what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from support.mirror import LONG_AFTER, MirrorMaker, made_account

from connectors.hubspot import plugin
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.costs import EVERY_SYNC, costs
from connectors.hubspot.objects import OBJECT_TYPES
from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.server import running_sandbox
from connectors.hubspot.sweeps import Size, Sweep, interval
from engine.contract import Source
from engine.contract.testing import SourceContract


class FreeHost:
    """A host that has all the time in the world."""

    def __init__(self, auth: Mapping[str, Any]) -> None:
        self._auth = auth

    def acquire(self, account: str, policy: str, *, limit: int, seconds: float) -> None:
        pass

    def hold(self, account: str, policy: str, *, seconds: float) -> None:
        pass

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        pass

    def called(self) -> None:
        pass

    def credentials(self) -> Mapping[str, Any]:
        return self._auth

    def keep_credentials(self, auth: Mapping[str, Any]) -> None:
        self._auth = auth

    def proxy(self) -> None:
        return None


class TestHubSpot(SourceContract):
    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
        account = Account(contacts=230, companies=30, deals=40, properties=20)
        account.archive("contacts", account.ids("contacts")[5])
        account.merge("contacts", *account.ids("contacts")[7:9])
        account.merge("deals", *account.ids("deals")[7:9])
        with running_sandbox(account) as sandbox:
            monkeypatch.setenv("PENSTOCK_HUBSPOT_API_URL", sandbox.url)
            source = plugin.connect(HubSpotConfig(), FreeHost({"access_token": account.token}))
            yield source
            source.close()


def test_a_quiet_sync_costs_what_is_said(mirror: MirrorMaker) -> None:
    """The part that every sync has, and the sweeps that are due with every sync."""
    account = made_account(contacts=260, companies=40, deals=1500, properties=20)
    account.add_property("contacts", "score", "number", values=["1"], calculated=True)
    account.add_property("companies", "score", "number", values=["1"], calculated=True)
    made = mirror(account)
    made.sync()
    account.advance(LONG_AFTER)
    said = costs(HubSpotConfig(), {kind.name: made.cursor(kind.name) for kind in OBJECT_TYPES}, 1)
    with_every_sync = [cost for cost in said if cost.hours == 0]
    assert {(cost.stream, cost.what) for cost in said} - {(cost.stream, cost.what) for cost in with_every_sync} == {
        ("deals", "all ids and associations"),
        ("deals", "calculated properties"),
    }
    asked = made.requests()
    made.sync()
    one_walk_does_both = sum(cost.calls for cost in with_every_sync if cost.what == "calculated properties")
    assert len(asked) == sum(cost.calls for cost in with_every_sync) - one_walk_does_both
    assert said[0].calls == EVERY_SYNC


@pytest.mark.parametrize(
    ("sweep", "size", "hours"),
    [
        (Sweep.RECONCILIATION, Size(400, relations=1), 0),
        (Sweep.RECONCILIATION, Size(600, relations=1), 6),
        (Sweep.RECONCILIATION, Size(1_000_000, relations=1), 26.4),
        (Sweep.RECONCILIATION, Size(100_000_000, relations=1), 168),
        (Sweep.ARCHIVED, Size(1_000_000, archived=500), 0),
        (Sweep.ARCHIVED, Size(0, archived=100_000), 2.4),
        (Sweep.CALCULATED, Size(50_000), 12),
    ],
)
def test_by_default_a_sweep_is_as_frequent_as_its_cost_allows(sweep: Sweep, size: Size, hours: float) -> None:
    assert interval(sweep, HubSpotConfig(), size) == pytest.approx(hours)


def test_an_interval_that_is_set_holds() -> None:
    config = HubSpotConfig(reconciliation_hours=0.5, archived_hours=0, calculated_hours=24)
    assert [interval(sweep, config, Size(10**9, 10**9, 2)) for sweep in Sweep] == [0.5, 0, 24]
