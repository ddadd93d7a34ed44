"""What a connection looks like in answers, field by field; `engine.connections.document` makes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Told(_Document):
    """Something that a person should know, or has to do."""

    code: str = Field(description="A stable word, such as reconnect.")
    message: str | None = Field(description="What it is, and what to do.")
    details: Any = Field(description="More of it for programs; null if there is nothing.")


class Status(_Document):
    """How a connection is."""

    setup_state: Literal["incomplete", "connected", "broken"] = Field(
        description="incomplete: the setup tests never passed. broken: a person must mend it."
    )
    sync_state: Literal["scheduled", "syncing", "paused", "rescheduled"] = Field(
        description="rescheduled: the source's quota is spent, and the sync goes on at rescheduled_for."
    )
    update_state: Literal["on_schedule", "delayed"] = Field(
        description="delayed: the last success lies further back than data_delay_sensitivity allows."
    )
    is_historical_sync: bool = Field(description="Whether the next or running sync reads everything.")
    rescheduled_for: datetime | None = Field(description="When a rescheduled sync goes on; else null.")
    schema_status: Literal["ready"] = Field(description="Always ready.")
    tasks: list[Told] = Field(description="What keeps it from working until a person acts.")
    warnings: list[Told] = Field(description="What the last sync came across although it went on.")


class SetupTestDocument(_Document):
    """What one setup test found."""

    title: str = Field(description="What was tested.")
    status: Literal["PASSED", "WARNING", "SKIPPED", "FAILED"] = Field(description="What came out.")
    message: str = Field(description="What was found, and what to do.")
    details: Any = Field(description="More of it for programs: missing scopes, an error's code; or null.")


class CardConfig(_Document):
    """Where the Connect Card sends a person after the set-up."""

    redirect_uri: str = Field(description="Where the person is sent.")
    hide_setup_guide: bool | None = Field(None, description="Whether the card leaves out the guide.")
    all_fields: bool | None = Field(None, description="Kept and shown only.")


class CardDocument(_Document):
    """A Connect Card: how a person without a key sets the connection up in a browser."""

    token: str = Field(description="What opens it; good for three days, or until a newer one is made.")
    uri: str = Field(description="The page to send the person to; the token is in it.")


class CardAnswer(_Document):
    """A new Connect Card of a connection."""

    connector_id: str = Field(description="The connection's id.")
    connect_card: CardDocument = Field(description="The card.")
    connect_card_config: CardConfig | None = Field(description="Where the card sends a person after the set-up.")


class SyncDetails(_Document):
    """How far the source has been read."""

    last_synced: datetime | None = Field(None, description="When a sync last succeeded.")


class ScheduleDocument(_Document):
    """The schedule in one block."""

    schedule_type: Literal["INTERVAL", "TIME_OF_DAY", "MANUAL"] = Field(description="When it is synced.")
    interval: int | None = Field(None, description="Minutes between two syncs; with INTERVAL.")
    time_of_day: str | None = Field(None, description="HH:00 at which a daily sync starts; with TIME_OF_DAY.")


class ConnectionDocument(_Document):
    """A connection, without its credentials."""

    id: str = Field(description="Its id.")
    group_id: str = Field(description="The group it belongs to.")
    service: str = Field(description="The kind of source.")
    service_version: int = Field(description="The version of the source's kind.")
    schema_: str = Field(alias="schema", description="The schema it fills, which is also its name.")
    connected_by: str | None = Field(description="The user who created it; null if it was no request.")
    created_at: datetime = Field(description="When it was created.")
    succeeded_at: datetime | None = Field(description="When a sync last succeeded.")
    failed_at: datetime | None = Field(description="When a sync last failed.")
    paused: bool = Field(description="Whether it is not synced by schedule.")
    pause_after_trial: bool = Field(description="As it was given; no effect.")
    sync_frequency: int = Field(description="Minutes between two syncs.")
    schedule_type: Literal["auto", "manual"] = Field(description="manual: synced only when asked to.")
    daily_sync_time: str | None = Field(description="HH:00 at which a daily sync starts, if it was given.")
    schedule: ScheduleDocument = Field(description="The same schedule in one block.")
    data_delay_sensitivity: Literal["LOW", "NORMAL", "HIGH", "CUSTOM", "SYNC_FREQUENCY"] = Field(
        description="How late data may be before it counts as delayed."
    )
    data_delay_threshold: int = Field(description="Minutes, for data_delay_sensitivity CUSTOM.")
    networking_method: str = Field(description="How its source and its destination are reached.")
    proxy_agent_id: str | None = Field(description="The proxy, for ProxyAgent.")
    private_link_id: str | None = Field(description="The address, for PrivateLink; null: the destination's.")
    hybrid_deployment_agent_id: str | None = Field(description="Only workers started with this id sync it.")
    local_processing_agent_id: str | None = Field(description="As it was given; no effect.")
    external_secrets_manager_id: str | None = Field(None, description="As it was given; no effect.")
    destination_schema_names: str | None = Field(None, description="As it was given; no effect.")
    destination_configuration: dict[str, Any] | None = Field(None, description="As it was given; no effect.")
    connect_card_config: CardConfig | None = Field(description="Where the Connect Card sends a person.")
    source_sync_details: SyncDetails = Field(description="What the source says about its syncs.")
    status: Status = Field(description="How it is.")
    config: dict[str, Any] = Field(description="The schema and the source's own settings.")


class TestedConnectionDocument(ConnectionDocument):
    """A connection, with what its setup tests found."""

    __test__ = False

    setup_tests: list[SetupTestDocument] = Field(description="What the last setup tests found.")
    connect_card: CardDocument | None = Field(
        None, description="A new Connect Card; only in the answer to a request that gives connect_card_config."
    )


class SyncDocument(_Document):
    """One sync."""

    id: str = Field(description="Its number.")
    start: datetime = Field(description="When it began.")
    end: datetime | None = Field(description="When it ended; null while it runs.")
    status: Literal["RUNNING", "COMPLETED", "FAILURE_WITH_TASK", "RESCHEDULED", "CANCELED", "TRUNCATED"] = Field(
        description="How it ended; TRUNCATED: its worker was gone."
    )
    historical: bool = Field(description="Whether it read everything rather than what changed.")
    rows: int = Field(description="Rows that it inserted or changed.")
    reason: str | None = Field(description="What went wrong.")
