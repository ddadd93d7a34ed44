"""What of a source is synced: looked at, asked for anew, changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.connections import checks
from engine.connections.ends import connect_destination, connect_source, host_of
from engine.connections.schema_body import ColumnBody, DropBody, SchemaBody, SchemasBody, TableBody
from engine.connections.schema_choices import change_table, drop_column
from engine.connections.schema_document import columns_document, schemas_document
from engine.connections.source_metadata import column_metadata, schema_metadata, table_metadata
from engine.connections.source_tables import locked, made, remember, tables_of
from engine.connections.store import destination_of, find, has_schema, hold_connection, note
from engine.contract import Catalog, InvalidSetting, NotFound
from engine.state.database import Database
from engine.state.models import Connection, SchemaConfig, SourceTable
from engine.state.secrets import Vault

MetadataKind = Literal["schemas", "tables", "columns"]

_Work = Callable[[Connection, SchemaConfig, Sequence[SourceTable]], None]


class Schemas:
    """The schema configs of connections. A source has one schema: its kind's name, or the connection's own.

    Methods raise `NotFound` for a connection, or a schema, table or column of the path, that is not there, and for a
    connection whose source was never asked for its tables. What is changed holds from the next sync on.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def config(self, name: str) -> dict[str, Any]:
        """The whole config as it is known; the source is not asked."""
        with self._database.session() as session:
            connection, config = _known(session, name)
            return schemas_document(connection, config, tables_of(session, connection.id))

    def columns(self, name: str, schema: str, table: str) -> dict[str, Any]:
        """All columns that a table has now; the source is asked.

        Raises:
            InvalidSetting: the connection has no credentials yet.
            SourceError: the source cannot tell.
        """

        def keep(_connection: Connection, _config: SchemaConfig, tables: Sequence[SourceTable]) -> None:
            found.append(_named("table", table, tables))

        self._check_schema(name, schema)
        found: list[SourceTable] = []
        self._ask(name, keep)
        return columns_document(found[0])

    def reload(self, name: str, exclude_mode: str = "PRESERVE") -> dict[str, Any]:
        """Ask the source what there is now; with INCLUDE or EXCLUDE, enable everything or disable every table."""

        def work(_connection: Connection, _config: SchemaConfig, tables: Sequence[SourceTable]) -> None:
            if exclude_mode != "PRESERVE":
                wanted = exclude_mode == "INCLUDE"
                for table in tables:
                    columns = {column: ColumnBody(enabled=True) for column in table.disabled} if wanted else {}
                    change_table(table, TableBody(enabled=wanted, columns=columns), table.name)

        self._ask(name, work, chosen=exclude_mode != "PRESERVE")
        return self.config(name)

    def create(self, name: str, body: SchemasBody) -> dict[str, Any]:
        """Say what is wanted before the first sync: the source is asked what there is, new or not."""

        def work(connection: Connection, config: SchemaConfig, tables: Sequence[SourceTable]) -> None:
            _change(connection, config, tables, body)

        self._ask(name, work, chosen=True, handling=body.schema_change_handling)
        return self.config(name)

    def change(self, name: str, body: SchemasBody) -> dict[str, Any]:
        """Change what is named; the rest stays. The source is not asked.

        Raises:
            InvalidSetting: a table or column is not there, or does not allow this; it is named by its path.
        """
        with self._database.session() as session:
            connection = find(session, name, held=True)
            config = locked(session, connection.id)
            if config is None:
                raise NotFound("schema config", connection.id, "Reload it, or sync once.")
            _change(connection, config, tables_of(session, connection.id), body)
            _note(session, connection)
        return self.config(connection.id)

    def change_schema(self, name: str, schema: str, body: SchemaBody) -> dict[str, Any]:
        """The same for what the schema's path names."""
        self._check_schema(name, schema)
        return self.change(name, SchemasBody(schemas={schema: body}))

    def change_table(self, name: str, schema: str, table: str, body: TableBody) -> dict[str, Any]:
        """The same for a table."""
        self._find(name, table)
        return self.change_schema(name, schema, SchemaBody(tables={table: body}))

    def change_column(self, name: str, schema: str, table: str, column: str, body: ColumnBody) -> dict[str, Any]:
        """The same for a column."""
        if column not in {each["name"] for each in self._find(name, table).columns}:
            raise NotFound("column", column)
        return self.change_table(name, schema, table, TableBody(columns={column: body}))

    def drop_columns(self, name: str, body: DropBody) -> None:
        """Let the next sync take the values of disabled columns out of their tables.

        Raises:
            NotFound: there is no such schema, table or column.
            Conflict: a column is not disabled; nothing is done.
        """
        with self._database.session() as session:
            connection = find(session, name, held=True)
            if locked(session, connection.id) is None:
                raise NotFound("schema config", connection.id, "Reload it, or sync once.")
            tables = tables_of(session, connection.id)
            for schema, dropped in body.schemas.items():
                if not has_schema(connection, schema):
                    raise NotFound("schema", schema)
                for table, wanted in dropped.tables.items():
                    for column in wanted.columns:
                        path = f"schemas.{schema}.tables.{table}.columns.{column}"
                        drop_column(_named("table", table, tables), column, path)
            _note(session, connection)

    def metadata(self, name: str, kind: MetadataKind) -> list[dict[str, Any]]:
        """The schema, its tables or their columns as a flat list; for the columns the source is asked.

        Raises:
            InvalidSetting: the connection has no credentials yet.
            SourceError: the source cannot tell.
        """
        with self._database.session() as session:
            connection, _ = _known(session, name)
            tables = tables_of(session, connection.id)
        match kind:
            case "schemas":
                return schema_metadata(connection)
            case "tables":
                return table_metadata(connection, tables)
            case "columns":
                return column_metadata(connection, tables, self._discovered(connection))

    def _check_schema(self, name: str, schema: str) -> None:
        with self._database.session() as session:
            connection = find(session, name)
        if not has_schema(connection, schema):
            raise NotFound("schema", schema)

    def _find(self, name: str, table: str) -> SourceTable:
        with self._database.session() as session:
            return _named("table", table, tables_of(session, find(session, name).id))

    def _ask(self, name: str, work: _Work, *, chosen: bool = False, handling: str | None = None) -> None:
        """Remember what the source has now, and do some work on that in the same transaction."""
        with self._database.session() as session:
            connection = find(session, name)
        catalog = self._discovered(connection)
        with self._database.session() as session:
            connection = hold_connection(session, connection.id)
            config = made(session, self._vault, connection.id)
            if handling is not None:
                config.schema_change_handling = handling
            work(connection, config, remember(session, config, catalog))
            if chosen:
                _note(session, connection)

    def _discovered(self, connection: Connection) -> Catalog:
        if connection.auth is None:
            raise InvalidSetting("auth", checks.NO_CREDENTIALS.message)
        with self._database.session() as session:
            record = destination_of(session, connection.group_id)
        destination = connect_destination(record, self._database, self._vault, connection=connection)
        cursors = destination.cursors(connection.schema)
        host = host_of(connection, self._database, self._vault)
        with closing(connect_source(connection, host)) as source:
            return source.discover(cursors)


