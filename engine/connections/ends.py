"""The two ends of a connection, made from what is stored about them."""

from __future__ import annotations

import threading
from typing import cast

from pydantic import SecretStr
from sqlalchemy.orm import Session

from engine.connections.approvals import Subject, approved
from engine.connections.endpoints import Kind, address_of
from engine.connections.host import ConnectionHost, Credentials, StoredCredentials
from engine.connections.ssh_keys import group_key
from engine.contract import Destination, Host, Method, Source
from engine.network.trust import Trust
from engine.network.way import Way
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


def host_of(
    connection: Connection,
    database: Database,
    vault: Vault,
    *,
    credentials: Credentials | None = None,
    stop: threading.Event | None = None,
) -> ConnectionHost:
    """What the connection's source is offered; the credentials are the stored ones unless others are given."""
    return ConnectionHost(
        database,
        credentials or StoredCredentials(database, vault, connection.id),
        stop,
        lambda: source_proxy(connection, database, vault),
    )


def source_proxy(connection: Connection, database: Database, vault: Vault) -> SecretStr | None:
    """The proxy that the connection's source is called through, as a URL; None: it is called directly.

    Raises:
        InvalidSetting: it is not registered.
    """
    if connection.networking_method != "ProxyAgent":
        return None
    with database.session() as session:
        return address_of(session, vault, "proxy", connection.proxy_agent_id)


def connect_destination(
    record: DestinationRecord,
    database: Database,
    vault: Vault,
    *,
    connection: Connection | None = None,
    trust: Trust | None = None,
) -> Destination:
    """A group's destination; without a config of its own it is the state database. Makes no connection yet.

    `connection` is who loads to it, if somebody does: it may have a way of its own. `trust` is taken instead of what is
    approved; see `trust_in`.

    Raises:
        InvalidSetting: no such kind of destination is installed, or its config was sealed with another key.
    """
    plugin = destination_plugin(record.service)
    config = {"url": database.url} if record.config is None else vault.open(record.config)
    if trust is None:
        with database.session() as session:
            trust = trust_in(session, record, connection)

    def address(kind: Kind, endpoint_id: str | None) -> SecretStr | None:
        with database.session() as session:
            return address_of(session, vault, kind, endpoint_id)

    way = Way(
        _method(record, connection),
        proxy=lambda: address("proxy", record.proxy_agent_id),
        private_address=lambda: address("private_link", _private_link_id(record, connection)),
        ssh_key=lambda: group_key(database, vault, record.group_id),
        trust=trust,
    )
    return plugin.connect(plugin.config.model_validate(config), way)


def trust_in(session: Session, record: DestinationRecord, connection: Connection | None = None) -> Trust:
    """What was approved for a destination, and for the connection that loads to it."""
    subjects = [Subject("destination", record.group_id)]
    if connection is not None and connection.id is not None:
        subjects.append(Subject("connection", connection.id))
    return Trust(approved(session, subjects))


def _method(record: DestinationRecord, connection: Connection | None) -> Method | None:
    """How the destination is reached, where it is not left to its own config."""
    if connection is not None and connection.networking_method in {"SshTunnel", "PrivateLink"}:
        return cast("Method", connection.networking_method)
    return cast("Method", record.networking_method) if record.networking_method not in {None, "Directly"} else None


def _private_link_id(record: DestinationRecord, connection: Connection | None) -> str | None:
    own = (
        connection.private_link_id if connection is not None and connection.networking_method == "PrivateLink" else None
    )
    return own or record.private_link_id
