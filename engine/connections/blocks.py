"""The objects within the body of a connection, and the values that stand in more than one place."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Protocol, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from engine.network.trust import Kind
from engine.state.models import DAILY, SYNC_FREQUENCIES

_FULL_HOUR = re.compile(r"([01][0-9]|2[0-3]):00")

Day = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]

LONGEST = 2000
"""Characters of a text that has no other limit; nothing real comes near."""


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        msg = "must be a whole number."
        raise ValueError(msg)  # noqa: TRY004 - pydantic's findings are ValueErrors
    return value


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


def is_unbroken(address: str) -> bool:
    """Whether an address has no blanks and no control characters, which Python's parser takes or drops in silence."""
    return address.isprintable() and " " not in address


def _http(uri: str) -> str:
    try:
        host = urlsplit(uri).hostname
    except ValueError:
        host = None
    if not uri.startswith(("https://", "http://")) or not host:
        msg = "must be an address that starts with https:// or http://."
        raise ValueError(msg)
    if not is_unbroken(uri):
        msg = "must have no blanks or control characters."
        raise ValueError(msg)
    return uri


Whole = Annotated[int, BeforeValidator(_no_truth)]
"""A whole number; to Python true is one, too."""
Frequency = Annotated[
    Whole, AfterValidator(_frequency), WithJsonSchema({"type": "integer", "enum": list(SYNC_FREQUENCIES)})
]
FullHour = Annotated[
    str, AfterValidator(_full_hour), WithJsonSchema({"type": "string", "pattern": f"^{_FULL_HOUR.pattern}$"})
]


AgentId = Annotated[str, Field(min_length=1, max_length=200)]
TrustCertificates = Annotated[
    bool, Field(description="Approve the certificate that the setup tests come across. Not stored.")
]
TrustFingerprints = Annotated[
    bool, Field(description="Approve the SSH server's key that the setup tests come across. Not stored.")
]


class Trusting(Protocol):
    """A body that says what need not be approved by hand."""

    trust_certificates: bool
    trust_fingerprints: bool


def trusted_kinds(body: Trusting) -> frozenset[Kind]:
    """What a body lets be approved by itself."""
    said: dict[Kind, bool] = {"certificate": body.trust_certificates, "fingerprint": body.trust_fingerprints}
    return frozenset(kind for kind, trusted in said.items() if trusted)


class ConnectCardConfig(BaseModel):
    """Where the Connect Card sends a person after the set-up."""

    model_config = ConfigDict(extra="forbid")

    redirect_uri: Annotated[str, AfterValidator(_http)] = Field(
        description="Where the person is sent after the set-up; an http or https address.", max_length=LONGEST
    )
    hide_setup_guide: bool = Field(False, description="Leave the guide out of the Connect Card.")
    all_fields: bool = Field(False, description="Kept and shown only; no effect.")


class DestinationConfiguration(BaseModel):
    """What a connection wants of its destination. Kept and shown only."""

    model_config = ConfigDict(extra="forbid")

    virtual_warehouse: str | None = Field(
        None, description="Kept and shown only; PostgreSQL has none.", max_length=LONGEST
    )


class Schedule(BaseModel):
    """The schedule in one block: another way to say schedule_type, sync_frequency and daily_sync_time."""

    model_config = ConfigDict(extra="forbid")

    schedule_type: Literal["INTERVAL", "TIME_OF_DAY", "CRON", "MANUAL"] = Field(
        description="INTERVAL: every `interval` minutes. TIME_OF_DAY: daily at `time_of_day`. MANUAL: only when asked. "
        "CRON is not available in this version."
    )
    interval: Frequency | None = Field(None, description="Minutes between two syncs; with INTERVAL.")
    time_of_day: FullHour | None = Field(None, description="HH:00 at which a daily sync starts; with TIME_OF_DAY.")
    days_of_week: list[Day] | None = Field(
        None, description="The days of a daily sync. All seven, or left out: others are not available in this version."
    )
    cron: str | None = Field(None, description="Not available in this version.")

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        wanted = {"INTERVAL": "interval", "TIME_OF_DAY": "time_of_day"}.get(self.schedule_type)
        if self.schedule_type == "CRON" or self.cron is not None:
            msg = "CRON is not available in this version; use INTERVAL, TIME_OF_DAY or MANUAL."
        elif self.days_of_week and set(self.days_of_week) != set(get_args(Day)):
            msg = "days_of_week: some days only are not available in this version."
        elif wanted and getattr(self, wanted) is None:
            msg = f"{wanted} is required with {self.schedule_type}."
        else:
            return self
        raise ValueError(msg)

    def columns(self) -> dict[str, Any]:
        """The columns of the connection that say the same."""
        match self.schedule_type:
            case "INTERVAL":
                return {"schedule_type": "auto", "sync_frequency": self.interval}
            case "TIME_OF_DAY":
                return {"schedule_type": "auto", "sync_frequency": DAILY, "daily_sync_time": self.time_of_day}
            case _:
                return {"schedule_type": "manual"}


def schedule_block(schedule_type: str, sync_frequency: int, daily_sync_time: str | None) -> dict[str, Any]:
    """The columns of a connection as such a block."""
    if schedule_type == "manual":
        return {"schedule_type": "MANUAL"}
    if daily_sync_time is not None:
        return {"schedule_type": "TIME_OF_DAY", "time_of_day": daily_sync_time}
    return {"schedule_type": "INTERVAL", "interval": sync_frequency}
