"""Histories: what a seed decides, as a list of steps that can be dropped one by one."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from simulation import changes, troubles
from simulation.moments import Moment
from simulation.scale import Scale
from simulation.world import Action, World

SYNC, RECONCILE = "sync", "reconcile"

_TOLD: dict[Action, float] = {
    changes.create: 4,
    changes.update: 8,
    changes.update_again: 1,
    changes.touch: 4,
    changes.archive: 3,
    changes.merge: 3,
    changes.associate_and_tell: 2,
    changes.dissociate_and_tell: 2,
    changes.restore_and_tell: 2,
    changes.add_property: 2.5,
    changes.remove_property: 1,
    changes.describe_property: 0.5,
    changes.owners: 1,
    changes.pipelines: 1,
    troubles.pause: 4,
    troubles.doze: 1,
    troubles.odd_pages: 0.5,
    troubles.index_lag: 2,
}
"""What HubSpot announces, so that any sync finds it."""

_UNTOLD: dict[Action, float] = {
    changes.restore: 2,
    changes.restore_and_archive: 1,
    changes.gdpr_delete: 1,
    changes.purge: 1,
    changes.associate: 3,
    changes.associate_many: 1,
    changes.dissociate: 3,
    changes.label: 0.5,
    changes.recalculate: 3,
    changes.retype_property: 1,
}
"""What it does not, so that only a reconciling sync is sure to find it."""

_FAULTS: dict[Action, float] = {
    troubles.hiccup: 4,
    troubles.outage: 1,
    troubles.nonsense: 1,
    troubles.broken_line: 3,
    troubles.limit: 2,
    troubles.lock: 1,
    troubles.migration: 1,
    troubles.daily_quota: 1,
    troubles.expired_tokens: 1,
    troubles.add_column: 0.7,
    troubles.drop_table: 0.7,
    troubles.drop_column: 0.7,
    troubles.resync: 0.3,
}
_LOSSES: dict[Action, float] = {
    troubles.scope_taken: 1,
    troubles.scopes_given: 1,
    troubles.delete_rows: 0.7,
}
"""What loses rows or associations in a way that only a reconciling sync makes good."""

_DEATHS: dict[Action, float] = {troubles.kill: 5, troubles.cancel: 1, troubles.terminate: 3}

ACTIONS = {action.__name__: action for group in (_TOLD, _UNTOLD, _FAULTS, _LOSSES, _DEATHS) for action in group}
"""What a step can do, by name."""
HARMLESS = {action.__name__ for action in (*_TOLD, *_UNTOLD)}
"""Steps after which a sync has to succeed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens, at once or at a moment of the next sync; or a sync. `salt` decides its details."""

    kind: str
    salt: int = 0
    moment: Moment | None = None

    def act(self, world: World) -> str:
        """Do it, and let a moment pass, or none; gives a sentence."""
        rng = random.Random(self.salt)
        said = ACTIONS[self.kind](world, rng)
        world.account.advance(rng.choice((0, 0.001, 0.4, 7)))
        return said


@dataclass(frozen=True)
class Setup:
    """What there is in the beginning."""

    account: dict[str, Any] = field(default_factory=dict)
    """Arguments of the sandbox's account."""
    behaviour: dict[str, Any] = field(default_factory=dict)
    """Arguments of its `configure`."""
    config: dict[str, Any] = field(default_factory=dict)
    """The connection's config, but for the date limit."""
    since: datetime | None = None
    """Records that were last modified before need not be read."""
    scale: Scale = field(default_factory=Scale)
    oauth: bool = False
    without: frozenset[str] = frozenset()
    """Tables that are left out."""
    versions: frozenset[str] = frozenset()
    """Tables that keep every version of a row."""
    told: bool = False
    """Whether all changes are announced, so that in the end a sync has to do that does not reconcile."""
    watched: bool = True
    """Whether it goes on until syncs have nothing to do, and they are held to that."""


@dataclass(frozen=True)
class History:
    """A setup and what happens in it, in order."""

    seed: int
    setup: Setup
    steps: tuple[Step, ...]

    def only(self, steps: tuple[Step, ...]) -> History:
        """The same with other steps."""
        return replace(self, steps=steps)


