"""Runs histories: `python -m tests.simulation --seeds 500`, or `make simulate SEEDS=500`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # where pytest finds them as well

from simulation.command import main

if __name__ == "__main__":
    sys.exit(main())
