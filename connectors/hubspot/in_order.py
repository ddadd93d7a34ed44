"""Some groups of records are looked into while the next ones are being found."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from connectors.hubspot.cursor import CrmCursor
from connectors.hubspot.threads import Threads
from engine.contract import Checkpoint, Message

UNDER_WAY = 2
"""Groups that are looked into while the next one is being found."""


class InOrder:
    """Gives what is found in groups in their order, each followed by where the stream stands then.

    The first one is waited for: it shows how many associations records have, and so how large the others may be.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._waiting: deque[tuple[Future[list[Message]], Mapping[str, Any]]] = deque()
        self._most = 0

    def submit(self, look: Callable[[], list[Message]], behind: CrmCursor) -> Iterator[Message]:
        """Begin with a group, and give what has come of earlier ones."""
        self._waiting.append((self._threads.submit(look), behind.dump()))
        yield from self._finish(self._most)
        self._most = UNDER_WAY

    def finish(self) -> Iterator[Message]:
        """Give the rest."""
        yield from self._finish(0)

    def _finish(self, left: int) -> Iterator[Message]:
        while len(self._waiting) > left:
            found, cursor = self._waiting.popleft()
            yield from found.result()
            yield Checkpoint(cursor)
