"""What an operator sets for HubSpot in the environment (`PENSTOCK_HUBSPOT_*`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, TypeAdapter
from pydantic_settings import BaseSettings, SettingsConfigDict


def _url(value: str) -> str:
    TypeAdapter(HttpUrl).validate_python(value)
    return value.rstrip("/")


Url = Annotated[str, AfterValidator(_url)]


class HubSpotSettings(BaseSettings):
    """Where HubSpot is, and which version of its API is spoken."""

    model_config = SettingsConfigDict(
        env_prefix="PENSTOCK_HUBSPOT_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    api_url: Url = Field("https://api.hubapi.com", description="HubSpot's API.")
    app_url: Url = Field("https://app.hubspot.com", description="HubSpot's app, where a person grants access.")
    api_version: Literal["2026-03", "2026-09", "v3"] = Field(
        "2026-03", description="The API version whose paths are called: a dated one, or v3 for what came before."
    )
    client_id: str | None = Field(
        None,
        description="Client id of the OAuth app that Connect Cards ask access for, unless a connection has its own.",
    )
    client_secret: SecretStr | None = Field(None, description="That app's client secret.")
