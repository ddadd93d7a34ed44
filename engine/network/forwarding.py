"""Local addresses that stand for ones far away: what is sent to them comes out at the other end of a way.

Each one listens on the loopback interface, at a port that the system chooses, in an event loop and thread of its own.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import TypeAlias

import structlog

from engine.contract import Address, PenstockError

LOOPBACK = "127.0.0.1"
CHUNK = 256 * 1024
"""Bytes that are passed on at a time."""

CONNECT_SECONDS = 10.0
"""How long a host on the way may take to answer; the destination itself gets as long."""

HANG_UP_SECONDS = 1.0

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial: TypeAlias = Callable[[], Awaitable[Streams]]
"""Makes one connection to the other end; raises a PenstockError that says why it could not."""
Greet: TypeAlias = Callable[[Streams], Awaitable[None]]

log = structlog.stdlib.get_logger("penstock.network")


@contextmanager
def running(forwarder: AbstractAsyncContextManager[Address]) -> Iterator[Address]:
    """Run a forwarder while the context is open. What it raises as it begins is raised here."""
    begun: Future[Address] = Future()
    stopping = asyncio.Event()

    async def run() -> None:
        try:
            async with forwarder as address:
                loops.append(asyncio.get_running_loop())
                begun.set_result(address)
                await stopping.wait()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            if not begun.done():
                begun.set_exception(error)

    loops: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=lambda: asyncio.run(run()), name="forwarder", daemon=True)
    thread.start()
    address = begun.result()
    try:
        yield address
    finally:
        loops[0].call_soon_threadsafe(stopping.set)
        thread.join()


@asynccontextmanager
async def forwarded(dial: Dial, greet: Greet | None = None) -> AsyncIterator[Address]:
    """An address each of whose connections is passed on to one that `dial` makes.

    The first one is made before anybody asks for it, so that what stands in the way is told at once. `greet` is done
    with each connection that comes in before anything is passed on.
    """
    first: list[Streams] = [await dial()]
    passing: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if greet is not None:
                await greet((reader, writer))
            far = first.pop() if first else await dial()
        except (PenstockError, OSError, EOFError) as error:
            log.warning("way_broke", reason=str(error))
            await hung_up(writer)
        else:
            await _pass_on((reader, writer), far)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # a task of our own: asyncio complains of its own ones when they are cancelled
        task = asyncio.ensure_future(serve(reader, writer))
        passing.add(task)
        task.add_done_callback(passing.discard)

    server = await asyncio.start_server(accept, LOOPBACK, 0, limit=CHUNK)
    try:
        yield Address(*server.sockets[0].getsockname()[:2])
    finally:
        server.close()
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
        for _, writer in first:
            await hung_up(writer)


async def _pass_on(near: Streams, far: Streams) -> None:
    """Until either side ends or breaks off."""
    both = [asyncio.ensure_future(_copy(near[0], far[1])), asyncio.ensure_future(_copy(far[0], near[1]))]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        await asyncio.gather(hung_up(near[1]), hung_up(far[1]))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()


async def hung_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection once what was sent is on its way; one that does not take it any more is broken off."""
    writer.close()
    try:
        async with asyncio.timeout(HANG_UP_SECONDS):
            await writer.wait_closed()
    except OSError:
        writer.transport.abort()


def reason(error: OSError | EOFError) -> str:
    """Why a connection did not come about, in a few words."""
    match error:
        case TimeoutError() | EOFError():
            return "no answer of use came in time"
        case socket.gaierror() | ssl.SSLError():
            return error.strerror or str(error)
        case _:
            return os.strerror(error.errno) if error.errno else str(error)
