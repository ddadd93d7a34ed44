"""What there is to say about records, as messages about the tables of their stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.hubspot.associations import INPUTS, AssociationReader
from connectors.hubspot.client import Client
from connectors.hubspot.layout import Found, Layout, Merge
from connectors.hubspot.objects import ObjectType, relations_of
from engine.contract import (
    AccessDenied,
    Column,
    ColumnType,
    Deletion,
    Message,
    Notice,
    Present,
    Rows,
    SchemaChange,
    Table,
)


class Messages:
    """Turns what was found of one object type into messages, reading the associations that belong to it."""

    def __init__(self, client: Client, layout: Layout, sizes: Mapping[ObjectType, int]) -> None:
        self._layout = layout
        self._type = layout.object_type
        self._associations = [AssociationReader(client, relation, sizes) for relation in relations_of(self._type)]

    def live(self, found: Found, *, both_ends: bool = True) -> list[Message]:
        """Everything about live records; without `both_ends` only the associations that are read from their side."""
        if not found.rows:
            return []
        return [*self._records(found), *self.associations(found.ids, both_ends=both_ends)]

    def archived(self, found: Found) -> Iterator[Message]:
        """Records in the recycling bin, with their last values."""
        if found.rows:
            yield from self._records(found, deleted=True)

    def gone(self, ids: Sequence[str]) -> Iterator[Message]:
        """Records that are gone, and their associations with them."""
        yield Deletion(self._type.table, (self._type.key,), [(id_,) for id_ in ids])
        yield from (reader.gone(self._type, ids) for reader in self._associations)

    def associations(self, ids: Sequence[str], *, both_ends: bool) -> Iterator[Message]:
        """All associations of live records, and the word that these are all."""
        for reader in self._readers(both_ends=both_ends):
            try:
                yield from list(reader.of(self._type, ids))
            except AccessDenied as error:
                # The other end of the relation may not be read; that is no reason to do without these records.
                yield Notice("associations_skipped", str(error))

    def at_once(self, *, both_ends: bool = True) -> int:
        """How many records to take together, so that their associations take little memory."""
        return min((reader.at_once(self._type) for reader in self._readers(both_ends=both_ends)), default=INPUTS)

    def present(self, ids: Sequence[str], above: int | None, to: int | None) -> Present:
        """These are all ids within a range; associations of any other are gone with it."""
        dependents = tuple(reader.key_of(self._type) for reader in self._associations)
        return Present(self._type.table, self._type.key, ids, above, to, dependents)

    def part(self, found: Found, columns: tuple[str, ...]) -> Iterator[Message]:
        """The values of a part of the columns, of records that are there already."""
        yield from self._wider(found)
        yield Rows(self._type.table, columns, found.rows)

    def _readers(self, *, both_ends: bool) -> list[AssociationReader]:
        return [reader for reader in self._associations if both_ends or reader.relation.near is self._type]

    def _records(self, found: Found, *, deleted: bool = False) -> Iterator[Message]:
        yield from self._wider(found)
        yield Rows(self._type.table, self._layout.columns, found.rows, deleted=deleted)
        if found.merged:
            yield from self._merges(found.merged)

    def _wider(self, found: Found) -> Iterator[Message]:
        if found.wider:
            names = ", ".join(sorted(found.wider))
            yield SchemaChange(self._layout.widen(found.wider), f"values of {names} do not fit HubSpot's type for them")

    def _merges(self, merged: Sequence[Merge]) -> Iterator[Message]:
        """What was merged into a record is gone, under its old id, from every list."""
        yield from self.gone(list(dict.fromkeys(loser for _, loser, _ in merged)))
        table = merges_table(self._type)
        if table is None:
            return
        if self._type.merged_at is None:
            yield Rows(
                table.name, table.column_names, list(dict.fromkeys((winner, loser) for winner, loser, _ in merged))
            )
        else:
            unknown = (None,) * len(_NOT_TOLD)
            rows = {(winner, loser): (winner, loser, winner, when, *unknown) for winner, loser, when in merged}
            yield Rows(table.name, table.column_names, list(rows.values()))


_AUDITED = ("contact_id", "vid_to_merge", "canonical_vid", "timestamp")
_NOT_TOLD = {
    "entity_id": ColumnType.TEXT,
    "first_name": ColumnType.TEXT,
    "last_name": ColumnType.TEXT,
    "num_properties_moved": ColumnType.BIGINT,
    "user_id": ColumnType.BIGINT,
}
"""Columns that Fivetran's table has from an interface of HubSpot's that is gone; they stay empty."""


def merges_table(object_type: ObjectType) -> Table | None:
    """Which record took in which, where there is a table for it."""
    if object_type.merges_table is None:
        return None
    if object_type.merged_at is not None:
        types = {**dict.fromkeys(_AUDITED, ColumnType.BIGINT), "timestamp": ColumnType.TIMESTAMPTZ, **_NOT_TOLD}
        key: tuple[str, ...] = ("contact_id", "vid_to_merge")
    else:
        key = (f"{object_type.singular}_id", f"merged_{object_type.singular}_id")
        types = dict.fromkeys(key, ColumnType.BIGINT)
    columns = tuple(Column(name, type_) for name, type_ in types.items())
    return Table(object_type.merges_table, columns, key, soft_delete=False)
