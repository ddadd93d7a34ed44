"""`penstock demo`: the whole way from HubSpot to PostgreSQL, on a machine that has neither.

A sandbox stands in for HubSpot, the embedded PostgreSQL is both state and destination, and everything in between is the
real command line, run as a person would run it. The demo itself only changes records through HubSpot's API, and looks.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from typing import Annotated

import typer

from connectors.hubspot.demo import next_steps, show
from connectors.hubspot.demo.api import HubSpot
from connectors.hubspot.demo.changes import change_records
from connectors.hubspot.demo.home import KEPT, SCHEMA, TOKEN_FILE, Home, forget_settings
from connectors.hubspot.demo.processes import interruptions
from connectors.hubspot.demo.tables import Tables


def run(
    *,
    keep: Annotated[bool, typer.Option("--keep", help=f"Leave it running, in ./{KEPT}.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop what --keep left running, and remove it.")] = False,
    contacts: Annotated[int, typer.Option(hidden=True, min=100)] = 10_000,
    companies: Annotated[int, typer.Option(hidden=True, min=20)] = 2_000,
    deals: Annotated[int, typer.Option(hidden=True, min=40)] = 3_000,
) -> None:
    """See it work: a sandbox HubSpot is replicated into an embedded PostgreSQL, changed, and replicated again.

    Everything is in a folder of its own. Your settings, databases and connections are left alone.
    """
    forgotten = forget_settings()
    if stop:
        kept = Home.kept()
        kept.remove()
        show.line(f"The demo in {kept.folder} is stopped and removed.")
        return
    for number in interruptions():
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as left_behind:
            home = Home.make(keep=keep)
            left_behind.callback(home.remove)
            show.title("Penstock demo: HubSpot into PostgreSQL, with nothing but this machine")
            show.line()
            show.fact("folder", f"{home.folder}, {'which stays' if keep else 'removed at the end'}")
            hubspot = home.start_sandbox(contacts, companies, deals)
            records = f"{contacts:,} contacts, {companies:,} companies, {deals:,} deals"
            show.fact("HubSpot", f"{hubspot.url}, a sandbox with {records}")
            show.fact("Penstock", f"{home.start_daemon()}, its daemon with a PostgreSQL of its own")
            _sync_twice(home, hubspot)
            if keep:
                next_steps.of_kept(home, hubspot, forgotten)
                left_behind.pop_all()
            else:
                next_steps.of_removed(home)
    except KeyboardInterrupt:
        show.console.show_cursor()  # a progress bar may have hidden it
        sys.stderr.write("\nInterrupted. What the demo started is stopped, and its folder is removed.\n")
        raise


def _sync_twice(home: Home, hubspot: HubSpot) -> None:
    show.heading("1. Connect")
    home.penstock(
        "connections", "create", "--schema", SCHEMA, "--schedule-type", "manual", "--access-token-file", TOKEN_FILE
    )
    show.heading("2. Historical sync: everything")
    home.penstock("sync", SCHEMA)

    show.heading("3. Meanwhile, in HubSpot")
    changed = change_records(hubspot)
    show.changes(changed)
    with Tables(home.socket_folder, SCHEMA) as tables:
        before = tables.answers(changed.questions)
        show.heading("4. Incremental sync: what changed since")
        home.penstock("sync", SCHEMA)
        show.movements(tables.streams(), *tables.syncs())
        show.heading("5. What became of some of them")
        show.answers(changed.questions, before, tables.answers(changed.questions))
        show.heading("6. In PostgreSQL now")
        show.counts(SCHEMA, tables.counts())
