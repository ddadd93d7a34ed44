"""Playing a history: syncs in between, then rest, a reconciling sync, and both sides compared."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
from psycopg import sql
from simulation.costs import most_calls
from simulation.history import HARMLESS, RECONCILE, SYNC, History, Setup, Step
from simulation.moments import Moments
from simulation.scale import scaled
from simulation.syncing import Engine, Outcome
from simulation.world import World
from support.comparison import Comparison

from connectors.hubspot.sandbox.account import CLIENT_ID, CLIENT_SECRET, Account
from engine.contract import CredentialsRejected, QuotaSpent
from engine.sync.selection import Choice

BEGINNING = datetime(2025, 6, 2, tzinfo=UTC)
"""When the account's generated records end. Always the same, and long enough ago to be in nobody's future."""

REST = timedelta(hours=2, minutes=5).total_seconds()
"""Longer than any lag, and than a sync takes to trust that there is none."""

LONGEST_WAIT = timedelta(hours=25).total_seconds()
"""What HubSpot's longest day or migration takes."""


@dataclass
class Played:
    """What came of a history: what happened, and what should not have."""

    log: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


def play(history: History, url: str, schema: str) -> Played:
    """Play a history in a schema that is made for it and dropped afterwards."""
    played = Played()
    os.environ["PENSTOCK_HUBSPOT_API_URL"] = "http://sandbox.invalid"
    with scaled(history.setup.scale):
        world = _world(history, url, schema)
        try:
            _Play(world, played).play(history)
        except Exception:  # noqa: BLE001 - what breaks the simulation is a finding too
            played.findings.append(traceback.format_exc())
        finally:
            _clean(url, schema)
    return played


def _world(history: History, url: str, schema: str) -> World:
    setup = history.setup
    account = Account(until=BEGINNING, stands_at=BEGINNING + timedelta(hours=1), **setup.account)
    account.configure(**setup.behaviour)
    setup.scale.configure(account)
    auth = {"access_token": account.token}
    if setup.oauth:
        auth = _granted(account)
    config = setup.config
    if setup.since:
        limit = setup.since.date().isoformat()
        config = {**config, "historical_sync_time_frame": "DATE_LIMIT", "backward_sync_limit_date": limit}
    engine = Engine(account, url, schema, config, auth)
    engine.chosen = {
        **{table: Choice(history=True) for table in setup.versions},
        **{table: Choice(enabled=False) for table in setup.without},
    }
    return World(account, engine, url, schema)


def _granted(account: Account) -> dict[str, object]:
    return {
        "refresh_token": account.grant()["refresh_token"],
        "client_access": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
    }


def _clean(url: str, schema: str) -> None:
    with psycopg.connect(url, autocommit=True) as person:
        person.execute("SET client_min_messages = warning")
        person.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
        for table in ("cursors", "rejects"):
            if person.execute("SELECT to_regclass(%s)", [f"penstock.{table}"]).fetchone() != (None,):
                person.execute(f"DELETE FROM penstock.{table} WHERE schema_name = %s", [schema])


