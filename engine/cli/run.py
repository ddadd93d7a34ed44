"""`penstock serve`, `worker` and `sync`: what moves data."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, Name


def serve() -> None:
    """Run the daemon: the schedule and workers. It ends cleanly on SIGTERM."""
    from engine import daemon
    from engine.cli.workspace import configured

    raise typer.Exit(daemon.serve(configured()))


def worker(
    agent: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Run only syncs of connections with this hybrid_deployment_agent_id."),
    ] = None,
) -> None:
    """Run syncs for a daemon on another machine.

    It takes jobs from the same PENSTOCK_DATABASE_URL, with the same PENSTOCK_SECRET_KEY, and ends cleanly on SIGTERM.
    With --agent it runs the syncs that only that agent may, without it all others.
    """
    from engine import daemon
    from engine.cli.workspace import configured

    raise typer.Exit(daemon.work(configured(), agent))


def sync(
    name: Name,
    force_historical: Annotated[
        bool, typer.Option("--force-historical", help="Read everything again, over the data that is there.")
    ] = False,
    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="Also look for everything that the source changed without a word.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sync a connection now, and show how far it is.

    The daemon does it when one runs, else this process. Exit code 1 unless the sync succeeds.
    """
    from engine.cli.progress import Bars
    from engine.cli.workspace import opened, output
    from engine.queue.follow import sync_now

    with opened() as workspace:
        connection = workspace.connections.get(name)
        with Bars() as bars:
            outcome = sync_now(
                workspace.database,
                workspace.vault,
                connection.id,
                historical=force_historical,
                reconcile=reconcile,
                on_progress=bars.show,
            )
    if as_json:
        output.print_json(output.sync_document(outcome))
    else:
        output.print_outcome(connection.schema, outcome)
    raise typer.Exit(EXIT_CODES.get(outcome.outcome, 1))


EXIT_CODES = {"succeeded": 0, "cancelled": 130}
"""How a sync's outcome ends the command; everything else is 1."""
