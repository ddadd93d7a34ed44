"""Reading: a thread a stream, all of them handing over to the one loader."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeAlias

from engine.contract import Cancelled, Checkpoint, Expected, Message, Notice
from engine.sync.load import BYTES, Load

AT_LEAST_EVERY = 2.0
"""Seconds after which a load is handed over however small it is, so that slow streams show progress too."""

WAITING_LOADS = 2
"""Loads that wait for the loader beside the one it works on. More would only take memory."""

IN_MEMORY = 3 * BYTES
"""What all readers together gather before they hand over early and wait, however many they are."""


@dataclass(frozen=True, slots=True)
class Told:
    """Something a stream said that needs no commit."""

    stream: str
    message: Expected | Notice


@dataclass(frozen=True, slots=True)
class Ended:
    """A stream has nothing more to hand over: read to its end, or broken off by the error."""

    stream: str
    error: BaseException | None


Item: TypeAlias = Load | Told | Ended


class Handover:
    """The bounded queue between the readers and the loader."""

    def __init__(self) -> None:
        self._items: queue.Queue[Item] = queue.Queue(WAITING_LOADS)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._bytes = 0

    @property
    def is_heavy(self) -> bool:
        """Whether as much is gathered as may be in memory."""
        return self._bytes >= IN_MEMORY

    def gathered(self, load: Load) -> None:
        """A reader holds a further unit."""
        with self._lock:
            self._bytes += load.bytes

    def done(self, load: Load) -> None:
        """The loader is done with a load and all the units in it."""
        with self._lock:
            self._bytes -= load.bytes

    def put(self, item: Item) -> None:
        """Hand over, waiting for room.

        Raises:
            Cancelled: the loader takes nothing any more.
        """
        while not self._closed.is_set():
            try:
                return self._items.put(item, timeout=0.2)
            except queue.Full:
                continue
        raise Cancelled

    def get(self, timeout: float) -> Item | None:
        """The next item, or None when there is none within `timeout` seconds."""
        try:
            return self._items.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """The loader is done; whoever waits with an item gives up."""
        self._closed.set()


class Reader(threading.Thread):
    """Reads one stream to its end, gathers whole units into loads and hands them over.

    Once `stop` is set it goes no further than the message at hand. Whatever ends it, the whole units that it has are
    handed over first, and `Ended` is the last thing it hands over.
    """

    def __init__(
        self, read: Callable[[], Iterator[Message]], stream: str, handover: Handover, stop: threading.Event
    ) -> None:
        # A daemon thread: one that hangs in a request must not keep a stopped process alive.
        super().__init__(name=f"read-{stream}", daemon=True)
        self._messages = read
        self._stream = stream
        self._handover = handover
        self._stop_event = stop
        self._whole = Load(stream)
        self._handed_over_at = time.monotonic()

    def run(self) -> None:
        """The thread."""
        error: BaseException | None = None
        try:
            self._read()
        except BaseException as caught:  # noqa: BLE001 - whatever it is, the loader's thread decides what follows
            error = caught
        try:
            self._hand_over()
            self._handover.put(Ended(self._stream, error))
        except Cancelled:
            return  # nobody is there to be told

    def _read(self) -> None:
        unit = Load(self._stream)
        with ExitStack() as stack:
            messages = self._messages()
            stack.callback(_close, messages)
            for message in messages:
                match message:
                    case Checkpoint(cursor):
                        self._gather(unit.close(cursor))
                        unit = Load(self._stream)
                    case Expected() | Notice():
                        self._handover.put(Told(self._stream, message))
                    case _:
                        unit.add(message)
                if self._stop_event.is_set():
                    raise Cancelled
        if unit.batches:
            msg = f"the source ended the stream {self._stream} without a checkpoint"
            raise RuntimeError(msg)

    def _gather(self, unit: Load) -> None:
        self._handover.gathered(unit)
        if not self._whole.takes(unit):
            self._hand_over()
        self._whole.join(unit)
        late = time.monotonic() - self._handed_over_at >= AT_LEAST_EVERY
        if late or self._whole.full or self._handover.is_heavy:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._whole.cursor is not None:
            whole, self._whole = self._whole, Load(self._stream)
            self._handover.put(whole)
        self._handed_over_at = time.monotonic()


def _close(messages: Iterator[Message]) -> None:
    close = getattr(messages, "close", None)  # a generator has it and must be closed by the thread that runs it
    if close:
        close()
