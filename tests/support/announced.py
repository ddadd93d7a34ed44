"""Random histories of the sandbox HubSpot in which every change is announced, so that an incremental sync finds it.

What HubSpot announces in no way (a purge, a restore or an association without a modified record) is left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from connectors.hubspot.sandbox.account import Account

TITLES = {"contacts": "lastname", "companies": "name", "deals": "dealname"}
ENDS = (("deals", "companies"), ("deals", "contacts"), ("contacts", "companies"))
FEW = 20
"""So many records of a type stay, whatever happens."""


class History:
    """Changes an account, always the same way for the same seed."""

    def __init__(self, account: Account, rng: random.Random) -> None:
        self._account = account
        self._rng = rng
        self._kinds: tuple[Callable[[], None], ...] = (
            self._update,
            self._update,
            self._create,
            self._archive,
            self._restore,
            self._merge,
            self._associate,
            self._associate,
            self._dissociate,
            self._touch_many,
        )

    def go_on(self, changes: int) -> None:
        """Let so many things happen."""
        for _ in range(changes):
            self._rng.choice(self._kinds)()
            self._account.advance(self._rng.random() * 2)

    def _type(self) -> str:
        return self._rng.choice(tuple(TITLES))

    def _modify(self, object_type: str, record_id: int) -> None:
        self._account.update(object_type, record_id, {TITLES[object_type]: f"changed {self._rng.randrange(10**9)}"})

    def _pick(self, object_type: str) -> int:
        return self._rng.choice(self._account.ids(object_type))

    def _update(self) -> None:
        object_type = self._type()
        self._modify(object_type, self._pick(object_type))

    def _touch_many(self) -> None:
        object_type = self._type()
        self._account.touch(object_type, self._rng.sample(self._account.ids(object_type), FEW))

    def _create(self) -> None:
        object_type = self._type()
        record_id = self._account.create(object_type, {TITLES[object_type]: "created"})
        for near, far in ENDS:
            if near == object_type:
                self._account.associate(near, record_id, far, self._pick(far))

    def _archive(self) -> None:
        object_type = self._type()
        if len(self._account.ids(object_type)) > FEW:
            self._account.archive(object_type, self._pick(object_type))

    def _restore(self) -> None:
        object_type = self._type()
        archived = self._account.ids(object_type, archived=True)
        if archived:
            record_id = self._rng.choice(archived)
            self._account.restore(object_type, record_id)
            self._modify(object_type, record_id)

    def _merge(self) -> None:
        object_type = self._type()
        if len(self._account.ids(object_type)) > FEW:
            self._account.merge(object_type, *self._rng.sample(self._account.ids(object_type), 2))

    def _associate(self) -> None:
        near, far = self._rng.choice(ENDS)
        one, other = self._pick(near), self._pick(far)
        labels = [kind.type_id for kind in self._account.links.types.between(near, far)]
        self._account.associate(near, one, far, other, *self._rng.sample(labels, 1))
        before = self._account.neighbours(near, one, far)  # a new primary company takes the place of another
        self._modify(near, one) if len(before) > 1 or self._rng.random() < 0.5 else self._modify(far, other)

    def _dissociate(self) -> None:
        near, far = self._rng.choice(ENDS)
        one = self._pick(near)
        neighbours = list(self._account.neighbours(near, one, far))
        if neighbours:
            other = self._rng.choice(neighbours)
            self._account.dissociate(near, one, far, other)
            self._modify(*self._rng.choice(((near, one), (far, other))))
