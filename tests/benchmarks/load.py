"""Requests at a steady rate, and what they take: latency as the caller sees it, and the server's CPU."""

from __future__ import annotations

import http.client
import itertools
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CALLERS = 16
"""Connections at once. They are kept open, as clients keep theirs."""


@dataclass(frozen=True)
class Load:
    """What so many requests took. Latencies in milliseconds, from the moment each request was due."""

    latencies: Sequence[float]
    cpu_ms: float

    def percentile(self, share: float) -> float:
        """The latency that this share of the requests stayed under."""
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


def loaded(
    url: str, pid: int, paths: Sequence[str], *, rate: float, requests: int, headers: Mapping[str, str] | None = None
) -> Load:
    """Ask for the paths in turn, so many times a second whether answers come or not."""
    address = urlsplit(url).netloc
    callers = threading.local()

    def ask(due: float, path: str) -> float:
        time.sleep(max(0.0, due - time.perf_counter()))
        if not hasattr(callers, "connection"):
            callers.connection = http.client.HTTPConnection(address, timeout=60)
        callers.connection.request("GET", path, headers=dict(headers or {}))
        answer = callers.connection.getresponse()
        answer.read()
        assert answer.status == http.HTTPStatus.OK, path
        return (time.perf_counter() - due) * 1000

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(ask, [0.0] * CALLERS, itertools.cycle(paths)))  # the connections, and what is made once
        used, began = cpu_seconds(pid), time.perf_counter()
        due = [began + number / rate for number in range(requests)]
        latencies = list(pool.map(ask, due, itertools.cycle(paths)))
        return Load(latencies, (cpu_seconds(pid) - used) / requests * 1000)


def cpu_seconds(pid: int) -> float:
    """The CPU that a process has used so far, by Linux's account of it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
