from __future__ import annotations

from engine.contract.testing import DestinationContract


class TestPostgres(DestinationContract):
    """With the fixture `harness` of this folder."""
