"""What goes wrong: between the engine and HubSpot, in the engine's process, and in the database."""

from __future__ import annotations

import random

from psycopg.errors import LockNotAvailable
from simulation.moments import ANSWER, COMMIT, COMMITTED, EXECUTED, MESSAGE, REQUEST, STATEMENT, Moment
from simulation.world import TYPES, World

from connectors.hubspot.sandbox.faults import Fault, FaultKind

PATHS = (
    "",
    "/account-info",
    "/properties/",
    "/owners",
    "/pipelines",
    "/token",
    "/batch/read",
    "/crm/associations/",
    *(f"/2026-03/{object_type}" for object_type in TYPES),
    *(f"/2026-03/{object_type}/search" for object_type in TYPES),
)
TABLES = (
    "contact",
    "company",
    "deal",
    "deal_company",
    "deal_contact",
    "contact_company",
    "owner",
    "deal_pipeline_stage",
    "property",
)
"""Tables that a reconciliation makes whole again; those of merges are written when the winner is read."""
MERGES = ("merged_deal", "contact_merge_audit")
LAGS = ((0, 0), (0, 30), (20, 0), (0, 3500), (600, 2900))
"""Seconds until search knows of a change at the least, and by how much it can be more."""
_HTML = "<html><head><title>Just a moment</title></head></html>"


def some_moment(rng: random.Random) -> Moment:
    """A moment of the next sync at which the source may change or the engine may die."""
    what = rng.choice((REQUEST, REQUEST, ANSWER, MESSAGE, STATEMENT, EXECUTED, COMMIT, COMMITTED))
    nth = 1 + int(rng.expovariate(0.25))
    match what:
        case "request" | "answer":
            return Moment(what, rng.choice(PATHS), nth)
        case "message" | "commit" | "committed":
            return Moment(what, rng.choice(TYPES), nth)
        case _:
            return Moment(what, rng.choice(("", "COPY", "UPDATE", "INSERT", "CREATE", "ALTER")), nth)


def moment_between_requests(rng: random.Random) -> Moment:
    """A moment at which the source may change."""
    return Moment(rng.choice((REQUEST, ANSWER)), rng.choice(PATHS), 1 + int(rng.expovariate(0.25)))


def hiccup(world: World, rng: random.Random) -> str:
    fault = Fault(status=rng.choice((500, 502, 503, 504, 521, 524)), times=rng.choice((1, 1, 2, 5)))
    return _put(world, rng, fault, f"answers {fault.times} times with {fault.status}")


def outage(world: World, rng: random.Random) -> str:
    fault = Fault(status=rng.choice((500, 502, 524)), times=rng.randrange(8, 30))
    return _put(world, rng, fault, f"answers {fault.times} times with {fault.status}")


def nonsense(world: World, rng: random.Random) -> str:
    fault = Fault(status=200, body=rng.choice((_HTML, '{"results":[{"id":"1","proper', "")), times=rng.choice((1, 3)))
    return _put(world, rng, fault, "answers with what is no JSON")


def broken_line(world: World, rng: random.Random) -> str:
    kind = rng.choice((FaultKind.RESET, FaultKind.TRUNCATE, FaultKind.HANG, FaultKind.LATENCY))
    fault = Fault(kind, times=rng.choice((1, 1, 3)), seconds=rng.choice((5.0, 130.0)))
    return _put(world, rng, fault, f"has {fault.times} times a {kind}")


def limit(world: World, rng: random.Random) -> str:
    policy = rng.choice(("TEN_SECONDLY_ROLLING", "SECONDLY"))
    world.account.configure(retry_after=rng.random() < 0.5)
    fault = Fault(status=429, policy=policy, times=rng.choice((1, 3, 10)), retry_after=rng.choice((None, 2.0, 11.0)))
    return _put(world, rng, fault, f"is beyond its {policy} limit {fault.times} times")


def lock(world: World, rng: random.Random) -> str:
    return _put(world, rng, Fault(status=423, times=rng.choice((1, 3))), "is locked")


def migration(world: World, rng: random.Random) -> str:
    fault = Fault(status=477, times=1, retry_after=rng.choice((3.0, 3600.0, 80_000.0)))
    return _put(world, rng, fault, f"migrates for {fault.retry_after} s")


def daily_quota(world: World, rng: random.Random) -> str:
    left = rng.choice((0, 5, 20, 60))
    world.account.configure(daily_limit=world.account.limits.calls_today + left)
    return f"{left} calls are left of the day"


def expired_tokens(world: World, _: random.Random) -> str:
    world.account.expire_access_tokens()
    return "all access tokens expire"


