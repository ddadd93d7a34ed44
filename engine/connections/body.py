"""What a person says about a connection: the body of POST and PATCH /v1/connections, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel, Secret, ValidationError
from pydantic.fields import FieldInfo

from engine.connections.blocks import (
    LONGEST,
    AgentId,
    ConnectCardConfig,
    DestinationConfiguration,
    Frequency,
    FullHour,
    Schedule,
    TrustCertificates,
    TrustFingerprints,
    Whole,
)
from engine.connections.merging import merged
from engine.contract import InvalidSetting, Method, SourcePlugin
from engine.invalid import invalid_setting
from engine.state.models import DAILY, DEFAULT_GROUP

_Model = TypeVar("_Model", bound=BaseModel)

LONGEST_DELAY = 525_600
"""Minutes of a year."""


class NewConfig(BaseModel):
    """The `config` of a new connection: the schema, which the engine needs, and the source's own settings."""

    model_config = ConfigDict(extra="allow")

    schema_name: str = Field(
        alias="schema", description="The schema to fill, which is also the connection's name. Permanent."
    )

    @property
    def of_source(self) -> dict[str, Any]:
        """The source's own settings."""
        return dict(self.model_extra or {})


class _Fields(BaseModel):
    """What can be said when a connection is made and also later."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    auth: Secret[dict[str, Any]] | None = Field(
        None, description="The source's credentials. Stored encrypted, never shown."
    )
    paused: bool = Field(False, description="Not synced by schedule.")
    pause_after_trial: bool = Field(False, description="Kept and shown only: here is no trial.")
    sync_frequency: Frequency = Field(360, description="Minutes between two syncs.")
    daily_sync_time: FullHour | None = Field(
        None,
        description="HH:00 at which a daily sync starts; only with a sync_frequency of 1440.",
    )
    schedule_type: Literal["auto", "manual"] = Field("auto", description="manual: synced only when asked to.")
    data_delay_sensitivity: Literal["LOW", "NORMAL", "HIGH", "CUSTOM", "SYNC_FREQUENCY"] = Field(
        "NORMAL", description="How late data may be before status.update_state is delayed."
    )
    data_delay_threshold: Whole = Field(
        0, ge=0, le=LONGEST_DELAY, description="Minutes, for data_delay_sensitivity CUSTOM."
    )
    networking_method: Method = Field(
        "Directly",
        description="ProxyAgent: the source is called through a proxy. SshTunnel, PrivateLink: so the destination is "
        "reached, whatever its own setting is.",
    )
    proxy_agent_id: str | None = Field(None, description="The proxy, for ProxyAgent.", max_length=LONGEST)
    private_link_id: str | None = Field(
        None, description="The address, for PrivateLink; left out: the destination's.", max_length=LONGEST
    )
    hybrid_deployment_agent_id: AgentId | None = Field(
        None, description="Only workers started with this id sync it; left out: what the destination says."
    )
    local_processing_agent_id: str | None = Field(
        None, description="Kept and shown only; no effect.", max_length=LONGEST
    )
    external_secrets_manager_id: str | None = Field(
        None, description="Kept and shown only; no effect.", max_length=LONGEST
    )
    destination_schema_names: Literal["FIVETRAN_NAMING", "SOURCE_NAMING"] = Field(
        "FIVETRAN_NAMING", description="Kept and shown only: tables are always named in Fivetran's way."
    )
    destination_configuration: DestinationConfiguration | None = Field(
        None, description="Kept and shown only; no effect."
    )
    connect_card_config: ConnectCardConfig | None = Field(
        None, description="Where the Connect Card sends a person after the set-up."
    )
    run_setup_tests: bool = Field(True, description="Run the setup tests. Not stored.")
    trust_certificates: TrustCertificates = False
    trust_fingerprints: TrustFingerprints = False

    def stored(self) -> dict[str, Any]:
        """The columns of the connection that were given, as they are stored."""
        given = self.model_dump(mode="json", exclude_unset=True, exclude=set(_NOT_COLUMNS))
        kept = {name: given.pop(name) for name in KEPT if name in given}
        return {**given, "kept": kept} if kept else given


KEPT = ("external_secrets_manager_id", "destination_schema_names", "destination_configuration")
"""Fields without a column of their own: they have no effect, and are kept together."""

NOT_STORED = frozenset({"run_setup_tests", "trust_certificates", "trust_fingerprints"})
"""Fields that say how to do it, and nothing about the connection."""

_NOT_COLUMNS = NOT_STORED | {"service", "config", "auth", "is_historical_sync", "schema_status", "schedule"}


class ConnectionBody(_Fields):
    """The body of POST /v1/connections. `group_id` may be left out."""

    group_id: str = Field(DEFAULT_GROUP, description="The group it belongs to, and with it the destination.")
    service: str = Field(description="The kind of source.")
    config: NewConfig = Field(description="The schema to fill, and the source's own settings.")


class ConnectionChange(_Fields):
    """The body of PATCH /v1/connections/{id}: what is not given stays; `config` takes the given settings only."""

    config: dict[str, Any] = Field(default_factory=dict, description="The source's own settings that change.")
    is_historical_sync: bool | None = Field(
        None, description="true: the next sync reads everything again. false: takes such a request back."
    )
    schema_status: Literal["ready", "blocked_on_capture"] | None = Field(
        None, description="Taken and not kept: it is always ready here."
    )
    schedule: Schedule | None = Field(
        None, description="Another way to say schedule_type, sync_frequency and daily_sync_time."
    )

    def stored(self) -> dict[str, Any]:
        """The columns of the connection that were given, as they are stored."""
        return {**super().stored(), **(self.schedule.columns() if self.schedule else {})}


class TestBody(BaseModel):
    """The body of POST /v1/connections/{id}/test."""

    __test__ = False

    model_config = ConfigDict(extra="forbid")

    trust_certificates: TrustCertificates = False
    trust_fingerprints: TrustFingerprints = False


class CardBody(BaseModel):
    """The body of POST /v1/connections/{id}/connect-card."""

    model_config = ConfigDict(extra="forbid")

    connect_card_config: ConnectCardConfig | None = Field(
        None, description="Kept with the connection. Left out: the one that is kept holds."
    )


class SyncBody(BaseModel):
    """The body of POST /v1/connections/{id}/sync."""

    model_config = ConfigDict(extra="forbid")

    force: bool = Field(False, description="Stop a running sync and start another one.")


Tables = Annotated[
    dict[str, Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]], Field(min_length=1)
]


class ResyncBody(BaseModel):
    """The body of POST /v1/connections/{id}/resync."""

    model_config = ConfigDict(extra="forbid")

    scope: Tables | None = Field(None, description="Tables by their schema; everything if it is left out.")


class TablesBody(RootModel[Tables]):
    """The body of POST /v1/connections/{id}/schemas/tables/resync: tables by their schema."""


def parse(model: type[_Model], raw: Mapping[str, Any]) -> _Model:
    """A body from its JSON object. A field that is null or "" is as if left out, or is null where that is a value.

    Raises:
        InvalidSetting: a field is unknown, missing or cannot be taken; it is named by its path.
    """
    if _holds_nul(raw):
        raise InvalidSetting("", "The body holds a NUL character, which no text may hold.")
    fields = model.model_fields
    # Clients in Go send null for what was not set, and Terraform's "" for what was taken away.
    given = {name: None if value == "" else value for name, value in raw.items()}
    given = {name: value for name, value in given.items() if value is not None or _can_be_null(fields.get(name))}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid_setting(error, known=list(model.model_fields)) from None


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case Mapping():
            return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
        case list():
            return any(_holds_nul(item) for item in value)
    return False


def _can_be_null(field: FieldInfo | None) -> bool:
    return field is None or field.default is None


def checked_config(plugin: SourcePlugin, config: Mapping[str, Any]) -> dict[str, Any]:
    """A source's config as it is stored: what was given, each value in the form of its setting's type.

    Raises:
        InvalidSetting: the source does not take it; the field is named by its path.
    """
    return _checked(plugin.config, config, "config").model_dump(mode="json", exclude_unset=True)


def check_auth(plugin: SourcePlugin, auth: Mapping[str, Any]) -> None:
    """Hold that the source takes these credentials.

    Raises:
        InvalidSetting: it does not; the field is named by its path.
    """
    _checked(plugin.auth, auth, "auth")


def changed_auth(plugin: SourcePlugin, stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Credentials after a change: what is not given stays, unless what is given is another way in, complete by itself.

    Raises:
        InvalidSetting: the source takes neither; the field is named by its path.
    """
    whole, alone = merged(stored, given), merged({}, given)
    with suppress(InvalidSetting):
        check_auth(plugin, whole)
        return whole
    check_auth(plugin, alone)
    return alone


def _checked(model: type[_Model], given: Mapping[str, Any], what: str) -> _Model:
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise invalid_setting(error, prefix=what, known=list(model.model_fields)) from None


def check_schedule(sync_frequency: int, daily_sync_time: str | None) -> None:
    """Hold that a time of day goes with a daily sync only.

    Raises:
        InvalidSetting: it does not.
    """
    if daily_sync_time is not None and sync_frequency != DAILY:
        raise InvalidSetting(
            "daily_sync_time", f"counts only when sync_frequency is {DAILY}; leave out one of the two."
        )
