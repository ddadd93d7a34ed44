"""What happens in HubSpot between the two syncs, through its API, and the questions that show what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

_VERSION = "2026-03"
_DEAL_TO_CONTACT = 3
"""HubSpot's type of an association from a deal to a contact that has no label."""

_TIMEOUT_SECONDS = 30

CONTACT_STAGE = "SELECT property_lifecyclestage FROM contact WHERE id = %s"
CONTACT_STATE = "SELECT CASE WHEN _fivetran_deleted THEN 'deleted' ELSE 'live' END FROM contact WHERE id = %s"
DEAL_STATE = "SELECT CASE WHEN _fivetran_deleted THEN 'deleted' ELSE 'live' END FROM deal WHERE deal_id = %s"
DEAL_CONTACTS = """
    SELECT string_agg(property_firstname || ' ' || property_lastname, ', ')
    FROM deal_contact JOIN contact ON id = contact_id
    WHERE deal_id = %s AND NOT deal_contact._fivetran_deleted
"""


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask the destination before and after a sync: what a person calls it, and one value in SQL."""

    table: str
    about: str
    sql: str
    record_id: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What was changed: sentences for a person, and questions whose answers change with it."""

    facts: list[str]
    questions: list[Question]


@dataclass(frozen=True, slots=True)
class HubSpot:
    """An account's API, as any client of HubSpot would call it."""

    url: str
    token: str

    def first(self, object_type: str, *, properties: str, associations: str = "") -> list[dict[str, Any]]:
        """The first hundred records."""
        query = {"limit": 100, "properties": properties, "associations": associations}
        results: list[dict[str, Any]] = self._call("GET", f"objects/{_VERSION}/{object_type}", fields=query)["results"]
        return results

    def batch(self, object_type: str, action: str, inputs: Iterable[Mapping[str, Any]]) -> None:
        """Create, update or archive records."""
        self._call("POST", f"objects/{_VERSION}/{object_type}/batch/{action}", {"inputs": list(inputs)})

    def merge(self, object_type: str, primary: str, other: str) -> str:
        """Merge two records into a new one, and give its id."""
        body = {"primaryObjectId": primary, "objectIdToMerge": other}
        return str(self._call("POST", f"objects/{_VERSION}/{object_type}/merge", body)["id"])

    def associate(self, deal: str, contact: str) -> None:
        """Put a contact on a deal."""
        kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": _DEAL_TO_CONTACT}
        pair = {"from": {"id": deal}, "to": {"id": contact}, "types": [kind]}
        self._call("POST", f"associations/{_VERSION}/deals/contacts/batch/create", {"inputs": [pair]})

    def dissociate(self, deal: str, contact: str) -> None:
        """Take a contact from a deal."""
        pair = {"from": {"id": deal}, "to": [{"id": contact}]}
        self._call("POST", f"associations/{_VERSION}/deals/contacts/batch/archive", {"inputs": [pair]})

    def _call(self, method: str, path: str, body: Any = None, fields: Mapping[str, Any] | None = None) -> Any:
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
            raise SourceUnavailable(f"The sandbox HubSpot does not answer any more: {error}") from error
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise SourceRefused(f"The sandbox HubSpot refused {method} {path}: {answer.data.decode()}")
        return answer.json() if answer.data else None


def change_records(hubspot: HubSpot) -> Changed:
    """What a working day does to an account."""
    contacts = hubspot.first("contacts", properties="firstname,lastname,lifecyclestage")
    updated, archived = contacts[:80], contacts[90:]
    hubspot.batch("contacts", "update", [_with(contact, lifecyclestage="customer") for contact in updated])
    hubspot.batch("contacts", "create", [{"properties": _newcomer(number)} for number in range(1, 21)])
    hubspot.batch("contacts", "archive", [{"id": contact["id"]} for contact in archived])

    companies = hubspot.first("companies", properties="name")
    hubspot.batch("companies", "update", [_with(company, lifecyclestage="customer") for company in companies[:10]])
    hubspot.batch("companies", "archive", [{"id": company["id"]} for company in companies[10:12]])

    deals = hubspot.first("deals", properties="dealname", associations="contacts")
    primary, other, moved, *_ = deals
    merged = hubspot.merge("deals", primary["id"], other["id"])
    hubspot.batch("deals", "update", [_with(deal, hs_next_step="Send the contract") for deal in deals[2:17]])
    hubspot.batch("deals", "create", [{"properties": {"dealname": f"New deal {number}"}} for number in range(1, 6)])
    before = _contacts_of(moved)
    hubspot.associate(moved["id"], next(c["id"] for c in updated if c["id"] not in before))
    hubspot.dissociate(moved["id"], before[0])

    turned = next(contact for contact in updated if contact["properties"]["lifecyclestage"] != "customer")
    questions = [
        Question("contact", f"{_name(turned)}, lifecycle stage", CONTACT_STAGE, int(turned["id"])),
        Question("contact", f"{_name(archived[0])}", CONTACT_STATE, int(archived[0]["id"])),
        Question("deal", _name(primary), DEAL_STATE, int(primary["id"])),
        Question("deal", _name(other), DEAL_STATE, int(other["id"])),
        Question("deal", f"{_name(primary)}, merged", DEAL_STATE, int(merged)),
        Question("merged_deal", "what was merged into it", MERGED_FROM, int(merged)),
        Question("deal_contact", f"the contacts of {_name(moved)}", DEAL_CONTACTS, int(moved["id"])),
    ]
    facts = [
        f"{len(updated)} contacts changed, 20 created, {len(archived)} archived",
        "10 companies changed, 2 archived",
        "15 deals changed, 5 created, 2 merged into one; one contact put on a deal, one taken off it",
    ]
    return Changed(facts, questions)
