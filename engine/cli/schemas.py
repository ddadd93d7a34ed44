"""`penstock connections schemas`, `enable`, `disable`, `hash` and `unhash`: what of a source is synced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from engine.cli.options import AsJson, Name

What = Annotated[list[str], typer.Argument(metavar="TABLE[.COLUMN]...", help="Tables and columns.")]
Columns = Annotated[list[str], typer.Argument(metavar="TABLE.COLUMN...", help="Columns.")]
Reload = Annotated[bool, typer.Option("--reload", help="Ask the source first what there is now.")]


def schemas(name: Name, reload: Reload = False, as_json: AsJson = False) -> None:
    """Show which tables and columns of a connection's source are synced."""
    from engine.cli.workspace import opened, output
    from engine.connections.schemas import Schemas

    with opened() as workspace:
        service = Schemas(workspace.database, workspace.vault)
        config = service.reload(name) if reload else service.config(name)
    if as_json:
        output.print_json(config)
        return
    (schema,) = config["schemas"].values()
    output.print_table(
        ["TABLE", "SYNCED", "MODE", "LEFT OUT", "HASHED"],
        (
            (
                table_name,
                schema["enabled"] and table["enabled"],
                table["sync_mode"],
                ", ".join(column for column, chosen in table["columns"].items() if not chosen["enabled"]),
                ", ".join(column for column, chosen in table["columns"].items() if chosen["hashed"]),
            )
            for table_name, table in schema["tables"].items()
        ),
        empty="The source has no tables.",
    )


def enable(name: Name, what: What) -> None:
    """Sync tables or columns again; the next sync fills them."""
    _change(name, what, enabled=True)


def disable(name: Name, what: What) -> None:
    """Write tables or columns no more; what is there stays."""
    _change(name, what, enabled=False)


def hash_(name: Name, columns: Columns) -> None:
    """Write salted hashes in place of the values of columns; the next sync takes the values out."""
    _change(name, columns, hashed=True)


def unhash(name: Name, columns: Columns) -> None:
    """Write the values of columns again; the next sync fills them."""
    _change(name, columns, hashed=False)


def _change(name: str, what: Sequence[str], **wanted: bool) -> None:
    from engine.cli.workspace import opened, parse
    from engine.connections.schema_body import SchemasBody
    from engine.connections.schemas import Schemas

    with opened() as workspace:
        connection = workspace.connections.get(name)
        body = {"schemas": {connection.schema: {"tables": _tables(what, wanted)}}}
        Schemas(workspace.database, workspace.vault).change(connection.id, parse(SchemasBody, body))
    typer.echo(f"Changed; it holds from the next sync: penstock sync {connection.schema}")


def _tables(what: Sequence[str], wanted: dict[str, bool]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for each in what:
        table, _, column = each.partition(".")
        said = tables.setdefault(table, {})
        if column:
            said.setdefault("columns", {})[column] = wanted
        else:
            said.update(wanted)
    return tables
