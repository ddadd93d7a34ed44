"""An hour of a changing source with a sync every five minutes."""

from __future__ import annotations

from simulation.soak import soak


def test_nothing_grows_with_the_number_of_syncs(database_url: str) -> None:
    soaked = soak(database_url, "soaked", hours=1)
    assert not soaked.findings, "\n".join(soaked.findings)
    assert len(soaked.readings) == 12
