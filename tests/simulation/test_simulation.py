"""A few of the histories that `make simulate` plays by the hundreds, and the ones that once failed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from unittest import mock

import pytest
from simulation.command import database
from simulation.history import History, Setup, Step, history
from simulation.kept import KEPT
from simulation.moments import Moment
from simulation.play import play
from simulation.scale import Scale
from simulation.shrink import shrunk

from connectors.hubspot.searching import Search

SEEDS = range(1, 41)


@pytest.fixture(scope="session")
def simulation_url(postgres_server: str) -> Iterator[str]:
    """One database for all histories: each has a schema of its own."""
    with database(postgres_server) as url:
        yield url


def hold(of: History, url: str) -> None:
    played = play(of, url, f"history_{uuid.uuid4().hex[:12]}")
    assert not played.findings, "\n".join(
        [f"`python -m tests.simulation --seed {of.seed}` makes it smaller.", *played.log, "", *played.findings[:20]]
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_both_sides_are_equal_once_the_source_rests(seed: int, simulation_url: str) -> None:
    hold(history(seed), simulation_url)


@pytest.mark.parametrize("what", KEPT)
def test_what_once_failed_holds(what: str, simulation_url: str) -> None:
    hold(KEPT[what], simulation_url)


def test_a_fault_of_the_connector_is_found(simulation_url: str) -> None:
    setup = Setup(
        account={"contacts": 30, "companies": 8, "deals": 8, "properties": 10},
        config={"reconciliation_hours": 744, "archived_hours": 744, "calculated_hours": 744},
        scale=Scale(record_page=10, search_page=5),
        told=True,
    )
    bulk_edit = History(0, setup, (Step("sync"), *(Step("touch", salt) for salt in range(6))))
    with mock.patch.object(Search, "_ties", return_value=iter(())):
        found = play(bulk_edit, simulation_url, "faulty").findings
    assert any("lastmodifieddate is" in sentence for sentence in found)
    assert not play(bulk_edit, simulation_url, "sound").findings


def test_a_failing_history_is_told_in_its_smallest_form() -> None:
    steps = tuple(Step("update", salt) for salt in range(40))
    whole = History(1, Setup(), steps)

    def shows(candidate: History) -> bool:
        return {7, 31} <= {step.salt for step in candidate.steps}

    assert [step.salt for step in shrunk(whole, shows).steps] == [7, 31]


def test_a_seed_always_decides_the_same() -> None:
    assert history(7) == history(7)
    assert history(7) != history(8)


@pytest.mark.parametrize("moment", [("commit", "contacts", 1), ("statement", "INSERT", 2), ("executed", "CREATE", 3)])
def test_a_killed_engine_commits_nothing_more(simulation_url: str, moment: tuple[str, str, int]) -> None:
    setup = Setup(account={"contacts": 30, "companies": 8, "deals": 8, "properties": 10})
    kill = Step("kill", 0, Moment(*moment))
    played = play(History(0, setup, (kill, Step("sync"))), simulation_url, "killed")
    assert [line for line in played.log if line.startswith("sync: killed")]
    assert not played.findings