def history(seed: int) -> History:
    """The history that a seed decides."""
    rng = random.Random(seed)
    setup = replace(_setup(rng), watched=seed % _WATCHED == 0, **_chosen(random.Random(f"chosen {seed}")))
    happens, goes_wrong = (_TOLD, _FAULTS) if setup.told else (_TOLD | _UNTOLD, _FAULTS | _LOSSES)
    steps: list[Step] = []
    for _ in range(rng.randrange(1, 5)):
        steps += _steps(rng, happens, rng.randrange(9))
        steps += _steps(rng, happens, rng.choice((0, 0, 1, 3)), at=troubles.moment_between_requests)
        steps += _steps(rng, {troubles.doze: 1}, rng.choice((0, 1)))
        steps += _steps(rng, goes_wrong, rng.choice((0, 0, 1, 2)))
        steps += _steps(rng, _DEATHS, rng.choice((0, 1)), at=troubles.some_moment)
        steps.append(Step(RECONCILE if not setup.told and rng.random() < 0.3 else SYNC))
    steps += _steps(rng, happens, rng.randrange(6))
    return History(seed, setup, tuple(steps))


def _steps(rng: random.Random, actions: dict[Action, float], count: int, at: Any = None) -> list[Step]:
    picked = rng.choices([action.__name__ for action in actions], list(actions.values()), k=count)
    return [Step(kind, rng.getrandbits(32), at(rng) if at else None) for kind in picked]


_SMALL = Scale(7, 9, 36, inputs=12, group=15, worth_cutting=6, remembered=500, query=6000, commit=25)
_TINY = Scale(3, 4, 12, inputs=5, group=6, worth_cutting=4, remembered=8, query=60, commit=8, few=60)
_LIMITED = 0.08
"""The share of histories in which old records are not read unless they change."""
_SIZES = (
    *[((12, 6, 10), _TINY), ((20, 12, 8), _TINY)],
    *[((40, 15, 25), _SMALL), ((25, 40, 10), _SMALL), ((15, 10, 30), _SMALL), ((120, 15, 15), _SMALL)],
    *[((30, 10, 10), Scale()), ((250, 20, 30), Scale())],
)
"""Contacts, companies and deals, and how large an account they make."""
_FULL = 0.15
"""The share of histories in which tables have no room for all properties."""
_HUGE = 0.002
"""The share of histories with the sizes of the real HubSpot and 20,000 records in one millisecond."""

_CHOSEN = 0.2
"""The share of histories in which a person chose something else than all tables as they are."""

_WATCHED = 3
"""Every so many histories are watched to the end: that takes as long as another history."""


_NEVER, _SOMETIMES = 31 * 24, 3


def _config(rng: random.Random, *, told: bool) -> dict[str, Any]:
    """The connection's config: what sweeps come by themselves, and how often."""
    hours = ("reconciliation_hours", "archived_hours", "calculated_hours")
    if told:
        return {"reconciliation_hours": _NEVER, "archived_hours": 0, "calculated_hours": _NEVER}
    return rng.choice(
        (
            {},
            dict.fromkeys(hours, _NEVER),
            {name: rng.choice((0, _SOMETIMES, _NEVER)) for name in hours},
        )
    )


def _chosen(rng: random.Random) -> dict[str, frozenset[str]]:
    """The tables that are left out, and those that keep versions: none and none in most histories."""
    if rng.random() >= _CHOSEN:
        return {}
    return {
        chosen: frozenset(rng.sample(troubles.TABLES, rng.choice((0, 1, 2, 4)))) for chosen in ("without", "versions")
    }


def _setup(rng: random.Random) -> Setup:
    told = rng.random() < 0.4
    sizes, scale = rng.choice(_SIZES)
    if rng.random() < _FULL:
        scale = replace(scale, columns=rng.choice((60, 75)))
    if rng.random() < _HUGE:
        sizes, scale = (20_100, 20, 30), Scale()
    return Setup(
        account={
            **dict(zip(("contacts", "companies", "deals"), sizes, strict=True)),
            "properties": rng.choice((10, 10, 12, 60)),
            "seed": rng.randrange(1000),
            "sparse_ids": rng.random() < 0.7,
            "rotate_refresh_tokens": rng.random() < 0.5,
            "expires_in": rng.choice((5, 60, 1800)),
            "association_page": rng.choice((3, 500)),
            "limit": rng.choice((None, 100, 190)),
        },
        behaviour={
            "lexicographic_ids": rng.random() < 0.3,
            "out_of_order": rng.random() < 0.1,
            **dict(zip(("index_lag", "index_lag_spread"), rng.choice(troubles.LAGS), strict=True)),
        },
        config=_config(rng, told=told),
        since=datetime(2024, 6, 1, tzinfo=UTC) if rng.random() < _LIMITED else None,
        scale=scale,
        oauth=rng.random() < 0.5,
        told=told,
    )
