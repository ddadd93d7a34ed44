from __future__ import annotations

from engine.connections.document import SYNC_STATUS
from engine.state.models import OUTCOMES


def test_every_outcome_of_a_sync_has_its_word() -> None:
    assert set(SYNC_STATUS) == set(OUTCOMES)
