"""The root of the command: its groups, and `--version`.

The modules of the commands import at their top only what costs nothing; the rest is imported by the command that needs
it, so that `penstock --help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli import connections, database, extras, keys, reports, run, settings, verify

app = typer.Typer(
    name="penstock",
    help="Replicates HubSpot into PostgreSQL on a schedule, without losing a record.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # Rich draws the tables; for the help it would take three times as long as all the rest
)
app.add_typer(connections.app, name="connections")
app.command("sync")(run.sync)
app.command("verify")(verify.verify)
app.command("status")(reports.status)
app.command("history")(reports.history)
app.command("serve")(run.serve)
app.command("worker")(run.worker)
app.command("settings")(settings.show)
app.add_typer(keys.app, name="keys")
app.add_typer(database.app, name="db")
app.command("sandbox", context_settings=extras.SANDBOX_ARGUMENTS)(extras.sandbox)
app.command("demo", context_settings=extras.DEMO_ARGUMENTS, add_help_option=False)(extras.demo)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"penstock {version('penstock')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Replicates HubSpot into PostgreSQL on a schedule, without losing a record."""
