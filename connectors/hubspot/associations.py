"""Associations between CRM objects: which record is tied to which, by which types and labels.

There is no feed of changed associations and they do not touch a record's modification date. They are read for every
record that is read, from whichever end; the table always holds the type ids of the relation's own direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus

import msgspec

from connectors.hubspot import wire
from connectors.hubspot.client import Client
from connectors.hubspot.failures import same_cursor
from connectors.hubspot.objects import ObjectType, Relation
from connectors.hubspot.quota import Lane
from engine.contract import Column, ColumnType, Complete, Deletion, Message, Notice, Row, Rows, SourceRefused, Table

INPUTS = 1000
"""Records per batch read, the most that HubSpot takes."""
ROWS = 5000
"""Rows per message, so that a record with very many associations does not make one huge batch."""
AT_ONCE = 20_000
"""Associations that one answer should have at the most: a call can ask for 1,000 records, and each can have hundreds."""
GROWTH = 4
"""By how much a batch read may grow when a full one had fewer associations than it may have."""

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
    """Reads the associations of one relation for records at either end.

    `sizes` tells how many records there are of each type, as far as that is known: before anything is read, each
    record of the more frequent type is taken to be tied to one of the other.
    """

    def __init__(self, client: Client, relation: Relation, sizes: Mapping[ObjectType, int]) -> None:
        self.relation = relation
        self._client = client
        self._columns = association_table(relation).column_names
        near, far = relation.near, relation.far
        self._at_once = {
            end: _fitting(sizes.get(end, 0), sizes.get(other, 0)) for end, other in ((near, far), (far, near))
        }

    def at_once(self, object_type: ObjectType) -> int:
        """How many records of this end can be read together without their associations taking much memory."""
        return self._at_once[object_type]

    def of_near(self, ids: Sequence[str]) -> Iterator[Message]:
        """All rows of these near records, and the word that these are all."""
        answered: dict[str, bool] = {}
        for near, to in self._read(self.relation.near, self.relation.far, ids, answered):
            yield from self._rows((near, far) for far in to)
        yield from self._complete(self.relation.near_key, answered)

    def of_far(self, ids: Sequence[str]) -> Iterator[Message]:
        """All rows of these far records, and the word that these are all.

        The type ids seen from the far end are those of the other direction, so the near ends found are read again
        from their own side.
        """
        wanted, answered = set(ids), dict[str, bool]()
        fars: dict[str, list[str]] = {}
        for far_id, to in self._read(self.relation.far, self.relation.near, ids, answered):
            for near in to:
                fars.setdefault(str(near.to_object_id), []).append(far_id)
        of_near: dict[str, bool] = {}
        for near_id, to in self._read(self.relation.near, self.relation.far, list(fars), of_near):
            yield from self._rows((near_id, far) for far in to if str(far.to_object_id) in wanted)
        for near_id, is_whole in of_near.items():
            if not is_whole:
                answered.update(dict.fromkeys(fars[near_id], False))
        yield from self._complete(self.relation.far_key, answered)

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
            rows += [(near, far_id, *_cells_of(t.type_id, t.category, t.label)) for t in far.association_types]
            if len(rows) >= ROWS:
                yield Rows(self.relation.table, self._columns, rows)
                rows = []
        if rows:
            yield Rows(self.relation.table, self._columns, rows)

    def _complete(self, key: str, answered: Mapping[str, bool]) -> Iterator[Message]:
        """The word that the rows given are all there are of these ids, but for those that were not answered for."""
        known = [(id_,) for id_, is_whole in answered.items() if is_whole]
        if known:
            yield Complete(self.relation.table, (key,), known)
        if len(known) < len(answered):
            what = f"HubSpot did not tell {len(answered) - len(known)} records' associations for {self.relation.table}"
            yield Notice("associations_not_told", f"{what}: those that are there stay until it does.")

    def _read(
        self, from_type: ObjectType, to_type: ObjectType, ids: Sequence[str], answered: dict[str, bool]
    ) -> Iterator[tuple[str, list[wire.AssociatedRecord]]]:
        """(id, associated records) pairs, an id possibly more than once; `answered` gets the ids, and whether in full.

        An id that HubSpot will not answer for (archived meanwhile) makes it refuse the whole batch: the batch is
        halved until the odd one stands alone, and that one is left out of `answered`.
        """
        start = 0
        while start < len(ids):
            batch = ids[start : start + self.at_once(from_type)]
            start += len(batch)
            yield from self._read_batch(from_type, to_type, batch, answered)

    def _read_batch(
        self, from_type: ObjectType, to_type: ObjectType, ids: Sequence[str], answered: dict[str, bool]
    ) -> Iterator[tuple[str, list[wire.AssociatedRecord]]]:
        batches = [[{"id": id_} for id_ in ids]]
        path = self._client.paths.associations_between(from_type.name, to_type.name)
        doing = f"reading associations of {from_type.name} with {to_type.name}"
        while batches:
            inputs = batches.pop()
            try:
                answer = self._client.post(
                    path, {"inputs": inputs}, _ANSWER, lane=Lane.ASSOCIATIONS, in_part=True, doing=doing
                )
            except SourceRefused as error:
                if error.status != HTTPStatus.BAD_REQUEST:
                    raise
                if len(inputs) > 1:
                    batches += [inputs[: len(inputs) // 2], inputs[len(inputs) // 2 :]]
                else:
                    answered.pop(inputs[0]["id"], None)
                continue
            if "after" not in inputs[0]:  # further pages are of those that have many
                self._learn(from_type, len(inputs), sum(len(result.to) for result in answer.results))
            told = _told(answer)
            for input_ in inputs:
                is_whole = told is None or input_["id"] in told
                answered[input_["id"]] = is_whole and answered.get(input_["id"], True)
            yield from ((result.from_.id, result.to) for result in answer.results)
            more = _further(answer)
            if any(input_ in inputs for input_ in more):
                raise same_cursor(doing)
            if more:
                batches.append(more)

    def _learn(self, from_type: ObjectType, asked: int, found: int) -> None:
        """Let the next batches have as many records as fit, going by what an answer to so many of them held."""
        at_once, fitting = self._at_once[from_type], _fitting(asked, found)
        if fitting < at_once or asked >= at_once:
            self._at_once[from_type] = min(fitting, GROWTH * at_once)


def _fitting(records: int, associations: int) -> int:
    """How many records may be read together when so many of them have so many associations."""
    return max(1, min(INPUTS, AT_ONCE * records // associations)) if associations else INPUTS


@lru_cache(maxsize=1000)
def _cells_of(type_id: int, category: str, label: str | None) -> tuple[str, str, str | None]:
    """A type as it stands in rows, the same objects for all of them: rows are many and types are few."""
    return str(type_id), category, label


def _further(answer: wire.AssociationsAnswer) -> list[dict[str, str]]:
    """The inputs that ask for what did not fit into an answer."""
    return [
        {"id": result.from_.id, "after": after}
        for result in answer.results
        if (after := wire.after(result.paging)) is not None
    ]


def _told(answer: wire.AssociationsAnswer) -> set[str] | None:
    """The ids for which there is an answer, if only that there are no associations; None: all that were asked for."""
    errors = answer.errors or ()
    if all(error.is_answer for error in errors):
        return None
    none = (id_ for error in errors if error.is_answer for id_ in error.named("fromObjectId"))
    return {*(result.from_.id for result in answer.results), *none}
