"""What a person chose of a connection's source, brought into a sync."""

from __future__ import annotations

from engine.connections.source_tables import locked, made, remember, tables_of
from engine.contract import Catalog, LoadSession, Source
from engine.state.database import Database
from engine.state.models import Connection, SchemaConfig, SourceTable
from engine.state.secrets import Vault
from engine.sync.hashing import Hash
from engine.sync.selection import Choice, SelectedSource, Selection


def selected(database: Database, vault: Vault, connection: Connection, source: Source) -> SelectedSource:
    """The source without what is not wanted of it; what it describes is remembered."""

    def select(catalog: Catalog) -> Selection:
        with database.session() as session:
            config = locked(session, connection.id) or made(session, vault, connection.id)
            tables = remember(session, config, catalog)
        # one that nothing is hashed with may be sealed with a key that is lost
        salt = vault.open(config.salt)["salt"] if any(table.hashed for table in tables) else ""
        return Selection({table.name: _choice(config, table) for table in tables}, Hash(bytes.fromhex(salt)))

    return SelectedSource(source, select)


def refill(database: Database, connection: Connection, session: LoadSession, source: SelectedSource) -> None:
    """Let what was chosen anew be read from the beginning, once nothing is left that it must not be mixed with.

    In this order: a crash in between does it all once more before anything was read. What was chosen since the source
    was asked is left to the next sync.
    """
    with database.session() as changing:
        config = locked(changing, connection.id)
        if config is None:
            return
        for table in tables_of(changing, connection.id):
            choice = source.selection.of(table.name)
            if choice != _choice(config, table):
                continue
            wanted = choice.enabled and not table.gone
            if table.erased or (wanted and table.reread):
                session.forget(table.streams)
            if table.erased:
                session.erase(table.name, table.erased)
                table.erased = []
            if wanted:
                table.reread = False


def _choice(config: SchemaConfig, table: SourceTable) -> Choice:
    return Choice(
        enabled=config.enabled and table.enabled,
        history=table.sync_mode == "HISTORY",
        disabled=frozenset(table.disabled),
        hashed=frozenset(table.hashed),
    )
