"""What is measured. Each case prints its figures, the goal beside each."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from tempfile import gettempdir

from tests.benchmarks.load import loaded
from tests.benchmarks.machine import PENSTOCK, Machine, raw_copy

QUOTA = 190
LATENCY_MS = 150
CHANGED = 100
SMALLEST = 10_000
CONNECTIONS = 1_000
READS_A_SECOND = 50


def start(machine: Machine, small: int, large: int) -> None:
    """The command line shows its help at once."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([PENSTOCK, "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    _say("penstock --help, median", f"{sorted(times)[2]:.2f} s", "under 0.5 s")


def historical(machine: Machine, small: int, large: int) -> None:
    """A first sync without latency or limits, against a raw COPY of the same rows; linear in time, flat in memory."""
    rates, cpus, peaks = {}, {}, {}
    for contacts in (SMALLEST, small, large):
        with machine.sandbox(contacts) as sandbox:
            database = machine.database()
            machine.connection(sandbox, database)
            run = machine.sync(sandbox, database)
        rates[contacts], cpus[contacts], peaks[contacts] = run.records / run.seconds, run.cpu, run.peak_mb
        print(f"  {contacts:>9,} contacts: {rates[contacts]:>7,.0f} a second, peak {run.peak_mb:.0f} MB", flush=True)
        if contacts == small:
            copied = raw_copy(database, Path(gettempdir()) / "penstock-bench.copy")
    _say(f"rate of raw COPY ({copied:,.0f} a second)", f"{rates[small] / copied:.0%}", "at least 50 %")
    _say(f"rate at {large:,} against {small:,}", f"{rates[large] / rates[small]:.2f}", "about 1")
    each = (cpus[large] - cpus[SMALLEST]) / (large - SMALLEST)
    _say("engine's own CPU a record", f"{each * 1e6:.1f} us", "under 40 us")
    _say("peak memory, any size", f"{max(peaks.values()):.0f} MB", "under 200 MB")


def latency(machine: Machine, small: int, large: int) -> None:
    """A first sync over a slow line with a professional account's quota."""
    contacts = small
    with machine.sandbox(contacts, "--latency", str(LATENCY_MS), "--limit", str(QUOTA)) as sandbox:
        database = machine.database()
        machine.connection(sandbox, database)
        run = machine.sync(sandbox, database)
        refused = sandbox.state()["refused"]
    pages = contacts / 100
    _say(
        f"of the quota, {LATENCY_MS} ms to an answer",
        f"{pages / run.seconds / (QUOTA / 10):.0%}",
        f"at least 90 % ({pages:,.0f} pages in {run.seconds:.1f} s)",
    )
    _say("answers 429", f"{refused}", "none")


def incremental(machine: Machine, small: int, large: int) -> None:
    """A hundred changed records cost the same among ten thousand as among a million."""
    runs = {}
    for contacts in (SMALLEST, large):
        with machine.sandbox(contacts) as sandbox:
            database = machine.database()
            machine.connection(sandbox, database)
            machine.sync(sandbox, database)
            machine.sync(sandbox, database)
            sandbox.touch(CHANGED)
            runs[contacts] = machine.sync(sandbox, database)
    few, many = runs[SMALLEST], runs[large]
    _say(f"requests among {large:,} against {SMALLEST:,}", f"{many.calls} : {few.calls}", "the same")
    _say("time", f"{many.seconds:.2f} s : {few.seconds:.2f} s", "the same")


def reconcile(machine: Machine, small: int, large: int) -> None:
    """A reconciliation without changes: what it writes, what it holds, and how it compares with the first read."""
    with machine.sandbox(large) as sandbox:
        database = machine.database()
        machine.connection(sandbox, database)
        first = machine.sync(sandbox, database)
        before = machine.written(database)
        run = machine.sync(sandbox, database, "--reconcile")
    _say(f"rows written, {large:,} contacts", f"{machine.written(database) - before}", "none")
    _say("calls for each 1,000 contacts", f"{run.calls / large * 1000:.1f}", "about 11")
    _say("time against the first read", f"{run.seconds / first.seconds:.2f}", f"under 1 ({run.seconds:.0f} s)")
    _say("peak memory", f"{run.peak_mb:.0f} MB", "under 200 MB")


def api(machine: Machine, small: int, large: int) -> None:
    """Reads of the REST interface among a thousand connections, beside those of an application that does nothing."""
    with machine.sandbox(1) as sandbox:
        database = machine.database()
        machine.connection(sandbox, database)
        machine.multiply(database, CONNECTIONS)
        with machine.daemon(sandbox, database) as (url, pid, headers), machine.hello() as (bare, bare_pid):
            requests = READS_A_SECOND * (small // 10_000)
            shapes = {
                "one connection": ["/v1/connections/hubspot"],
                "a page of 100": ["/v1/connections"],
                "groups, users, a connection, a page": [
                    *("/v1/groups", "/v1/users", "/v1/connections/hubspot", "/v1/groups/default/connections")
                ],
            }
            hello = loaded(bare, bare_pid, ["/"], rate=READS_A_SECOND, requests=requests)
            loads = {
                shape: loaded(url, pid, paths, rate=READS_A_SECOND, requests=requests, headers=headers)
                for shape, paths in shapes.items()
            }
    for shape, load in {"a bare FastAPI hello": hello, **loads}.items():
        print(
            f"  {shape:<36} p50 {load.percentile(0.5):>6.1f} ms  p99 {load.percentile(0.99):>6.1f} ms"
            f"  CPU {load.cpu_ms:>5.2f} ms a request",
            flush=True,
        )
    slowest = max(loads.values(), key=lambda load: load.percentile(0.99))
    _say("p99, the slowest of them", f"{slowest.percentile(0.99):.0f} ms", f"under 100 ms, {READS_A_SECOND} a second")
    _say("against the hello's", f"{slowest.percentile(0.99) / hello.percentile(0.99):.1f}", "as it comes")
    _say("its CPU against the hello's", f"{slowest.cpu_ms / hello.cpu_ms:.1f}", "as it comes")


def _say(what: str, figure: str, goal: str) -> None:
    print(f"  {what:<48} {figure:>16}   goal: {goal}", flush=True)
