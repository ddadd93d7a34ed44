"""Many histories, on as many processes as asked for; a failing one is told in its smallest form."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
from simulation.history import History, history
from simulation.play import Played, play
from simulation.shrink import shrunk
from simulation.soak import soak
from support.postgres import postgres_server

SHOWN = 12
"""Findings that are printed of one history."""


def main() -> int:
    """Play seeds; the number of failing ones decides the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many histories (default: 100)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--seed", type=int, help="only this one, told in full")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--no-shrink", action="store_true", help="tell failing histories as they are")
    parser.add_argument("--soak", type=float, default=0.0, help="then so many virtual hours of syncs (default: none)")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # or an embedded server would be left behind
    with postgres_server() as server:
        if asked.seed is not None:
            with database(server) as url:
                played = play(history(asked.seed), url, "history")
                print(*played.log, "", *_findings(played), sep="\n")
                if played.findings and not asked.no_shrink:
                    print(told(asked.seed, url))
            return 1 if played.findings else 0
        seeds = range(asked.first, asked.first + asked.seeds)
        failed = _play_all(server, seeds, asked.jobs, shrink=not asked.no_shrink)
        return _soak(server, asked.soak) or failed if asked.soak else failed


def _play_all(server: str, seeds: range, jobs: int, *, shrink: bool) -> int:
    started, failed = time.monotonic(), []
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        urls = context.SimpleQueue()
        for _ in range(jobs):
            urls.put(stack.enter_context(database(server)))
        pool = stack.enter_context(context.Pool(jobs, _begin, [urls]))
        for done, (seed, findings) in enumerate(pool.imap_unordered(_one, seeds), start=1):
            if findings:
                failed.append(seed)
                print(f"\nseed {seed} fails:", *findings, sep="\n  ", flush=True)
            if done % 50 == 0:
                pace = done / (time.monotonic() - started) * 60
                print(f"{done} of {len(seeds)} histories, {pace:.0f} a minute, {len(failed)} failed", flush=True)
        told_seeds = sorted(failed)[:3] if shrink else []
        for text in pool.imap(_tell, told_seeds):
            print(f"\n{text}", flush=True)
    seconds = time.monotonic() - started
    print(f"{len(seeds)} histories in {seconds:.0f} s; failing seeds: {sorted(failed) or 'none'}")
    return 1 if failed else 0


def _soak(server: str, hours: float) -> int:
    with database(server) as url:
        soaked = soak(url, "soaked", hours)
    print(f"{len(soaked.readings)} syncs in {hours:g} virtual hours; at the end there was {soaked.readings[-1]}")
    print(*soaked.findings, sep="\n")
    return 1 if soaked.findings else 0


def told(seed: int, url: str) -> str:
    """A failing history in its smallest form, as text."""
    whole = history(seed)
    first = play(whole, url, "history").findings

    def shows(candidate: History) -> bool:
        return _kind(play(candidate, url, "history").findings) == _kind(first)

    smallest = shrunk(whole, shows) if first else whole
    played = play(smallest, url, "history")
    return "\n".join(
        [
            f"seed {seed}, {len(smallest.steps)} of {len(whole.steps)} steps:",
            f"  {smallest.setup}",
            *(f"  {step}" for step in smallest.steps),
            "what happens:",
            *(f"  {sentence}" for sentence in played.log),
            "what is wrong:",
            *(f"  {sentence}" for sentence in _findings(played)),
        ]
    )


def _kind(findings: list[str]) -> str:
    """What sort of trouble it is: the first word is a table, or begins a sentence."""
    return findings[0].split(" ", 1)[0] if findings else ""


def _findings(played: Played) -> list[str]:
    shown = [text if len(text) < 2000 else f"{text[:300]} … {text[-1200:]}" for text in played.findings[:SHOWN]]
    more = len(played.findings) - len(shown)
    return [*shown, *([f"and {more} more"] if more else [])]


@contextmanager
def database(server: str) -> Iterator[str]:
    """A database for one process."""
    name = f"simulation_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as person:
        person.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as person:
            person.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


_url = ""


def _begin(urls: Any) -> None:
    global _url  # noqa: PLW0603 - a process of the pool has one database for all its histories
    _url = urls.get()


def _one(seed: int) -> tuple[int, list[str]]:
    return seed, _findings(play(history(seed), _url, "history"))


def _tell(seed: int) -> str:
    return told(seed, _url)
