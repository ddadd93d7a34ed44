"""The sandbox's API, called as any client of HubSpot would call it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import urllib3

from engine.contract import SourceRefused, SourceUnavailable

_VERSION = "2026-03"
_TIMEOUT_SECONDS = 30

DEAL_TO_CONTACT = 3
"""HubSpot's type of an association from a deal to a contact that has no label."""


@dataclass(frozen=True, slots=True)
class HubSpot:
    """An account. Every method raises SourceUnavailable or SourceRefused when it cannot be done."""

    url: str
    token: str

    def first(self, object_type: str, *, properties: str, associations: str = "") -> list[dict[str, Any]]:
        """The first hundred records."""
        query = {"limit": 100, "properties": properties, "associations": associations}
        results: list[dict[str, Any]] = self._call("GET", f"objects/{_VERSION}/{object_type}", fields=query)["results"]
        return results

    def update(self, object_type: str, ids: Iterable[str], properties: Mapping[str, str]) -> None:
        """Give records these properties."""
        self._batch(
            f"objects/{_VERSION}/{object_type}/batch/update", ({"id": i, "properties": properties} for i in ids)
        )

    def create(self, object_type: str, records: Iterable[Mapping[str, str]]) -> None:
        """New records with these properties."""
        self._batch(f"objects/{_VERSION}/{object_type}/batch/create", ({"properties": record} for record in records))

    def archive(self, object_type: str, ids: Iterable[str]) -> None:
        """Move records to the recycling bin."""
        self._batch(f"objects/{_VERSION}/{object_type}/batch/archive", ({"id": i} for i in ids))

    def merge(self, object_type: str, primary: str, other: str) -> str:
        """Merge two records into a new one, and give its id."""
        body = {"primaryObjectId": primary, "objectIdToMerge": other}
        return str(self._call("POST", f"objects/{_VERSION}/{object_type}/merge", body=body)["id"])

    def associate(self, deal: str, contact: str) -> None:
        """Put a contact on a deal."""
        kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": DEAL_TO_CONTACT}
        pair = {"from": {"id": deal}, "to": {"id": contact}, "types": [kind]}
        self._batch(f"associations/{_VERSION}/deals/contacts/batch/create", [pair])

    def dissociate(self, deal: str, contact: str) -> None:
        """Take a contact off a deal."""
        pair = {"from": {"id": deal}, "to": [{"id": contact}]}
        self._batch(f"associations/{_VERSION}/deals/contacts/batch/archive", [pair])

    def _batch(self, path: str, inputs: Iterable[Mapping[str, Any]]) -> None:
        self._call("POST", path, body={"inputs": list(inputs)})

    def _call(self, method: str, path: str, *, body: Any = None, fields: Mapping[str, Any] | None = None) -> Any:
        try:
            answer = urllib3.request(
                method,
                f"{self.url}/crm/{path}",
                json=body,
                fields=fields,
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=_TIMEOUT_SECONDS,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise SourceUnavailable(f"The sandbox HubSpot does not answer: {error}.") from error
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise SourceRefused(f"The sandbox HubSpot refused {method} {path}: {answer.data.decode()}")
        return answer.json() if answer.data else None
