"""`penstock db`: the state database's tables."""

from __future__ import annotations

import typer

app = typer.Typer(help="The state database.", no_args_is_help=True)


@app.command("upgrade")
def upgrade() -> None:
    """Bring the state tables to this program's version.

    Stop the daemon and the workers first.
    """
    from engine.settings import settings
    from engine.state.database import connect
    from engine.state.upgrade import current_version, upgrade

    database = connect(settings())
    try:
        with database.transaction() as connection:
            before = current_version(connection)
            upgrade(connection)
            after = current_version(connection)
    finally:
        database.dispose()
    if before == after:
        typer.echo(f"The state database at {database.place} is up to date (version {after}).")
    else:
        typer.echo(f"The state database at {database.place} is at version {after} now.")


@app.command("reseal")
def reseal() -> None:
    """Seal all that is encrypted with the first key of PENSTOCK_SECRET_KEY, so that the others can go."""
    from engine.cli.workspace import opened
    from engine.state.resealing import reseal

    with opened() as workspace:
        with workspace.database.session() as session:
            resealed = reseal(session, workspace.vault)
        typer.echo(f"Sealed {resealed} secrets with the first key. The others can go.")
