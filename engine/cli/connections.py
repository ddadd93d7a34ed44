"""`penstock connections`: look at, test, pause and delete connections."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli import edit, schemas
from engine.cli.options import AsJson, Name

app = typer.Typer(help="Create, look at, test, change and delete connections.", no_args_is_help=True)
app.command("create")(edit.create)


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List all connections."""
    from engine.cli.workspace import opened, output

    with opened() as workspace:
        connections = workspace.connections.all()
        documents = [workspace.document(connection) for connection in connections]
    if as_json:
        output.print_json(documents)
        return
    output.print_table(
        ["NAME", "SERVICE", "SETUP", "SYNC", "LAST SUCCESS", "ID"],
        (
            (
                connection.schema,
                connection.service,
                connection.setup_state,
                document["status"]["sync_state"],
                output.relative(connection.succeeded_at, output.clock()) or "never",
                connection.id,
            )
            for connection, document in zip(connections, documents, strict=True)
        ),
        empty="There are no connections yet. Make one: penstock connections create --help",
    )


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a connection's settings, state and last setup tests, and what its syncs cost at the source."""
    from dataclasses import asdict

    from engine.cli.workspace import opened, output

    with opened() as workspace:
        connection = workspace.connections.get(name)
        document = workspace.document(connection)
        tests = workspace.connections.setup_tests(connection.id)
        costs, unknown = workspace.costs(connection)
    if as_json:
        found = {"setup_tests": output.setup_test_documents(tests), "costs": [asdict(cost) for cost in costs]}
        output.print_json({**document, **found})
        return
    output.print_document(document)
    output.print_setup_tests(tests)
    output.print_costs(costs, unknown)


@app.command("test")
def run_setup_tests(name: Name, as_json: AsJson = False) -> None:
    """Run a connection's setup tests; exit code 1 if one fails."""
    from engine.cli.workspace import opened, output

    with opened() as workspace:
        tests = workspace.connections.test(name)
    if as_json:
        output.print_json(output.setup_test_documents(tests))
    else:
        output.print_setup_tests(tests)
    if output.any_failed(tests):
        raise typer.Exit(1)


app.command("update")(edit.update)
app.command("schemas")(schemas.schemas)
app.command("enable")(schemas.enable)
app.command("disable")(schemas.disable)
app.command("hash")(schemas.hash_)
app.command("unhash")(schemas.unhash)


@app.command("connect-card")
def connect_card(
    name: Name,
    redirect_uri: Annotated[
        str | None, typer.Option(help="Where the person goes afterwards; kept. [default: what is kept]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a link by which a person without a key connects their account in a browser.

    The daemon answers it. Earlier links of the connection open nothing any more.
    """
    from engine.cli.workspace import opened, output, parse
    from engine.connections.body import CardBody
    from engine.connections.cards import LIFETIME, ConnectCards

    body = parse(CardBody, {"connect_card_config": {"redirect_uri": redirect_uri}} if redirect_uri else {})
    with opened() as workspace:
        cards = ConnectCards(workspace.database, workspace.vault, workspace.settings)
        issued = cards.issue(name, body.connect_card_config)
    if as_json:
        card = {"token": issued.token, "uri": issued.uri}
        output.print_json({"connect_card": card, "connect_card_config": issued.config})
        return
    typer.echo(issued.uri)
    typer.echo(
        f"Good for {LIFETIME.days} days, while `penstock serve` runs. Whoever has it can connect an account.", err=True
    )


@app.command()
def pause(name: Name) -> None:
    """Let the schedule pass a connection over.

    A sync that is running goes on to its end.
    """
    from engine.cli.workspace import opened

    with opened() as workspace:
        connection = workspace.connections.pause(name)
    typer.echo(f"Paused '{connection.schema}'.")


@app.command()
def resume(name: Name) -> None:
    """Sync a connection by its schedule again."""
    from engine.cli.workspace import opened

    with opened() as workspace:
        connection = workspace.connections.resume(name)
    typer.echo(f"Resumed '{connection.schema}'.")


@app.command()
def delete(name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete a connection; its tables in the destination stay. A sync that runs is stopped first."""
    from engine.cli.workspace import opened
    from engine.connections.control import Control

    with opened() as workspace:
        connection = workspace.connections.get(name)
        if not yes:
            typer.confirm(f"Delete '{connection.schema}' ({connection.service})? Its tables stay.", abort=True)
        Control(workspace.database, workspace.vault).delete(connection.id)
    typer.echo(f"Deleted '{connection.schema}'. Its tables in the destination are still there.")
