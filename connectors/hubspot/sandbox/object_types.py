"""The object types that the sandbox has, under all the names HubSpot takes for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One kind of CRM record. `modified` names the property that search uses as the modification date."""

    name: str
    singular: str
    type_id: str
    modified: str
    default_properties: tuple[str, ...]
    title: str
    """The property that names a record for people."""
    first_id: int
    """Where sparse ids of this type begin (11 digits, as in an account of some age)."""


CONTACTS = ObjectType(
    "contacts", "contact", "0-1", "lastmodifieddate", ("email", "firstname", "lastname"), "lastname", 20_310_447_102
)
COMPANIES = ObjectType("companies", "company", "0-2", "hs_lastmodifieddate", ("domain", "name"), "name", 17_088_213_640)
DEALS = ObjectType(
    "deals",
    "deal",
    "0-3",
    "hs_lastmodifieddate",
    ("amount", "closedate", "dealname", "dealstage", "pipeline"),
    "dealname",
    13_520_994_377,
)

ALL = (CONTACTS, COMPANIES, DEALS)

BY_NAME = {name: kind for kind in ALL for name in (kind.name, kind.singular, kind.type_id)}