def scope_taken(world: World, rng: random.Random) -> str:
    scope = rng.choice([f"crm.objects.{object_type}.read" for object_type in TYPES] + ["crm.objects.owners.read"])
    taken = {scope, scope.replace("objects", "schemas")} if rng.random() < 0.5 else {scope}
    for name in taken:
        world.account.remove_scope(name)
    world.scopes |= taken
    return f"the scopes {sorted(taken)} are taken away"


def scopes_given(world: World, _: random.Random) -> str:
    for scope in world.scopes:
        world.account.add_scope(scope)
    world.scopes.clear()
    return "all scopes are given back"


def odd_pages(world: World, rng: random.Random) -> str:
    short, disordered = rng.random() < 0.6, rng.random() < 0.6
    world.account.configure(short_pages=short, out_of_order=disordered)
    return f"pages are {'short' if short else 'full'} and {'in any order' if disordered else 'in order'}"


def index_lag(world: World, rng: random.Random) -> str:
    lag, spread = rng.choice(LAGS)
    world.account.configure(index_lag=lag, index_lag_spread=spread)
    return f"search knows of a change after {lag} to {lag + spread} s"


def pause(world: World, rng: random.Random) -> str:
    seconds = rng.choice((0.001, 1, 20, 300, 1900, 4000, 7 * 3600, 25 * 3600))
    world.account.advance(seconds)
    return f"{seconds} s pass"


def doze(world: World, rng: random.Random) -> str:
    """As long as search takes to know of some changes and not of others."""
    seconds = rng.randrange(20, 2500)
    world.account.advance(seconds)
    return f"{seconds} s pass"


def kill(world: World, _: random.Random) -> str:
    world.engine.moments.kill()
    return "the engine is killed"


def cancel(world: World, _: random.Random) -> str:
    world.engine.stop.set()
    return "somebody stops the sync"


def terminate(world: World, _: random.Random) -> str:
    pids = world.engine.connections.pids
    world.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [pids])
    return "the database ends the engine's connections"


def drop_table(world: World, rng: random.Random) -> str:
    table = rng.choice(TABLES + MERGES)
    return _by_hand(world, f'DROP TABLE IF EXISTS "{world.schema}"."{table}"', f"drops the table {table}")


def drop_column(world: World, rng: random.Random) -> str:
    """One that is no part of a key, of those that there are."""
    table = rng.choice(TABLES + MERGES)
    drop = f"""DO $do$ DECLARE dropped name; BEGIN
        SELECT attname INTO dropped FROM pg_attribute
        WHERE attrelid = to_regclass('"{world.schema}"."{table}"') AND attnum > 0 AND NOT attisdropped
          AND attnum <> ALL (SELECT unnest(conkey) FROM pg_constraint WHERE conrelid = attrelid AND contype = 'p')
        ORDER BY hashtext(attname || '{rng.random()}') LIMIT 1;
        IF FOUND THEN EXECUTE format('ALTER TABLE %I.%I DROP %I', '{world.schema}', '{table}', dropped); END IF;
    END $do$"""
    return _by_hand(world, drop, f"drops a column of {table}")


def delete_rows(world: World, rng: random.Random) -> str:
    table = rng.choice(TABLES)
    there = f'to_regclass(\'"{world.schema}"."{table}"\') IS NOT NULL'
    delete = f'DELETE FROM "{world.schema}"."{table}" WHERE hashtext(ctid::text) % 3 = {rng.randrange(3)}'
    return _by_hand(world, f"DO $do$ BEGIN IF {there} THEN {delete}; END IF; END $do$", f"deletes rows of {table}")


def add_column(world: World, rng: random.Random) -> str:
    table = rng.choice(TABLES)
    added = f"user_{world.number()} text DEFAULT 'mine'"
    return _by_hand(world, f'ALTER TABLE IF EXISTS "{world.schema}"."{table}" ADD {added}', f"adds a column to {table}")


def resync(world: World, _: random.Random) -> str:
    world.engine.forget = True
    return "somebody asks for a historical sync"


def _put(world: World, rng: random.Random, fault: Fault, what: str) -> str:
    fault.path, fault.skip = rng.choice(PATHS), int(rng.expovariate(0.3))
    world.account.fault(fault)
    return f"HubSpot{f' at {fault.path}' if fault.path else ''}, after {fault.skip} calls, {what}"


def _by_hand(world: World, statement: str, what: str) -> str:
    try:
        world.execute(statement)
    except LockNotAvailable:
        return f"somebody gives up waiting for a lock and never {what}"
    return f"somebody {what}"
