"""The loop that asks which connections are due, and puts those into the queue."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from engine.connections.delays import note_delays
from engine.contract import DestinationUnavailable
from engine.queue import jobs
from engine.schedule import facts
from engine.schedule.due import is_due, next_slot
from engine.settings import Settings
from engine.state.database import Database

ASK_EVERY = timedelta(seconds=5)
"""The finest frequency is a minute; a few seconds late is punctual."""

LOOK_EVERY = timedelta(minutes=1)
"""Between two looks for connections whose data is delayed."""

SILENT_AFTER = 60.0
"""Seconds without an answer from the database after which the scheduler counts as not working."""

log = structlog.stdlib.get_logger("penstock.schedule")


class Scheduler:
    """Asks every few seconds, in a thread of its own, until it is stopped. Any number of them may run at once."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._staggered = settings.schedule_offset
        self._asked_at = float("-inf")
        self._away = False
        self._clock = BackgroundScheduler(timezone=UTC)
        self._clock.add_job(self.look_for_delays, "interval", seconds=LOOK_EVERY.total_seconds(), coalesce=True)
        self._clock.add_job(
            self.ask, "interval", seconds=ASK_EVERY.total_seconds(), next_run_time=datetime.now(UTC), coalesce=True
        )

    @property
    def alive(self) -> bool:
        """Whether it could ask lately."""
        return time.monotonic() - self._asked_at < SILENT_AFTER

    def start(self) -> None:
        """Begin to ask."""
        self._clock.start()

    def stop(self) -> None:
        """Ask no more."""
        self._clock.shutdown(wait=False)

    def look_for_delays(self) -> None:
        """Tell which connections' data is delayed, where that is new."""
        with suppress(DestinationUnavailable):  # `ask` says so
            note_delays(self._database)

    def ask(self) -> None:
        """Put every connection that is due into the queue, unless it waits there already."""
        try:
            waiting = jobs.waiting(self._database)
            for found in facts.of_all(self._database, staggered=self._staggered):
                if found.connection_id not in waiting and is_due(found.schedule, found.last, found.now):
                    early = found.last is not None and next_slot(found.schedule, found.last.started_at) > found.now
                    jobs.enqueue(self._database, found.connection_id, "retry" if early else "schedule")
                    log.debug("sync_due", connection=found.name, early=early)
        except DestinationUnavailable as error:
            if not self._away:
                log.warning("schedule_waits", reason=str(error))
            self._away = True
        else:
            self._asked_at = time.monotonic()
            self._away = False
