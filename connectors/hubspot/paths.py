"""HubSpot's paths, per API version. Bodies are the same in every version listed here; only the paths differ."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of one API version; `{type}` is a CRM object's plural name (`contacts`)."""

    objects: str
    properties: str
    owners: str
    pipelines: str
    associations: str
    account: str
    daily_usage: str
    token: str

    @classmethod
    def of(cls, version: str) -> Paths:
        """The table for a version: `v3`, or a dated one such as `2026-03`."""
        if version == "v3":
            return cls(
                objects="/crm/v3/objects/{type}",
                properties="/crm/v3/properties/{type}",
                owners="/crm/v3/owners",
                pipelines="/crm/v3/pipelines/{type}",
                associations="/crm/v4/associations/{from}/{to}/batch/read",
                account="/account-info/v3/details",
                daily_usage="/account-info/v3/api-usage/daily/private-apps",
                token="/oauth/v3/token",  # noqa: S106 - a path
            )
        return cls(
            objects=f"/crm/objects/{version}/{{type}}",
            properties=f"/crm/properties/{version}/{{type}}",
            owners=f"/crm/owners/{version}",
            pipelines=f"/crm/pipelines/{version}/{{type}}",
            associations=f"/crm/associations/{version}/{{from}}/{{to}}/batch/read",
            account=f"/account-info/{version}/details",
            daily_usage=f"/account-info/{version}/api-usage/daily/private-apps",
            token=f"/oauth/{version}/token",
        )

    def listing(self, object_type: str) -> str:
        """List of an object type's records."""
        return self.objects.replace("{type}", quote(object_type))

    def search(self, object_type: str) -> str:
        """Search over an object type's records."""
        return f"{self.listing(object_type)}/search"

    def batch_read(self, object_type: str, *, archived: bool = False) -> str:
        """Read of up to 100 records by id."""
        return f"{self.listing(object_type)}/batch/read{'?archived=true' if archived else ''}"

    def properties_of(self, object_type: str) -> str:
        """The property definitions of an object type."""
        return self.properties.replace("{type}", quote(object_type))

    def pipelines_of(self, object_type: str) -> str:
        """The pipelines of an object type."""
        return self.pipelines.replace("{type}", quote(object_type))

    def associations_between(self, from_type: str, to_type: str) -> str:
        """Read of the associations of up to 1,000 records of one type with another type."""
        return self.associations.replace("{from}", quote(from_type)).replace("{to}", quote(to_type))
