"""What a connection costs at its source, as far as is known."""

from __future__ import annotations

from collections.abc import Sequence

from engine.connections.ends import connect_destination
from engine.contract import Cost, NotFound
from engine.plugins import source_plugin
from engine.state.database import Database
from engine.state.models import Connection, DestinationRecord
from engine.state.secrets import Vault

MINUTES_A_DAY = 24 * 60


def connection_costs(database: Database, vault: Vault, connection: Connection) -> Sequence[Cost]:
    """What each part of its syncs costs, by its schedule and by the sizes that its cursors tell.

    Raises:
        NotFound: its destination is gone.
        DestinationError: its destination cannot be asked.
    """
    with database.session() as reading:
        record = reading.get(DestinationRecord, connection.group_id)
    if record is None:
        raise NotFound("destination", connection.group_id)
    cursors = connect_destination(record, database, vault, connection=connection).cursors(connection.schema)
    plugin = source_plugin(connection.service)
    config = plugin.config.model_validate(connection.config)
    return plugin.costs(config, cursors, MINUTES_A_DAY / connection.sync_frequency)
