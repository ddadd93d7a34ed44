"""A worker in this process, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from support.rig import Rig, eventually

from engine.queue.worker import SyncWorker


@contextmanager
def working(rig: Rig, agent: str | None = None) -> Iterator[SyncWorker]:
    """A worker that takes jobs, all or an agent's; stopped at the end."""
    loop = asyncio.new_event_loop()
    worker = SyncWorker(rig.database, rig.vault, rig.settings, agent)
    thread = threading.Thread(target=lambda: loop.run_until_complete(worker.run()))
    thread.start()
    try:
        eventually(lambda: worker.alive)
        yield worker
    finally:
        loop.call_soon_threadsafe(worker.stop)
        thread.join(20)
        assert not thread.is_alive(), "the worker does not end"
        loop.close()
