"""The processes that stay: `penstock serve` (scheduler, workers and HTTP) and `penstock worker`."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy import text
from uvicorn.loops.auto import auto_loop_factory

from engine.api.app import create_app
from engine.api.services import Services
from engine.connections.delivery import WebhookSender
from engine.connections.reports import connection_status
from engine.contract import DestinationUnavailable, InvalidSetting
from engine.queue.worker import SyncWorker
from engine.schedule.loop import Scheduler
from engine.settings import Settings, variable
from engine.state.database import Database, open_database
from engine.state.resealing import check_key
from engine.state.secrets import Vault

STOP_SECONDS = 9.5
"""A stopped process ends within ten seconds, whatever still hangs: what is committed stays, the rest is done again."""

REQUEST_SECONDS = 2
"""How long an answer that is being sent may hold up the end."""

SWITCH_SECONDS = 0.001
"""How long a sync's thread may keep the interpreter from a request, which passes it on several times."""

log = structlog.stdlib.get_logger("penstock.daemon")


def serve(settings: Settings) -> int:
    """Schedule syncs, run them and answer HTTP, until SIGTERM or SIGINT; gives the exit code.

    Raises:
        InvalidSetting: the address is taken, a setting cannot be taken, or the key opens nothing of what is sealed;
            nothing was started.
        DestinationUnavailable: the state database cannot be reached.
    """
    _leave_when_told()
    check_tls(settings)
    with _hard_end() as hard_end, _listener(settings) as listener, _opened(settings) as database:
        vault = _fitting_vault(database, settings)
        worker = SyncWorker(database, vault, settings)
        scheduler = Scheduler(database, settings)
        checks = {
            "database": lambda: _answers(database),
            "worker": lambda: worker.alive,
            "scheduler": lambda: scheduler.alive,
        }
        services = Services.of(database, vault, settings)
        app = create_app(checks, lambda: connection_status(database, staggered=settings.schedule_offset), services)
        http = _Http(app, listener, settings)
        sender = WebhookSender(database, vault, settings)
        scheduler.start()
        sender.start()
        url = f"{'https' if settings.tls_certificate else 'http'}://{settings.bind}"
        log.info("daemon_started", url=url, syncs_at_a_time=settings.workers, pid=os.getpid())
        if not services.keys.any():
            log.info("no_api_key_yet", hint="to call the REST API make a key: penstock keys create --name NAME")
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.freeze()  # what is imported by now stays: the collector need not look through it for every few requests
        try:
            code = _run(_until_stopped(worker, http, hard_end))
        finally:
            scheduler.stop()
            sender.stop()
    log.info("daemon_stopped")
    return code


def work(settings: Settings, agent: str | None = None) -> int:
    """Run syncs from the queue until SIGTERM or SIGINT; gives the exit code. With an `agent`: those of that agent.

    Raises:
        InvalidSetting: a setting cannot be taken, or the key opens nothing of what is sealed.
        DestinationUnavailable: the state database cannot be reached.
    """
    _leave_when_told()
    with _hard_end() as hard_end, _opened(settings) as database:
        worker = SyncWorker(database, _fitting_vault(database, settings), settings, agent)
        facts = {"database": database.place, "syncs_at_a_time": settings.workers, "pid": os.getpid()}
        log.info("worker_started", **facts, **({"agent": agent} if agent else {}))
        code = _run(_until_stopped(worker, None, hard_end))
    log.info("worker_stopped")
    return code


def _run(main: Coroutine[None, None, int]) -> int:
    """Run on uvloop's event loop where there is one: a request spends much of its time in the loop and around it."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(main)


def _leave_when_told() -> None:
    """Until the event loop minds the signals: the first process of a container has no default for them."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)


class _Http(uvicorn.Server):
    """The daemon's HTTP server. Signals are not its business."""

    def __init__(self, app: FastAPI, listener: socket.socket, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=REQUEST_SECONDS,
                ssl_certfile=settings.tls_certificate,
                ssl_keyfile=settings.tls_key,
            )
        )
        self._listener = listener

    async def run_until_exit(self) -> None:
        """Answer until `should_exit` is set."""
        await self.serve(sockets=[self._listener])

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signal handlers alone."""
        yield


async def _until_stopped(worker: SyncWorker, http: _Http | None, hard_end: threading.Timer) -> int:
    """Run until a signal asks to stop, or until a part ends by itself, which is an error."""
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    parts = [asyncio.create_task(worker.run(), name="worker")]
    if http:
        parts.append(asyncio.create_task(http.run_until_exit(), name="http"))
    asked = asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait([asked, *parts], return_when=asyncio.FIRST_COMPLETED)
    hard_end.start()
    if asked.done():
        log.info("stopping", syncs="stop at their next checkpoint")
    worker.stop()
    if http:
        http.should_exit = True
    await asyncio.wait(parts)
    broken = [part for part in parts if part.exception()]
    for part in broken:
        log.error("part_broke", part=part.get_name(), exc_info=part.exception())
    return 0 if asked.done() and not broken else 1


@contextmanager
def _hard_end() -> Iterator[threading.Timer]:
    """A timer that, once started, ends the process unless it has come to its end by then."""
    timer = threading.Timer(STOP_SECONDS, os._exit, [0])
    timer.daemon = True
    try:
        yield timer
    finally:
        timer.cancel()


@contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
    """The daemon's port, taken before anything is started.

    Raises:
        InvalidSetting: it cannot be taken.
    """
    host, _, port = settings.bind.rpartition(":")
    host = host.strip("[]")
    setting = variable(Settings, "bind")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InvalidSetting(setting, f"{settings.bind} is no address of this machine: {error.strerror}.") from None
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen()
        except OSError as error:
            raise InvalidSetting(
                setting,
                f"{settings.bind} cannot be listened on: {error.strerror}. "
                "Does another penstock run there? Stop it, or choose another address.",
            ) from None
        if settings.tls_certificate is None and not ipaddress.ip_address(address[0]).is_loopback:
            log.warning(
                "listens_to_the_network",
                bind=settings.bind,
                hint="there is no TLS: set PENSTOCK_TLS_CERTIFICATE and PENSTOCK_TLS_KEY, or put a proxy in front of it",
            )
        yield listener


def check_tls(settings: Settings) -> None:
    """Hold that the files for TLS can be used, if there are any.

    Raises:
        InvalidSetting: only one of the two is named, or they are no certificate and its key.
    """
    files = {variable(Settings, field): getattr(settings, field) for field in ("tls_certificate", "tls_key")}
    if not any(files.values()):
        return
    for name, file in files.items():
        if file is None:
            raise InvalidSetting(name, f"is required: {' and '.join(files)} go together.")
    certificate, key = files.values()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:  # an SSLError too
        reason = error.strerror or "they are no certificate and its key"
        raise InvalidSetting(next(iter(files)), f"{certificate} and {key} cannot be used: {reason}.") from None


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    try:
        yield database
    finally:
        database.dispose()


def _fitting_vault(database: Database, settings: Settings) -> Vault:
    """The vault; a process with the key of another database would take jobs and fail them."""
    vault = Vault(settings)
    with database.session() as session:
        check_key(session, vault)
    return vault


def _answers(database: Database) -> bool:
    try:
        with database.autocommit() as connection:
            return connection.scalar(text("SELECT true")) is True
    except DestinationUnavailable:
        return False
