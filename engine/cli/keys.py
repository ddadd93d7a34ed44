"""`penstock keys`: what opens the HTTP interface."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson

app = typer.Typer(help="Make, look at and revoke the keys of the HTTP interface.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    read_only: Annotated[bool, typer.Option("--read-only", help="It may look, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its secret is shown now and never again."""
    from engine.cli.workspace import opened, output

    with opened() as workspace:
        key, secret = workspace.keys.create(name, ["read"] if read_only else ["read", "write"])
    shown = {"key": key.id, "secret": secret.get_secret_value()}
    if as_json:
        output.print_json({**shown, "name": key.name, "scopes": key.scopes})
        return
    for label, value in shown.items():
        typer.echo(f"{label:<7} {value}")
    typer.echo("Keep the secret: it is not shown again.", err=True)


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List all keys, revoked ones too."""
    from engine.cli.workspace import opened, output

    with opened() as workspace:
        keys = workspace.keys.all()
    columns = {
        "KEY": "id",
        "NAME": "name",
        "SCOPES": "scopes",
        "CREATED": "created_at",
        "LAST USED": "last_used_at",
        "REVOKED": "revoked_at",
    }
    if as_json:
        output.print_json([{column: getattr(key, column) for column in columns.values()} for key in keys])
        return
    output.print_table(
        list(columns),
        (
            (
                key.id,
                key.name,
                ", ".join(key.scopes),
                key.created_at,
                output.relative(key.last_used_at, output.clock()) or "never",
                key.revoked_at,
            )
            for key in keys
        ),
        empty="There are no keys yet. Make one: penstock keys create --name NAME",
    )


@app.command()
def revoke(key: Annotated[str, typer.Argument(help="The key, as `penstock keys list` shows it.")]) -> None:
    """Revoke a key. It opens nothing from the next request on."""
    from engine.cli.workspace import opened

    with opened() as workspace:
        revoked = workspace.keys.revoke(key)
    typer.echo(f"Revoked '{revoked.id}'.")
