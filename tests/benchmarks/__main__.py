"""Speed and memory of whole syncs, as ratios measured in one run. `make bench`, or `make bench ARGS='--quick start'`.

Everything is real and on this machine: the `penstock` command, a PostgreSQL of its own, the sandbox HubSpot. What a
ratio compares is measured in the same run, so that a slow machine makes both sides slow.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import cases
from tests.benchmarks.machine import Machine

CASES: dict[str, Callable[[Machine, int, int], None]] = {
    "start": cases.start,
    "historical": cases.historical,
    "latency": cases.latency,
    "incremental": cases.incremental,
    "reconcile": cases.reconcile,
    "api": cases.api,
}


def main() -> int:
    """Run the cases asked for, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", help=f"which: {', '.join(CASES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the records, to see that it works")
    asked = parser.parse_args()
    unknown = set(asked.cases) - set(CASES)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    small, large = (20_000, 100_000) if asked.quick else (200_000, 1_000_000)
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder, Machine(Path(folder)) as machine:
        for name in asked.cases or CASES:
            print(f"\n{name}", flush=True)
            CASES[name](machine, small, large)
    return 0


if __name__ == "__main__":
    sys.exit(main())
