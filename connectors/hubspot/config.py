"""A HubSpot connection's config and credentials, as they stand in `config` and `auth` of a connection."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

MONTH = 31 * 24
"""Hours of the longest month."""

ISO_DATE = "%Y-%m-%d"


class HubSpotConfig(BaseModel):
    """The config of a HubSpot connection, beside the `schema` that every connection has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    historical_sync_time_frame: Literal["ALL_TIME", "DATE_LIMIT"] = Field(
        "ALL_TIME", description="Whether the historical sync reads all records, or those modified since a day."
    )
    backward_sync_limit_date: date | None = Field(
        None, description="With DATE_LIMIT: records last modified before this day (YYYY-MM-DD, 00:00 UTC) are not read."
    )
    search_lag_minutes: int = Field(
        60, ge=1, le=1440, description="Minutes after which a change has surely reached HubSpot's search."
    )
    reconciliation_hours: float | None = Field(
        None,
        ge=0,
        le=MONTH,
        description="Hours between two comparisons of all ids and associations; 0: with every sync; unset: by the "
        "size of the account.",
    )
    archived_hours: float | None = Field(
        None,
        ge=0,
        le=MONTH,
        description="Hours between two readings of the recycling bin; 0: with every sync; unset: by its size.",
    )
    calculated_hours: float | None = Field(
        None,
        ge=0,
        le=MONTH,
        description="Hours between two readings of all calculated properties; 0: with every sync; unset: by the size "
        "of the account.",
    )
    sync_sensitive_data: bool = Field(
        False, description="Read sensitive properties too; the credentials need the scopes for them."
    )
    sync_highly_sensitive_data: bool = Field(False, description="Read highly sensitive properties too, likewise.")
    tables_without_access_updated_at: str | None = Field(
        None, description="When the list of tables that the credentials cannot read was last renewed. Read-only."
    )

    @field_validator("backward_sync_limit_date", mode="before")
    @classmethod
    def _iso_day(cls, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, str):
            msg = "is not text of the form YYYY-MM-DD"
            raise ValueError(msg)  # noqa: TRY004 - pydantic's findings are ValueErrors
        try:
            return datetime.strptime(value, ISO_DATE).replace(tzinfo=UTC).date()
        except ValueError:
            msg = f"'{value}' is not a day of the form YYYY-MM-DD"
            raise ValueError(msg) from None

    @model_validator(mode="after")
    def _limit_needs_a_day(self) -> Self:
        if self.historical_sync_time_frame == "DATE_LIMIT" and self.backward_sync_limit_date is None:
            msg = "historical_sync_time_frame DATE_LIMIT needs backward_sync_limit_date (YYYY-MM-DD)"
            raise ValueError(msg)
        return self

    @property
    def sensitivities(self) -> tuple[str, ...]:
        """The kinds of sensitive properties to read, in HubSpot's words."""
        wanted = {"sensitive": self.sync_sensitive_data, "highly_sensitive": self.sync_highly_sensitive_data}
        return tuple(kind for kind, is_wanted in wanted.items() if is_wanted)

    @property
    def oldest_modified(self) -> datetime | None:
        """The moment before which records are not read by the historical sync; None when all are."""
        if self.historical_sync_time_frame == "ALL_TIME" or self.backward_sync_limit_date is None:
            return None
        day = self.backward_sync_limit_date
        return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _copied(secret: SecretStr) -> SecretStr:
    """A secret as it was meant: white space around it comes from copying, and nothing else than ASCII can be sent."""
    text = secret.get_secret_value().strip()
    if not text or not text.isascii() or not text.isprintable():
        msg = "must be printable ASCII; copy it once more"
        raise ValueError(msg)
    return SecretStr(text)


Copied = Annotated[SecretStr, AfterValidator(_copied)]


class ClientAccess(BaseModel):
    """The OAuth app that the refresh token belongs to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str = Field(min_length=1, description="OAuth: the app's client id.")
    client_secret: Copied = Field(min_length=1, description="OAuth: the app's client secret.")


class HubSpotAuth(BaseModel):
    """Either a static token (private app, service key), or an OAuth app with a refresh token.

    The app alone is the beginning of it: the refresh token comes when a person grants the app access.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    access_token: Copied | None = Field(None, min_length=1, description="A private app's token or a service key.")
    refresh_token: Copied | None = Field(None, min_length=1, description="OAuth: the long-lived refresh token.")
    client_access: ClientAccess | None = Field(None, description="OAuth: the app that the refresh token was given to.")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.access_token is not None and self.refresh_token is None and self.client_access is None:
            return self
        if self.access_token is None and self.client_access is not None:
            return self
        msg = "give either access_token, or refresh_token together with client_access (client_id, client_secret)"
        raise ValueError(msg)
