"""What a person says about a connection: the body of POST and PATCH /v1/connections, field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Secret, ValidationError

from engine.contract import InvalidSetting, SourcePlugin
from engine.invalid import invalid_setting
from engine.state.models import DAILY, DEFAULT_GROUP, SYNC_FREQUENCIES

_Model = TypeVar("_Model", bound=BaseModel)

_FULL_HOUR = re.compile(r"([01][0-9]|2[0-3]):00")


def _frequency(minutes: int) -> int:
    if minutes not in SYNC_FREQUENCIES:
        msg = f"must be one of {', '.join(map(str, SYNC_FREQUENCIES))} (minutes)."
        raise ValueError(msg)
    return minutes


def _full_hour(time: str) -> str:
    if not _FULL_HOUR.fullmatch(time):
        msg = "must be a full hour from 00:00 to 23:00, such as 14:00."
        raise ValueError(msg)
    return time


def _http(uri: str) -> str:
    if not uri.startswith(("https://", "http://")):
        msg = "must start with https:// or http://."
        raise ValueError(msg)
    return uri


class ConnectCardConfig(BaseModel):
    """Where the Connect Card sends a person after the set-up."""

    model_config = ConfigDict(extra="forbid")

    redirect_uri: Annotated[str, AfterValidator(_http)]
    hide_setup_guide: bool = False


class NewConfig(BaseModel):
    """The `config` of a new connection: the schema, which the engine needs, and the source's own settings."""

    model_config = ConfigDict(extra="allow")

    schema_name: str = Field(alias="schema")

    @property
    def of_source(self) -> dict[str, Any]:
        """The source's own settings."""
        return dict(self.model_extra or {})


class _Fields(BaseModel):
    """What can be said when a connection is made and also later."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    auth: Secret[dict[str, Any]] | None = None
    paused: bool = False
    pause_after_trial: bool = False
    sync_frequency: Annotated[int, AfterValidator(_frequency)] = 360
    daily_sync_time: Annotated[str, AfterValidator(_full_hour)] | None = None
    schedule_type: Literal["auto", "manual"] = "auto"
    data_delay_sensitivity: Literal["LOW", "NORMAL", "HIGH", "CUSTOM", "SYNC_FREQUENCY"] = "NORMAL"
    data_delay_threshold: int = Field(0, ge=0)
    networking_method: Literal["Directly", "PrivateLink", "SshTunnel", "ProxyAgent"] = "Directly"
    proxy_agent_id: str | None = None
    private_link_id: str | None = None
    hybrid_deployment_agent_id: str | None = None
    local_processing_agent_id: str | None = None
    connect_card_config: ConnectCardConfig | None = None
    run_setup_tests: bool = True
    trust_certificates: bool = False
    trust_fingerprints: bool = False

    def stored(self) -> dict[str, Any]:
        """The columns of the connection that were given, as they are stored."""
        return self.model_dump(mode="json", exclude_unset=True, exclude=set(_NOT_COLUMNS))


_NOT_COLUMNS = ("service", "config", "auth", "run_setup_tests", "trust_certificates", "trust_fingerprints")


class ConnectionBody(_Fields):
    """The body of POST /v1/connections. `group_id` may be left out."""

    group_id: str = DEFAULT_GROUP
    service: str
    config: NewConfig


class ConnectionChange(_Fields):
    """The body of PATCH /v1/connections/{id}: what is not given stays; `config` takes the given settings only."""

    config: dict[str, Any] = Field(default_factory=dict)


def parse(model: type[_Model], raw: Mapping[str, Any]) -> _Model:
    """A body from its JSON object.

    Raises:
        InvalidSetting: a field is unknown, missing or cannot be taken; it is named by its path.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise invalid_setting(error, known=list(model.model_fields)) from None


def check_source(plugin: SourcePlugin, config: Mapping[str, Any], auth: Mapping[str, Any] | None) -> None:
    """Hold that the source takes this config and these credentials.

    Raises:
        InvalidSetting: it does not; the field is named by its path.
    """
    parts: list[tuple[str, type[BaseModel], Mapping[str, Any]]] = [("config", plugin.config, config)]
    if auth is not None:
        parts.append(("auth", plugin.auth, auth))
    for name, model, given in parts:
        try:
            model.model_validate(dict(given))
        except ValidationError as error:
            raise invalid_setting(error, prefix=name, known=list(model.model_fields)) from None


def check_schedule(sync_frequency: int, daily_sync_time: str | None) -> None:
    """Hold that a time of day goes with a daily sync only.

    Raises:
        InvalidSetting: it does not.
    """
    if daily_sync_time is not None and sync_frequency != DAILY:
        raise InvalidSetting(
            "daily_sync_time", f"counts only when sync_frequency is {DAILY}; leave out one of the two."
        )
