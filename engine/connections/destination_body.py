"""What a person says about a group's destination: the body of POST and PATCH /v1/destinations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Secret

from engine.connections.blocks import LONGEST, AgentId, TrustCertificates, TrustFingerprints
from engine.contract import Method

EASTERNMOST = 12
WESTERNMOST = -11


def _offset(value: str) -> str:
    digits = value.removeprefix("+") if value.startswith("+") else value.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or not WESTERNMOST <= int(value) <= EASTERNMOST:
        msg = f"must be whole hours from UTC, {WESTERNMOST} to +{EASTERNMOST}, such as +1."
        raise ValueError(msg)
    return f"{int(value):+d}" if int(value) else "0"


Offset = Annotated[str, AfterValidator(_offset), Field(max_length=3)]
Kept = Annotated[str | None, Field(max_length=LONGEST, description="Kept and shown only; no effect.")]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    config: Secret[dict[str, Any]] = Field(
        default_factory=lambda: Secret({}), description="How to reach it. Stored encrypted; secrets are never shown."
    )
    region: Kept = None
    daylight_saving_time_enabled: bool = Field(False, description="Kept and shown only; no effect.")
    networking_method: Method = Field(
        "Directly", description="How it is reached; Directly leaves that to config.connection_type."
    )
    private_link_id: str | None = Field(None, description="The address, for PrivateLink.", max_length=LONGEST)
    proxy_agent_id: str | None = Field(None, description="The proxy, for ProxyAgent.", max_length=LONGEST)
    hybrid_deployment_agent_id: AgentId | None = Field(
        None, description="Only workers started with this id sync connections that name no other."
    )
    local_processing_agent_id: Kept = None
    run_setup_tests: bool = Field(True, description="Run the setup tests. Not stored.")
    trust_certificates: TrustCertificates = False
    trust_fingerprints: TrustFingerprints = False

    def networking(self) -> Mapping[str, Any]:
        """The columns that were given of how it is reached, and by whom."""
        return self.model_dump(mode="json", exclude_unset=True, include=set(NETWORKING))

    def kept(self) -> Mapping[str, Any]:
        """The fields without effect that were given."""
        return self.model_dump(mode="json", exclude_unset=True, include=set(KEPT))


KEPT = {
    "region": None,
    "daylight_saving_time_enabled": False,
    "local_processing_agent_id": None,
}
"""Fields that have no effect, with what is shown when they were never given."""


NETWORKING = ("networking_method", "private_link_id", "proxy_agent_id", "hybrid_deployment_agent_id")


class DestinationBody(_Fields):
    """The body of POST /v1/destinations."""

    group_id: str = Field(description="The group; it has one destination, which goes by the group's id.")
    service: str = Field(description="The kind of destination: postgres_warehouse.")
    time_zone_offset: Offset = Field(description="Hours from UTC, -11 to +12; daily sync times are told in it.")


class DestinationChange(_Fields):
    """The body of PATCH /v1/destinations/{id}: what is not given stays; `config` takes the given settings only."""

    time_zone_offset: Offset | None = Field(None, description="Hours from UTC, -11 to +12.")


class DestinationTestBody(BaseModel):
    """The body of POST /v1/destinations/{id}/test."""

    model_config = ConfigDict(extra="forbid")

    trust_certificates: TrustCertificates = False
    trust_fingerprints: TrustFingerprints = False
