"""HubSpot and the connector in small: with pages of a few records, tens of them meet every limit that millions meet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest import mock

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.searching import Search


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a page, a batch and everything else is at the most."""

    record_page: int = 100
    search_page: int = 200
    search_cap: int = 10_000
    inputs: int = 1000
    """Records whose associations are read in one call."""
    group: int = 1000
    """Records that are taken together."""
    worth_cutting: int = 2000
    """Records in a part of the list that is cut in two."""
    remembered: int = 25_000
    """Changes that a cursor remembers."""
    query: int = 6000
    """Characters of property names in a URL."""
    commit: int = 2000
    """Rows worth a commit."""
    few: int = 2000
    """Cells that are merged without being staged."""
    columns: int = 1600
    """Columns that a table has room for."""

    def configure(self, account: Account) -> None:
        """Let a sandbox have these limits."""
        account.configure(record_page=self.record_page, search_page=self.search_page, search_cap=self.search_cap)


_CONSTANTS = {
    "connectors.hubspot.records.PAGE": "record_page",
    "connectors.hubspot.crm.PAGE": "record_page",
    "connectors.hubspot.searching.PAGE": "search_page",
    "connectors.hubspot.crm.SEARCH_PAGE": "search_page",
    "connectors.hubspot.searching.CAP": "search_cap",
    "connectors.hubspot.associations.INPUTS": "inputs",
    "connectors.hubspot.crm.GROUP": "group",
    "connectors.hubspot.listing.WORTH_CUTTING": "worth_cutting",
    "connectors.hubspot.recent.CAP": "remembered",
    "connectors.hubspot.records.LONGEST_QUERY": "query",
    "engine.sync.load.ROWS": "commit",
    "destinations.postgres.merge.FEW": "few",
    "destinations.postgres.room.MAX_COLUMNS": "columns",
}
"""Where the connector and the engine keep what they know of these sizes."""


@contextmanager
def scaled(scale: Scale) -> Iterator[None]:
    """Let the connector and the engine reckon with these sizes."""
    with ExitStack() as stack:
        for name, size in _CONSTANTS.items():
            stack.enter_context(mock.patch(name, getattr(scale, size)))
        # a default argument has taken the constant's value already
        stack.enter_context(mock.patch.dict(Search._page.__kwdefaults__, limit=scale.search_page))
        yield
