"""A handful of threads that keep several calls to HubSpot under way at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Self, TypeVar

T = TypeVar("T")


class Threads:
    """Runs calls in daemon threads, started as they are needed.

    Unlike an executor's, these threads never hold up the end of the process: a call that hangs in HubSpot's
    network must not keep a daemon from stopping within its ten seconds.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._lock = threading.Lock()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Run a call soon. Whatever it raises, a cancellation as well, comes out of the future."""
        future: Future[T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    result = call()
                except BaseException as error:  # noqa: BLE001 - handed on to whoever waits
                    future.set_exception(error)
                else:
                    future.set_result(result)
            with self._lock:
                self._busy -= 1

        with self._lock:
            self._busy += 1
            if self._busy > len(self._threads) and len(self._threads) < self._most:
                thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._calls.put(run)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Let the threads end once the calls at hand are done; nobody waits for them."""
        for _ in self._threads:
            self._calls.put(None)

    def _work(self) -> None:
        while (run := self._calls.get()) is not None:
            run()