def _known(session: Session, name: str) -> tuple[Connection, SchemaConfig]:
    connection = find(session, name)
    config = session.scalar(select(SchemaConfig).where(SchemaConfig.connection_id == connection.id))
    if config is None:
        raise NotFound("schema config", connection.id, "Reload it, or sync once.")
    return connection, config


def _change(connection: Connection, config: SchemaConfig, tables: Sequence[SourceTable], body: SchemasBody) -> None:
    if body.schema_change_handling is not None:
        config.schema_change_handling = body.schema_change_handling
    for schema, said in body.schemas.items():
        if not has_schema(connection, schema):
            raise InvalidSetting(f"schemas.{schema}", f"There is no such schema. It is '{connection.service}'.")
        if said.enabled and not config.enabled:
            for table in tables:
                table.reread = True
        if said.enabled is not None:
            config.enabled = said.enabled
        known = {table.name: table for table in tables}
        for name, wanted in said.tables.items():
            path = f"schemas.{schema}.tables.{name}"
            if name not in known:
                raise InvalidSetting(path, "There is no such table. Reload the schema if it is new.")
            change_table(known[name], wanted, path)


def _named(kind: str, name: str, tables: Sequence[SourceTable]) -> SourceTable:
    for table in tables:
        if table.name == name:
            return table
    raise NotFound(kind, name)


def _note(session: Session, connection: Connection) -> None:
    note(
        session, connection, "schemas_changed", "What is synced of the source was changed; it holds from the next sync."
    )
