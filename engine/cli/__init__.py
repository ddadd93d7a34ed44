"""The `penstock` command. Thin: every action is one call into the rooms that hold the rules."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code.

    0: done. 1: the work failed (a sync, a setup test). 2: the request was wrong, or something it needs cannot be
    reached. 130: interrupted.
    """
    try:
        from engine.cli.app import app

        app(args=args, prog_name="penstock")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return 130
    except BaseException as error:
        from engine.contract import Cancelled, PenstockError

        if isinstance(error, Cancelled):
            return 130
        if not isinstance(error, PenstockError):
            raise
        sys.stderr.write(f"penstock: {error}\n")
        return 2
    return 0
