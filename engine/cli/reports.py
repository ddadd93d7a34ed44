"""`penstock status` and `penstock history`."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, Name


def status(as_json: AsJson = False) -> None:
    """Show all connections with their last and next sync."""
    from engine.cli.workspace import opened, output
    from engine.connections import reports

    with opened() as workspace:
        rows = reports.connection_status(workspace.database, staggered=workspace.settings.schedule_offset)
    if as_json:
        output.print_json(rows)
        return
    now = output.clock()
    output.print_table(
        [
            "NAME",
            "SETUP",
            "SYNC",
            "LAST RUN",
            "ENDED",
            "READ",
            "+ROWS",
            "~ROWS",
            "-ROWS",
            "LAST SUCCESS",
            "NEXT",
            "ERROR",
        ],
        (
            (
                row["name"],
                row["setup_state"],
                row["sync_state"],
                row["last_outcome"],
                output.relative(row["last_finished"], now),
                row["last_records_read"],
                row["last_rows_inserted"],
                row["last_rows_updated"],
                row["last_rows_deleted"],
                output.relative(row["last_success"], now) or "never",
                output.relative(row["next_due"] and max(row["next_due"], now), now),
                row["last_error"],
            )
            for row in rows
        ),
        empty="There are no connections yet. Make one: penstock connections create --help",
    )


def history(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many syncs.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show a connection's last syncs, the newest first."""
    from engine.cli.workspace import opened, output
    from engine.connections import reports

    with opened() as workspace:
        connection = workspace.connections.get(name)
        rows = reports.sync_history(workspace.database, connection.id, limit=limit)
    if as_json:
        output.print_json(rows)
        return
    columns = {
        "SYNC": "id",
        "KIND": "kind",
        "TRIGGER": "trigger",
        "OUTCOME": "outcome",
        "STARTED": "started",
        "TOOK": "took",
        "READ": "records_read",
        "+ROWS": "rows_inserted",
        "~ROWS": "rows_updated",
        "-ROWS": "rows_deleted",
        "REJECTED": "rows_rejected",
        "CALLS": "api_calls",
        "ERROR": "error",
    }
    output.print_table(
        list(columns),
        ([row[column] for column in columns.values()] for row in rows),
        empty=f"'{connection.schema}' was never synced. Start it: penstock sync {connection.schema}",
    )
