"""Associations between CRM objects: which record is tied to which, by which types and labels.

There is no feed of changed associations and they do not touch a record's modification date. They are read for every
record that is read, from whichever end; the table always holds the type ids of the relation's own direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from connectors.hubspot import wire
from connectors.hubspot.client import Client
from connectors.hubspot.objects import ObjectType, Relation
from connectors.hubspot.quota import Lane
from engine.contract import Column, ColumnType, Complete, Deletion, Message, Row, Rows, SourceRefused, Table

INPUTS = 1000
"""Records per batch read, the most that HubSpot takes."""
BAD_REQUEST = 400
ROWS = 5000
"""Rows per message, so that a record with very many associations does not make one huge batch."""

_ANSWER = msgspec.json.Decoder(wire.AssociationsAnswer)


def association_table(relation: Relation) -> Table:
    """The table of a relation: one row per pair and type."""
    return Table(
        name=relation.table,
        columns=(
            Column(relation.near_key, ColumnType.BIGINT),
            Column(relation.far_key, ColumnType.BIGINT),
            Column("type_id", ColumnType.BIGINT),
            Column("category", ColumnType.TEXT),
            Column("label", ColumnType.TEXT),
        ),
        primary_key=(relation.near_key, relation.far_key, "type_id", "category"),
        lookups=((relation.near_key,), (relation.far_key,)),
    )


class AssociationReader:
    """Reads the associations of one relation for records at either end."""

    def __init__(self, client: Client, relation: Relation) -> None:
        self.relation = relation
        self._client = client
        self._columns = association_table(relation).column_names

    def of_near(self, ids: Sequence[str]) -> Iterator[Message]:
        """All rows of these near records, and the word that these are all."""
        known: list[str] = []
        for near, to in self._read(self.relation.near, self.relation.far, ids, known):
            yield from self._rows((near, far) for far in to)
        if known:
            yield Complete(self.relation.table, (self.relation.near_key,), [(id_,) for id_ in known])

    def of_far(self, ids: Sequence[str]) -> Iterator[Message]:
        """All rows of these far records, and the word that these are all.

        The type ids seen from the far end are those of the other direction, so the near ends found are read again
        from their own side.
        """
        wanted, known = set(ids), list[str]()
        near_ids: dict[str, None] = {}
        for _, to in self._read(self.relation.far, self.relation.near, ids, known):
            near_ids.update(dict.fromkeys(str(near.to_object_id) for near in to))
        for near, to in self._read(self.relation.near, self.relation.far, list(near_ids), []):
            yield from self._rows((near, far) for far in to if str(far.to_object_id) in wanted)
        if known:
            yield Complete(self.relation.table, (self.relation.far_key,), [(id_,) for id_ in known])

    def of(self, object_type: ObjectType, ids: Sequence[str]) -> Iterator[Message]:
        """The associations of these records, whichever end of the relation they are."""
        return self.of_near(ids) if object_type is self.relation.near else self.of_far(ids)

    def gone(self, object_type: ObjectType, ids: Sequence[str]) -> Deletion:
        """These records are gone, and their associations with them."""
        table, key = self.key_of(object_type)
        return Deletion(table, (key,), [(id_,) for id_ in ids])

    def key_of(self, object_type: ObjectType) -> tuple[str, str]:
        """The table, and its column with the ids of this end."""
        key = self.relation.near_key if object_type is self.relation.near else self.relation.far_key
        return self.relation.table, key

    def _rows(self, pairs: Iterator[tuple[str, wire.AssociatedRecord]]) -> Iterator[Rows]:
        rows: list[Row] = []
        for near, far in pairs:
            far_id = str(far.to_object_id)
            rows += [(near, far_id, str(type_.type_id), type_.category, type_.label) for type_ in far.association_types]
            if len(rows) >= ROWS:
                yield Rows(self.relation.table, self._columns, rows)
                rows = []
        if rows:
            yield Rows(self.relation.table, self._columns, rows)

    def _read(
        self, from_type: ObjectType, to_type: ObjectType, ids: Sequence[str], known: list[str]
    ) -> Iterator[tuple[str, list[wire.AssociatedRecord]]]:
        """(id, associated records) pairs, an id possibly more than once; `known` takes the ids that were answered for.

        An id that HubSpot will not answer for (archived meanwhile) makes it refuse the whole batch: the batch is
        halved until the odd one stands alone, and that one is left out of `known`.
        """
        batches = [[{"id": id_} for id_ in ids[i : i + INPUTS]] for i in range(0, len(ids), INPUTS)]
        path = self._client.paths.associations_between(from_type.name, to_type.name)
        doing = f"reading associations of {from_type.name} with {to_type.name}"
        while batches:
            inputs = batches.pop()
            try:
                answer = self._client.post(path, {"inputs": inputs}, _ANSWER, lane=Lane.ASSOCIATIONS, doing=doing)
            except SourceRefused as error:
                if error.status != BAD_REQUEST or "after" in inputs[0]:
                    raise
                if len(inputs) > 1:
                    batches += [inputs[: len(inputs) // 2], inputs[len(inputs) // 2 :]]
                continue
            known.extend(input_["id"] for input_ in inputs if "after" not in input_)
            more = []
            for result in answer.results:
                yield result.from_.id, result.to
                if result.paging and result.paging.next:
                    more.append({"id": result.from_.id, "after": result.paging.next.after})
            if more:
                batches.append(more)
