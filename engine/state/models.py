"""The state tables, made to be read by a person with psql.

`migrations/` makes them; a test holds that both give the same schema, down to the comments.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "penstock"

DEFAULT_GROUP = "default"
"""The group that is there from the first start; its destination is the state database itself."""

SYNC_FREQUENCIES = (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)
"""Minutes between two syncs of a connection."""

DAILY = 1440
"""The frequency at which `daily_sync_time` counts."""

SCHEDULE_TYPES = ("auto", "manual")
SENSITIVITIES = ("LOW", "NORMAL", "HIGH", "CUSTOM", "SYNC_FREQUENCY")
NETWORKING_METHODS = ("Directly", "PrivateLink", "SshTunnel", "ProxyAgent")
SETUP_STATES = ("incomplete", "connected", "broken")
TRIGGERS = ("schedule", "manual", "resync", "reconcile", "retry")
OUTCOMES = ("running", "succeeded", "failed", "rescheduled", "cancelled", "interrupted")
APPROVAL_SUBJECTS = ("connection", "destination")
APPROVAL_KINDS = ("certificate", "fingerprint")
ENDPOINT_KINDS = ("proxy", "private_link")
TEST_STATUSES = ("PASSED", "WARNING", "SKIPPED", "FAILED")
SCHEMA_CHANGE_HANDLINGS = ("ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL")
SYNC_MODES = ("SOFT_DELETE", "HISTORY")


def _one_of(column: str, values: Sequence[object]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" if isinstance(value, str) else str(value) for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


_NOW = text("now()")
_COUNT = text("0")
_FALSE = text("false")
_TRUE = text("true")
_EMPTY_LIST = text("'[]'")
_EMPTY_OBJECT = text("'{}'")


class Base(DeclarativeBase):
    """All tables live in the schema `penstock`; every time is timestamptz and aware."""

    metadata = MetaData(
        schema=SCHEMA,
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
        },
    )
    type_annotation_map = {  # noqa: RUF012 - the declarative base reads it as a class attribute
        str: Text,
        int: BigInteger,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


class Group(Base):
    """Where connections load to; a group has one destination."""

    __tablename__ = "groups"
    __table_args__ = ({"comment": "A group of connections that load to the same destination."},)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    ssh_key: Mapped[str | None] = mapped_column(
        comment="The private key that opens SSH tunnels to the destination, encrypted; made when first needed."
    )
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class DestinationRecord(Base):
    """A group's destination."""

    __tablename__ = "destinations"
    __table_args__ = (
        _one_of("setup_status", SETUP_STATES),
        _one_of("networking_method", NETWORKING_METHODS),
        {"comment": "The database that a group's connections load to; it goes by the group's id."},
    )

    group_id: Mapped[str] = mapped_column(ForeignKey(Group.id, ondelete="CASCADE"), primary_key=True)
    service: Mapped[str] = mapped_column(server_default="postgres_warehouse", comment="The kind of destination.")
    config: Mapped[str | None] = mapped_column(
        comment="How to reach it, encrypted. NULL: this very database is the destination."
    )
    time_zone_offset: Mapped[str] = mapped_column(
        server_default="0", comment="Hours from UTC, -11 to +12; daily sync times are told in it."
    )
    setup_status: Mapped[str] = mapped_column(server_default="incomplete")
    networking_method: Mapped[str] = mapped_column(
        server_default="Directly", comment="How it is reached. Directly leaves that to its config."
    )
    proxy_agent_id: Mapped[str | None] = mapped_column(comment="The proxy it is reached through, for ProxyAgent.")
    private_link_id: Mapped[str | None] = mapped_column(comment="The address it is reached at, for PrivateLink.")
    hybrid_deployment_agent_id: Mapped[str | None] = mapped_column(
        comment="Syncs to it run only on workers started with this id, unless the connection names another."
    )
    kept: Mapped[dict[str, Any]] = mapped_column(
        server_default=_EMPTY_OBJECT, comment="Fields kept for compatibility; no effect."
    )
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Connection(Base):
    """A source's settings and credentials, the destination schema it fills, and its schedule."""

    __tablename__ = "connections"
    __table_args__ = (
        UniqueConstraint("group_id", "schema"),
        _one_of("sync_frequency", SYNC_FREQUENCIES),
        CheckConstraint(
            rf"daily_sync_time IS NULL OR sync_frequency = {DAILY} AND daily_sync_time ~ '^([01][0-9]|2[0-3])\:00$'",
            name="daily_sync_time",
        ),
        _one_of("schedule_type", SCHEDULE_TYPES),
        _one_of("data_delay_sensitivity", SENSITIVITIES),
        _one_of("networking_method", NETWORKING_METHODS),
        _one_of("setup_state", SETUP_STATES),
        {"comment": "What is replicated: a source, the schema it fills, and when. Its name is its schema."},
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    group_id: Mapped[str] = mapped_column(ForeignKey(Group.id))
    service: Mapped[str] = mapped_column(comment="The kind of source.")
    schema: Mapped[str] = mapped_column(
        comment="The schema it fills in the destination, which is also its name. Never changes."
    )
    config: Mapped[dict[str, Any]] = mapped_column(comment="The source's own settings, without credentials.")
    auth: Mapped[str | None] = mapped_column(comment="The credentials, encrypted.")
    paused: Mapped[bool] = mapped_column(server_default=_FALSE, comment="Not synced by schedule.")
    pause_after_trial: Mapped[bool] = mapped_column(server_default=_FALSE, comment="Kept for compatibility; no effect.")
    sync_frequency: Mapped[int] = mapped_column(server_default=text("360"), comment="Minutes between two syncs.")
    daily_sync_time: Mapped[str | None] = mapped_column(
        comment="HH:00 at which a daily sync starts, in the destination's time zone. NULL: midnight."
    )
    schedule_type: Mapped[str] = mapped_column(server_default="auto", comment="manual: synced only when asked to.")
    data_delay_sensitivity: Mapped[str] = mapped_column(
        server_default="NORMAL", comment="How late data may be before the connection counts as delayed."
    )
    data_delay_threshold: Mapped[int] = mapped_column(
        server_default=_COUNT, comment="Minutes, for data_delay_sensitivity CUSTOM."
    )
    networking_method: Mapped[str] = mapped_column(
        server_default="Directly",
        comment="ProxyAgent: how the source is called. SshTunnel, PrivateLink: how its destination is reached.",
    )
    proxy_agent_id: Mapped[str | None] = mapped_column(
        comment="The proxy the source is called through, for ProxyAgent."
    )
    private_link_id: Mapped[str | None] = mapped_column(
        comment="The address its destination is reached at, for PrivateLink."
    )
    hybrid_deployment_agent_id: Mapped[str | None] = mapped_column(
        comment="It is synced only by workers started with this id."
    )
    local_processing_agent_id: Mapped[str | None] = mapped_column(comment="Kept for compatibility; no effect.")
    connect_card_config: Mapped[dict[str, Any] | None] = mapped_column(
        comment="Where the Connect Card sends a person after the set-up."
    )
    kept: Mapped[dict[str, Any]] = mapped_column(
        server_default=_EMPTY_OBJECT, comment="Further fields kept for compatibility; no effect."
    )
    connected_by: Mapped[str | None] = mapped_column(comment="Who created it.")
    service_version: Mapped[int] = mapped_column(server_default=text("1"))
    setup_state: Mapped[str] = mapped_column(
        server_default="incomplete",
        comment="incomplete: the setup tests never passed; connected; broken: a person must mend it.",
    )
    is_historical_sync: Mapped[bool] = mapped_column(
        server_default=text("true"), comment="The next or running sync reads everything; false once one succeeded."
    )
    reconcile_requested_at: Mapped[datetime | None] = mapped_column(
        comment="When it was asked for that the next sync also looks for what the source changed without a word; "
        "empty as soon as all streams have begun with that."
    )
    resync_requested: Mapped[bool] = mapped_column(
        server_default=_FALSE, comment="The next sync forgets how far it had read before it starts."
    )
    resync_streams: Mapped[list[Any]] = mapped_column(
        server_default=_EMPTY_LIST, comment="Streams that the next sync reads from the beginning."
    )
    rescheduled_for: Mapped[datetime | None] = mapped_column(
        comment="The source's quota is spent: the sync goes on at this time."
    )
    delayed_since: Mapped[datetime | None] = mapped_column(
        comment="When its data was found to be delayed, and that was told."
    )
    succeeded_at: Mapped[datetime | None] = mapped_column(comment="When a sync last succeeded.")
    failed_at: Mapped[datetime | None] = mapped_column(comment="When a sync last failed.")
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class ConnectCard(Base):
    """The newest card by which a person without a key can set a connection up."""

    __tablename__ = "connect_cards"
    __table_args__ = ({"comment": "The newest Connect Card of each connection; older ones open nothing any more."},)

    connection_id: Mapped[str] = mapped_column(ForeignKey(Connection.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(comment="What tells it from older ones.")
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    expires_at: Mapped[datetime]
    state_hash: Mapped[str | None] = mapped_column(
        comment="SHA-256 of what the source has to bring back. NULL: nobody is on the way."
    )
    browser_hash: Mapped[str | None] = mapped_column(comment="SHA-256 of the cookie of who is, or was last.")
    used_at: Mapped[datetime | None] = mapped_column(comment="When the connection was set up by it; it is used up.")


class SchemaConfig(Base):
    """What is to be synced of a connection's source: what holds for all of its tables."""

    __tablename__ = "schema_configs"
    __table_args__ = (
        _one_of("schema_change_handling", SCHEMA_CHANGE_HANDLINGS),
        {
            "comment": "What is to be synced of the source of a connection; there once the tables of the source are known."
        },
    )

    connection_id: Mapped[str] = mapped_column(ForeignKey(Connection.id, ondelete="CASCADE"), primary_key=True)
    schema_change_handling: Mapped[str] = mapped_column(
        server_default="ALLOW_ALL",
        comment="What of the source is synced when it is new: ALLOW_ALL; ALLOW_COLUMNS, but no tables; BLOCK_ALL, nothing.",
    )
    enabled: Mapped[bool] = mapped_column(server_default=_TRUE, comment="false: nothing is synced at all.")
    salt: Mapped[str] = mapped_column(comment="What hashed values are salted with, encrypted.")
    discovered_at: Mapped[datetime] = mapped_column(
        server_default=_NOW, comment="When the tables of the source were last found to be other than before."
    )


class SourceTable(Base):
    """A table of a connection's source, as it was last described, and what is to be synced of it."""

    __tablename__ = "source_tables"
    __table_args__ = (
        _one_of("sync_mode", SYNC_MODES),
        {"comment": "The tables that a connection has at its source, and what is to be synced of them."},
    )

    connection_id: Mapped[str] = mapped_column(
        ForeignKey(SchemaConfig.connection_id, ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(comment="The order in which the source names them.")
    enabled: Mapped[bool] = mapped_column(server_default=_TRUE, comment="false: not written any more.")
    sync_mode: Mapped[str] = mapped_column(
        server_default="SOFT_DELETE", comment="SOFT_DELETE, or HISTORY: every version of a row is kept."
    )
    disabled: Mapped[list[Any]] = mapped_column(server_default=_EMPTY_LIST, comment="Columns not written any more.")
    hashed: Mapped[list[Any]] = mapped_column(server_default=_EMPTY_LIST, comment="Columns written as hashes.")
    touched: Mapped[list[Any]] = mapped_column(server_default=_EMPTY_LIST, comment="Columns that a person chose for.")
    columns: Mapped[list[Any]] = mapped_column(
        comment="All columns there ever were: [{name, key, fixed, gone}]; what is fixed cannot be left out."
    )
    streams: Mapped[list[Any]] = mapped_column(comment="The streams that fill it.")
    supports_history: Mapped[bool] = mapped_column(comment="Whether sync_mode may be HISTORY.")
    gone: Mapped[bool] = mapped_column(server_default=_FALSE, comment="The source has it no more.")
    reread: Mapped[bool] = mapped_column(server_default=_FALSE, comment="The next sync reads it from the beginning.")
    erased: Mapped[list[Any]] = mapped_column(
        server_default=_EMPTY_LIST, comment="Columns whose values the next sync takes out of the table first."
    )


class Sync(Base):
    """One run of a connection."""

    __tablename__ = "syncs"
    __table_args__ = (
        Index("syncs_connection_id_id_idx", "connection_id", text("id DESC")),
        Index("syncs_one_running_per_connection", "connection_id", unique=True, postgresql_where="outcome = 'running'"),
        _one_of("trigger", TRIGGERS),
        _one_of("outcome", OUTCOMES),
        {"comment": "One row for each run of a connection, kept up to date while it runs."},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey(Connection.id, ondelete="CASCADE"))
    trigger: Mapped[str] = mapped_column(comment="What started it: schedule, manual, resync, reconcile or retry.")
    historical: Mapped[bool] = mapped_column(comment="Whether it read everything rather than what changed.")
    started_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(
        server_default="running",
        comment="running; succeeded; failed; rescheduled (quota spent, goes on at retry_at); "
        "cancelled (somebody asked to stop); interrupted (its process died).",
    )
    records_read: Mapped[int] = mapped_column(server_default=_COUNT, comment="Records received from the source.")
    rows_inserted: Mapped[int] = mapped_column(server_default=_COUNT)
    rows_updated: Mapped[int] = mapped_column(server_default=_COUNT)
    rows_deleted: Mapped[int] = mapped_column(server_default=_COUNT, comment="Rows marked as deleted.")
    rows_rejected: Mapped[int] = mapped_column(
        server_default=_COUNT, comment="Rows the destination cannot hold; they are in its table penstock.rejects."
    )
    api_calls: Mapped[int] = mapped_column(server_default=_COUNT, comment="Requests made to the source.")
    error_code: Mapped[str | None]
    error: Mapped[str | None] = mapped_column(comment="What went wrong and what to do next.")
    notices: Mapped[list[Any]] = mapped_column(
        server_default=_EMPTY_LIST, comment="What a person should know although it went on: [{code, message, stream}]."
    )
    retry_at: Mapped[datetime | None] = mapped_column(comment="When it is tried again by itself.")
    worker: Mapped[str | None] = mapped_column(comment="host:pid of the process that runs or ran it.")
    heartbeat_at: Mapped[datetime] = mapped_column(
        server_default=_NOW, comment="The run's last sign of life; a running one that is silent for minutes is dead."
    )
    stop_requested: Mapped[bool] = mapped_column(
        server_default=_FALSE, comment="Somebody asked it to stop; it does so at its next sign of life."
    )


class SyncStream(Base):
    """One stream within one run."""

    __tablename__ = "sync_streams"
    __table_args__ = (
        _one_of("outcome", OUTCOMES),
        {"comment": "One row for each stream that a sync read, kept up to date while it is read."},
    )

    sync_id: Mapped[int] = mapped_column(ForeignKey(Sync.id, ondelete="CASCADE"), primary_key=True)
    stream: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(server_default="running", comment="The same words as in syncs.")
    started_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    finished_at: Mapped[datetime | None]
    records_read: Mapped[int] = mapped_column(server_default=_COUNT)
    records_expected: Mapped[int | None] = mapped_column(comment="How many there will be, where the source tells.")
    rows_inserted: Mapped[int] = mapped_column(server_default=_COUNT)
    rows_updated: Mapped[int] = mapped_column(server_default=_COUNT)
    rows_deleted: Mapped[int] = mapped_column(server_default=_COUNT)
    rows_rejected: Mapped[int] = mapped_column(server_default=_COUNT)
    error: Mapped[str | None]


class SetupTestRecord(Base):
    """One check of the last round of setup tests."""

    __tablename__ = "setup_tests"
    __table_args__ = (
        _one_of("status", TEST_STATUSES),
        {"comment": "What the last setup tests of each connection found."},
    )

    connection_id: Mapped[str] = mapped_column(ForeignKey(Connection.id, ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, comment="The order in which they ran.")
    title: Mapped[str]
    status: Mapped[str]
    message: Mapped[str] = mapped_column(server_default="")
    details: Mapped[Any | None] = mapped_column(JSONB)
    run_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Event(Base):
    """Something that happened to a connection, and why."""

    __tablename__ = "events"
    __table_args__ = (
        Index("events_connection_id_id_idx", "connection_id", text("id DESC")),
        {"comment": "What happened to connections, and why. Outlives them."},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=_NOW)
    connection_id: Mapped[str | None] = mapped_column(ForeignKey(Connection.id, ondelete="SET NULL"))
    connection: Mapped[str | None] = mapped_column(comment="The connection's name, also after it is deleted.")
    kind: Mapped[str] = mapped_column(comment="A stable word: created, updated, paused, resumed, tested, deleted, ...")
    message: Mapped[str]
    details: Mapped[dict[str, Any] | None]


class ApiKey(Base):
    """A key that opens the HTTP interface."""

    __tablename__ = "api_keys"
    __table_args__ = ({"comment": "Keys that open the HTTP interface; the secrets themselves are not kept."},)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret_hash: Mapped[str]
    scopes: Mapped[list[Any]] = mapped_column(server_default=_EMPTY_LIST)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Webhook(Base):
    """Where events are sent."""

    __tablename__ = "webhooks"
    __table_args__ = ({"comment": "Addresses that events are sent to."},)

    id: Mapped[str] = mapped_column(primary_key=True)
    group_id: Mapped[str | None] = mapped_column(
        ForeignKey(Group.id, ondelete="CASCADE"), comment="Only events of this group. NULL: of all."
    )
    url: Mapped[str]
    events: Mapped[list[Any]] = mapped_column(comment="The events that are sent.")
    active: Mapped[bool] = mapped_column(server_default=text("true"), comment="false: nothing is sent.")
    secret: Mapped[str | None] = mapped_column(comment="What events are signed with, encrypted.")
    created_by: Mapped[str | None] = mapped_column(comment="Who created it.")
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    failed_at: Mapped[datetime | None] = mapped_column(comment="When it last failed to take an event.")
    failure: Mapped[str | None] = mapped_column(comment="Why.")


class WebhookDelivery(Base):
    """An event on its way to a webhook."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("webhook_deliveries_next_at_idx", "next_at"),
        {"comment": "Events that wait to be sent to a webhook; gone once they are taken."},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey(Webhook.id, ondelete="CASCADE"))
    payload: Mapped[dict[str, Any]]
    attempts: Mapped[int] = mapped_column(server_default=_COUNT, comment="How often it was tried.")
    next_at: Mapped[datetime] = mapped_column(server_default=_NOW, comment="When it is tried next.")
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Approval(Base):
    """A certificate or a host key that a person trusts."""

    __tablename__ = "approvals"
    __table_args__ = (
        _one_of("subject", APPROVAL_SUBJECTS),
        _one_of("kind", APPROVAL_KINDS),
        {"comment": "Certificates and host-key fingerprints that a person has approved."},
    )

    subject: Mapped[str] = mapped_column(primary_key=True, comment="connection or destination.")
    subject_id: Mapped[str] = mapped_column(primary_key=True, comment="The id of the connection or the group.")
    kind: Mapped[str] = mapped_column(primary_key=True, comment="certificate or fingerprint.")
    hash: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[str] = mapped_column(comment="The certificate (DER in base64) or the public key.")
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Endpoint(Base):
    """A proxy, or a private address of a destination, that connections may name."""

    __tablename__ = "endpoints"
    __table_args__ = (
        _one_of("kind", ENDPOINT_KINDS),
        {"comment": "Proxies and private addresses that connections and destinations may be led through."},
    )

    kind: Mapped[str] = mapped_column(primary_key=True, comment="proxy or private_link.")
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    address: Mapped[str] = mapped_column(comment="Where it is, encrypted: a proxy's may hold a password.")
    created_by: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Worker(Base):
    """A process that runs syncs."""

    __tablename__ = "workers"
    __table_args__ = ({"comment": "The processes that run syncs, or did within the last hour."},)

    worker: Mapped[str] = mapped_column(primary_key=True, comment="host:pid, as in syncs.worker.")
    agent: Mapped[str | None] = mapped_column(
        comment="It runs only syncs of connections with this hybrid_deployment_agent_id. NULL: only those without one."
    )
    started_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    heartbeat_at: Mapped[datetime] = mapped_column(
        server_default=_NOW, comment="Its last sign of life; one that is silent for 20 seconds is gone."
    )


class RateBudget(Base):
    """One of a source account's rate limits, shared by all processes."""

    __tablename__ = "rate_budgets"
    __table_args__ = (
        {
            "comment": "The rate limits of source accounts: one row paces all processes that call an account.",
            # a commit need not wait for the disk; after a crash of PostgreSQL pacing simply starts anew
            "prefixes": ["UNLOGGED"],
        },
    )

    account: Mapped[str] = mapped_column(primary_key=True)
    policy: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime] = mapped_column(comment="When the next request may be made.")
    limit_per_window: Mapped[int] = mapped_column(comment="Requests that the source allows in window_seconds.")
    window_seconds: Mapped[float]
    held_until: Mapped[datetime | None] = mapped_column(comment="The source asked for silence until then.")