class _Play:
    def __init__(self, world: World, played: Played) -> None:
        self._world = world
        self._played = played
        self._untroubled = True
        """Whether nothing has gone wrong since the last sync."""
        self._widened = False
        """Whether a column has become wider."""

    def play(self, history: History) -> None:
        for step in history.steps:
            if step.kind in {SYNC, RECONCILE}:
                self._sync(reconcile=step.kind == RECONCILE)
            elif step.moment is not None:
                self._world.engine.moments.at(step.moment, partial(self._act, step))
            else:
                self._act(step)
        self._rest()
        self._hold(history.setup)

    def _act(self, step: Step) -> None:
        when = f"  {step.moment}: " if step.moment else ""
        self._say(f"{when}{step.act(self._world)}")
        self._untroubled = self._untroubled and step.kind in HARMLESS

    def _say(self, sentence: str) -> None:
        self._played.log.append(sentence)

    def _find(self, sentence: str) -> None:
        self._played.findings.append(sentence)

    def _sync(self, *, reconcile: bool = False) -> Outcome:
        """Sync once, and do what a person or the schedule would do next."""
        world, position = self._world, len(self._played.log)
        moments = world.engine.moments
        outcome = world.engine.sync(reconcile=reconcile)
        self._played.log.insert(position, f"{'reconciling ' if reconcile else ''}sync: {outcome}")
        self._widened = self._widened or any(
            "widened" in str(notice) for notice in (*outcome.notices, *outcome.loaded.notices)
        )
        if outcome.unforeseen:
            shown = "".join(traceback.format_exception(outcome.error))
            self._find(f"a sync ended by what nobody foresaw: {shown}")
        elif self._untroubled and outcome.ended != "succeeded":
            self._find(f"a sync that nothing troubled ended as {outcome}")
        waits = world.scopes or world.account.faults._waiting or world.account.limits.daily is not None
        # a refresh token that came back to nobody is lost
        self._untroubled = not waits and not (outcome.ended == "killed" and world.account.oauth.rotate)
        self._make_up(moments)
        if isinstance(outcome.error, QuotaSpent):
            self._reschedule(outcome.error)
        if isinstance(outcome.error, CredentialsRejected) and "refresh_token" in world.engine.auth:
            world.engine.auth.update(_granted(world.account))
            self._say("somebody reconnects the account")
        return outcome

    def _make_up(self, moments: Moments) -> None:
        """Let the source change as it was to at moments that never came."""
        for action in moments.never_came():
            if action.args[0].kind in HARMLESS:  # type: ignore[attr-defined]
                action()

    def _reschedule(self, spent: QuotaSpent) -> None:
        ahead = spent.retry_at.timestamp() - self._world.engine.clock.now()
        if ahead > LONGEST_WAIT:
            self._find(f"a sync is rescheduled to in {ahead} s")
        self._say("it is later, as the sync was rescheduled")
        self._world.engine.clock.until(spent.retry_at.timestamp())

    def _rest(self) -> None:
        """The source is quiet, and nothing is wrong with it."""
        self._make_up(self._world.engine.moments)
        self._world.engine.start_anew()
        account = self._world.account
        account.clear_faults()
        account.configure(daily_limit=None)
        for scope in self._world.scopes:
            account.add_scope(scope)
        self._world.scopes.clear()
        if "refresh_token" in self._world.engine.auth:
            self._world.engine.auth.update(_granted(account))
        account.advance(REST)
        self._untroubled = True
        self._say("HubSpot rests")

    def _hold(self, setup: Setup) -> None:
        """What has to be so once it rests."""
        world = self._world
        self._sync(reconcile=not setup.told)
        both = Comparison(world.account, world.url, world.schema, since=setup.since, without=setup.without)
        self._played.findings += both.differences()
        if not setup.watched:
            return
        if self._widened:
            self._sync(reconcile=True)  # values of a widened column get the form they have as text: 1000 becomes 1e3
        self._quiet("a sync of a quiet source", setup, reconcile=False)
        self._quiet("a further reconciling sync", setup, reconcile=True)

    def _quiet(self, what: str, setup: Setup, *, reconcile: bool) -> None:
        """Nothing is new: nothing may be written, and only so much be asked."""
        sweeps = reconcile or not setup.config or 0 in setup.config.values()
        most = most_calls(self._world, setup, sweeps=sweeps)
        for _ in range(2):  # what changed while the last sync ran is read once more
            outcome = self._sync(reconcile=reconcile)
            if outcome.written:
                streams = {name: loaded for name, loaded in outcome.by_stream.items() if any(_counts(loaded))}
                self._find(f"{what} writes: {streams}")
            calls = sum("/token" not in request for request in outcome.requests)
            if calls <= most:
                return
        self._find(f"{what} makes {calls} calls, more than {most}")


def _counts(loaded: object) -> list[int]:
    return [getattr(loaded, name) for name in ("inserted", "updated", "deleted", "rejected")]
