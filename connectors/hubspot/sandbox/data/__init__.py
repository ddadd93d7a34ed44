"""What the account holds: the properties of each object type, the words their values are made of, people, pipelines."""

from __future__ import annotations

from connectors.hubspot.sandbox.data import companies, contacts, deals
from connectors.hubspot.sandbox.data.extra import custom_property
from connectors.hubspot.sandbox.object_types import COMPANIES, CONTACTS, DEALS, ObjectType
from connectors.hubspot.sandbox.properties import Property

_STANDARD = {CONTACTS: contacts.PROPERTIES, COMPANIES: companies.PROPERTIES, DEALS: deals.PROPERTIES}
_NEEDED = 10
"""The first properties of contacts, without which an account makes no sense."""


def properties_of(kind: ObjectType, *, contact_properties: int) -> list[Property]:
    """The properties of a type; contacts have as many as asked for, custom ones after the usual ones."""
    usual = list(_STANDARD[kind])
    if kind is not CONTACTS:
        return usual
    wanted = max(contact_properties, _NEEDED)
    return usual[:wanted] + [custom_property(position) for position in range(wanted - len(usual))]
