"""The CRM objects that are replicated: what each is called, where it lands, and which of its traps to mind."""

from __future__ import annotations

from dataclasses import dataclass

from engine.contract import ColumnType


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A CRM object type.

    `modified` is the property by which search finds what changed. `lifted` are columns that take a property's value
    besides its own `property_...` column, as Fivetran's tables have them. `merged_at` is the property that tells when
    records were merged into this one, as `id:milliseconds` pairs.
    """

    name: str
    singular: str
    key: str
    modified: str
    lifted: tuple[tuple[str, str, ColumnType], ...] = ()
    with_portal_id: bool = False
    deleted_aliases: tuple[str, ...] = ()
    merges_table: str | None = None
    merged_at: str | None = None

    @property
    def table(self) -> str:
        """The destination table."""
        return self.singular


CONTACTS = ObjectType(
    name="contacts",
    singular="contact",
    key="id",
    # Contacts alone are found by `lastmodifieddate`: a filter on `hs_lastmodifieddate` silently finds nothing.
    modified="lastmodifieddate",
    merges_table="contact_merge_audit",
    merged_at="hs_calculated_merged_vids",
)
COMPANIES = ObjectType(
    name="companies",
    singular="company",
    key="id",
    modified="hs_lastmodifieddate",
    with_portal_id=True,
    deleted_aliases=("is_deleted",),
)
DEALS = ObjectType(
    name="deals",
    singular="deal",
    key="deal_id",
    modified="hs_lastmodifieddate",
    lifted=(
        ("deal_pipeline_id", "pipeline", ColumnType.TEXT),
        ("deal_pipeline_stage_id", "dealstage", ColumnType.TEXT),
        ("owner_id", "hubspot_owner_id", ColumnType.BIGINT),
    ),
    with_portal_id=True,
    deleted_aliases=("is_deleted",),
    merges_table="merged_deal",
)

OBJECT_TYPES = (CONTACTS, COMPANIES, DEALS)


@dataclass(frozen=True, slots=True)
class Relation:
    """A table of associations. It holds the type ids of the direction `near` -> `far`: they differ by direction."""

    table: str
    near: ObjectType
    far: ObjectType

    @property
    def near_key(self) -> str:
        """The column with the near record's id."""
        return f"{self.near.singular}_id"

    @property
    def far_key(self) -> str:
        """The column with the far record's id."""
        return f"{self.far.singular}_id"


RELATIONS = (
    Relation("deal_company", DEALS, COMPANIES),
    Relation("deal_contact", DEALS, CONTACTS),
    Relation("contact_company", CONTACTS, COMPANIES),
)


def relations_of(object_type: ObjectType) -> tuple[Relation, ...]:
    """The association tables in which this object type stands at either end."""
    return tuple(relation for relation in RELATIONS if object_type in (relation.near, relation.far))
