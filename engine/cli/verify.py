"""`penstock verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from engine.cli.options import AsJson, Name

if TYPE_CHECKING:
    from engine.contract import DifferentRow
    from engine.sync.verify import Verdict

COUNTS = ("rows", "missing", "extra", "different", "rejected", "pending")


def verify(name: Name, as_json: AsJson = False) -> None:
    """Compare a connection's tables with its source, and change nothing.

    Reads the source whole, as a historical sync does. Exit code 1 if rows differ.
    """
    from dataclasses import asdict

    from engine.cli.progress import Bars
    from engine.cli.workspace import opened, output
    from engine.sync.verify import verify as compared

    with opened() as workspace:
        connection = workspace.connections.get(name)
        with Bars() as bars:
            verdict = compared(
                workspace.database, workspace.vault, connection, on_progress=bars.show, on_doubt=_tell_doubt
            )
    if as_json:
        output.print_json({"name": connection.schema, "equal": not verdict.differences, **asdict(verdict)})
    else:
        _print(connection.schema, verdict)
    raise typer.Exit(int(verdict.differences > 0))


def _tell_doubt(rows: int) -> None:
    typer.echo(f"{rows:,} rows differ. They may have changed only now: they are looked at again in a minute.", err=True)


def _print(name: str, verdict: Verdict) -> None:
    from engine.cli import output

    output.print_table(
        ["TABLE", *(count.upper() for count in COUNTS)],
        ([table.table, *(getattr(table, count) for count in COUNTS)] for table in verdict.tables),
        empty="There are no tables.",
    )
    for table in verdict.tables:
        for row in table.examples:
            typer.echo(f"{table.table} {_told(row)}")
        if table.columns:
            columns = ", ".join(f"{column} in {rows:,} rows" for column, rows in table.columns.items())
            typer.echo(f"{table.table} differs in {columns}.")
    for notice in verdict.notices:
        typer.echo(notice, err=True)
    if verdict.unread:
        typer.echo(f"Not compared for lack of access: {', '.join(verdict.unread)}.")
    if verdict.differences:
        typer.echo(
            f"'{name}' differs from its source in {verdict.differences:,} rows. Next: penstock sync {name} --reconcile\n"
            f"If rows still differ after that: penstock sync {name} --force-historical"
        )
    else:
        rows = sum(table.rows for table in verdict.tables)
        typer.echo(f"'{name}' is equal to its source: {rows:,} rows, read in {verdict.api_calls:,} calls.")


def _told(row: DifferentRow) -> str:
    key = ", ".join(f"{column}={value}" for column, value in row.key.items())
    values = (
        f"{column} is {_quoted(row.stored[column])}, not {_quoted(value)}" for column, value in row.source.items()
    )
    return f"{key} is {row.kind}" + "".join(f"; {value}" for value in values)


def _quoted(value: str | None) -> str:
    return "empty" if value is None else f"'{value}'"
