"""What happens in HubSpot between the two syncs, and the questions to PostgreSQL that show what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.hubspot.demo.api import HubSpot

_STATE = "SELECT CASE WHEN _fivetran_deleted THEN 'deleted' ELSE 'live' END"
CONTACT_STATE = f"{_STATE} FROM contact WHERE id = %s"
CONTACT_STAGE = "SELECT property_lifecyclestage FROM contact WHERE id = %s"
DEAL_STATE = f"{_STATE} FROM deal WHERE deal_id = %s"
DEAL_CONTACTS = """
    SELECT string_agg(property_firstname || ' ' || property_lastname, ', ')
    FROM deal_contact JOIN contact ON contact.id = contact_id
    WHERE deal_id = %s AND NOT deal_contact._fivetran_deleted
"""
MERGED_DEALS = "SELECT string_agg(merged_deal_id::text, ', ') FROM merged_deal WHERE deal_id = %s"

_Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """One value to ask PostgreSQL for, before and after a sync: where it is, what a person calls it, and its SQL."""

    table: str
    about: str
    sql: str
    record_id: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What was changed: for each type of record how many were updated, created and archived, and the rest in words."""

    counts: dict[str, tuple[int, int, int]]
    besides: str
    questions: list[Question]


def change_records(hubspot: HubSpot) -> Changed:
    """Do to an account what a working day does to it."""
    contacts = hubspot.first("contacts", properties="firstname,lastname,lifecyclestage")
    companies = hubspot.first("companies", properties="name")
    deals = hubspot.first("deals", properties="dealname", associations="contacts")

    customers, leaving = contacts[:80], contacts[90:]
    hubspot.update("contacts", _ids(customers), {"lifecyclestage": "customer"})
    hubspot.create("contacts", [_newcomer(number) for number in range(1, 21)])
    hubspot.archive("contacts", _ids(leaving))

    hubspot.update("companies", _ids(companies[:10]), {"lifecyclestage": "customer"})
    hubspot.archive("companies", _ids(companies[10:12]))

    one, other, *going_on = deals[:17]
    merged = hubspot.merge("deals", one["id"], other["id"])
    hubspot.update("deals", _ids(going_on), {"hs_next_step": "Send the contract"})
    hubspot.create("deals", [{"dealname": f"Deal of today #{number}"} for number in range(1, 6)])
    staffed = next(deal for deal in going_on if _contact_ids(deal))
    on_it = _contact_ids(staffed)
    joining = next(contact for contact in customers if contact["id"] not in on_it)
    hubspot.associate(staffed["id"], joining["id"])
    hubspot.dissociate(staffed["id"], on_it[0])

    won = next(contact for contact in customers if contact["properties"]["lifecyclestage"] not in {None, "customer"})
    return Changed(
        {
            "contacts": (len(customers), 20, len(leaving)),
            "companies": (10, 0, 2),
            "deals": (len(going_on), 5, 0),
        },
        "Two deals are merged into one; on another deal, one contact takes the place of another.",
        [
            Question("contact", f"{_person(won)}, stage", CONTACT_STAGE, int(won["id"])),
            Question("contact", _person(leaving[0]), CONTACT_STATE, int(leaving[0]["id"])),
            Question("deal", _deal(one), DEAL_STATE, int(one["id"])),
            Question("deal", _deal(other), DEAL_STATE, int(other["id"])),
            Question("deal", "the two merged", DEAL_STATE, int(merged)),
            Question("merged_deal", "the two merged", MERGED_DEALS, int(merged)),
            Question("deal_contact", _deal(staffed), DEAL_CONTACTS, int(staffed["id"])),
        ],
    )


def _newcomer(number: int) -> dict[str, str]:
    return {"firstname": "New", "lastname": f"Contact {number}", "email": f"new.contact.{number}@example.com"}


def _ids(records: Sequence[_Record]) -> list[str]:
    return [record["id"] for record in records]


def _contact_ids(deal: _Record) -> list[str]:
    linked = deal.get("associations", {}).get("contacts", {}).get("results", [])
    return _ids(linked)


def _person(contact: _Record) -> str:
    return f"{contact['properties']['firstname']} {contact['properties']['lastname']}"


def _deal(deal: _Record) -> str:
    return str(deal["properties"]["dealname"])
