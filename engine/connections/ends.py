"""The two ends of a connection, made from what is stored about them."""

from __future__ import annotations

from engine.contract import Destination, Host, Source
from engine.plugins import destination_plugin, source_plugin
from engine.settings import load
from engine.state.database import Database
from engine.state.models import Connection, DestinationRecord
from engine.state.secrets import Vault


def connect_source(connection: Connection, host: Host) -> Source:
    """The connection's source, with the credentials that the host keeps. Makes no request yet.

    Raises:
        InvalidSetting: no such kind of source is installed, or what the operator set for it cannot be taken.
    """
    plugin = source_plugin(connection.service)
    load(plugin.settings)
    return plugin.connect(plugin.config.model_validate(connection.config), host)


def connect_destination(record: DestinationRecord, database: Database, vault: Vault) -> Destination:
    """A group's destination; without a config of its own it is the state database. Makes no connection yet.

    Raises:
        InvalidSetting: no such kind of destination is installed, or its config was sealed with another key.
    """
    plugin = destination_plugin(record.service)
    config = {"url": database.url} if record.config is None else vault.open(record.config)
    return plugin.connect(plugin.config.model_validate(config))
