"""A CRM object's table, laid out from its property definitions; and pages of records turned into rows of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from connectors.hubspot import wire
from connectors.hubspot.objects import ObjectType
from connectors.hubspot.values import COLUMN_TYPES, canonical_column, moment
from engine.contract import Column, ColumnType, Row, Table, common_type
from engine.contract.naming import unique_names

ARCHIVED_AT = Column("archived_at", ColumnType.TIMESTAMPTZ)
"""When a record was moved to the recycling bin; empty while it is not there."""
MERGED_IDS = "hs_merged_object_ids"
"""The property in which the winner of a merge lists the ids that were merged into it, separated by semicolons."""


Merge: TypeAlias = tuple[str, str, str | None]


@dataclass(slots=True)
class Found:
    """Records as rows of their table, each with its id first.

    `merged` has (winner, loser, when or None) for every id that was merged into one of them. `wider` names columns that hold more
    than their type, with the type they need.
    """

    rows: list[Row] = field(default_factory=list)
    merged: list[Merge] = field(default_factory=list)
    wider: dict[str, ColumnType] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        """The records' ids."""
        return [row[0] for row in self.rows]

    def only(self, ids: set[str]) -> Found:
        """Without the records of other ids."""
        rows = [row for row in self.rows if row[0] in ids]
        return Found(rows, [pair for pair in self.merged if pair[0] in ids], self.wider)

    def add(self, other: Found) -> None:
        """Take other records in."""
        self.rows += other.rows
        self.merged += other.merged
        for column, type_ in other.wider.items():
            self.wider[column] = common_type(self.wider.get(column, type_), type_)


@dataclass(slots=True)
class Layout:
    """Which properties are read and how they become a row.

    `columns` are the row's columns; `properties` are the property names in the order of the row's tail, and `names` the
    columns that each of them has. `lifted` are copies of some of them. A record is decoded straight into a struct of
    its properties in this order, so a row costs next to nothing to make.
    """

    object_type: ObjectType
    portal_id: int
    properties: tuple[str, ...]
    names: Mapping[str, str]
    table: Table
    columns: tuple[str, ...]
    page: msgspec.json.Decoder[wire.Page[Any]]
    _cells: Callable[[Any], Row]
    """The values of a decoded record's properties in their order."""
    calculated: tuple[str, ...]
    """The properties that HubSpot works out by itself."""
    _types: Mapping[str, ColumnType]
    """Each column's type by its definition, whatever the table's column has had to become."""
    _is_part: bool = False
    _widening: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(
        cls,
        object_type: ObjectType,
        definitions: Iterable[wire.Property],
        portal_id: int,
        claimed: Mapping[str, str] | None = None,
    ) -> Layout:
        """Lay out the table: key, lifted columns, then every property as `property_<name>`, or as it was `claimed`."""
        defined = [definition for definition in definitions if not definition.archived]
        types = {p.name: COLUMN_TYPES.get(p.type, ColumnType.TEXT) for p in defined}
        # What tells of merges, changes and lifted columns is read whether or not the definitions list it.
        types.setdefault(object_type.modified, ColumnType.TIMESTAMPTZ)
        lifted = (source for _, source, _ in object_type.lifted)
        needed = {object_type.modified, *filter(None, (MERGED_IDS, object_type.merged_at, *lifted))}
        for name in needed:
            types.setdefault(name, ColumnType.TEXT)
        # A table can have room for the first ones only: those that queries for any account read.
        common = {definition.name for definition in defined if definition.hubspot_defined}
        properties = tuple(sorted(types, key=lambda name: (name not in needed, name not in common, name)))
        fixed = [Column(object_type.key, ColumnType.BIGINT), ARCHIVED_AT]
        if object_type.with_portal_id:
            fixed.append(Column("portal_id", ColumnType.BIGINT))
        fixed += [Column(column, type_) for column, _, type_ in object_type.lifted]
        names = unique_names(properties, prefix="property_", taken=[column.name for column in fixed], claimed=claimed)
        table = Table(
            name=object_type.table,
            columns=(*fixed, *(Column(names[name], types[name]) for name in properties)),
            primary_key=(object_type.key,),
            deleted_aliases=object_type.deleted_aliases,
        )
        return cls(
            object_type,
            portal_id,
            properties,
            names,
            table,
            table.column_names,
            *_decoding(properties),
            tuple(sorted(definition.name for definition in defined if definition.is_calculated)),
            {column.name: column.type for column in table.columns},
        )

    @property
    def types(self) -> Mapping[str, str]:
        """The types of the properties that are not text."""
        types = {name: self._types[column] for name, column in self.names.items()}
        return {name: type_.value for name, type_ in types.items() if type_ is not ColumnType.TEXT}

    def part(self, properties: Iterable[str]) -> Layout:
        """A layout of the key and these properties alone, for the same table."""
        properties = tuple(properties)
        columns = (self.object_type.key, *(self.names[name] for name in properties))
        page, cells = _decoding(properties)
        return replace(self, properties=properties, columns=columns, page=page, _cells=cells, _is_part=True)

    def modified(self, record: wire.Record[Any]) -> str | None:
        """When a record was last modified, as HubSpot told it."""
        if record.updated_at is not None:
            return record.updated_at
        found: str | None = self._cells(record.properties)[self.properties.index(self.object_type.modified)]
        return found

    def found(self, records: Sequence[wire.Record[Any]]) -> Found:
        """The records as rows, every value in canonical form."""
        rows = self._rows(records)
        merged = [] if self._is_part else self._merges(rows)
        fitted, wider = self._fitted(rows)
        return Found(fitted, merged, wider)

    def _rows(self, records: Sequence[wire.Record[Any]]) -> list[Row]:
        """The records as rows in the layout's column order, values still as HubSpot sent them."""
        tails = [self._cells(record.properties) for record in records]
        if self._is_part:
            return [(record.id, *tail) for record, tail in zip(records, tails, strict=True)]
        if not self.object_type.with_portal_id:
            return [(record.id, record.archived_at, *tail) for record, tail in zip(records, tails, strict=True)]
        portal_id = str(self.portal_id)
        lifted = [self.properties.index(source) for _, source, _ in self.object_type.lifted]
        return [
            (record.id, record.archived_at, portal_id, *[tail[i] for i in lifted], *tail)
            for record, tail in zip(records, tails, strict=True)
        ]

    def _merges(self, rows: Sequence[Row]) -> list[Merge]:
        tail = len(self.columns) - len(self.properties)
        ids = tail + self.properties.index(MERGED_IDS)
        merged_at = self.object_type.merged_at
        at = None if merged_at is None else tail + self.properties.index(merged_at)
        found: list[Merge] = []
        for row in rows:
            losers, moments = row[ids], None if at is None else row[at]
            if losers or moments:
                merges = merges_told(losers, moments)
                found += [(row[0], loser, when) for loser, when in merges.items() if loser != row[0]]
        return found

    def _fitted(self, rows: list[Row]) -> tuple[list[Row], dict[str, ColumnType]]:
        """The rows with every value but the key in the form of its definition's type, where it has one, whatever came before."""
        if not rows:
            return rows, {}
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        wider: dict[str, ColumnType] = {}
        changed = False
        for i, name in enumerate(self.columns):
            type_, before = self._types[name], columns[i]
            if type_ is ColumnType.TEXT or name == self.object_type.key:
                continue
            columns[i], fits = canonical_column(before, type_)
            changed = changed or columns[i] is not before
            if fits is not type_:
                wider[name] = fits
        return (list(zip(*columns, strict=True)) if changed else rows), wider

    def backfill(self, properties: Iterable[str]) -> None:
        """The columns of these properties, and no others, are filled later in the rows that are there."""
        self.table = self.table.backfilled({self.names[name] for name in properties})

    def widen(self, wider: dict[str, ColumnType]) -> Table:
        """The table from here on, in which these columns hold more than their definition says."""
        with self._widening:
            self.table = self.table.widened(wider)
            return self.table


def merges_told(losers: str | None, moments: str | None) -> dict[str, str | None]:
    """The ids that a record took in, each with the moment if that is told.

    `losers` is `id;id`, `moments` is `id:milliseconds;id:milliseconds`; either may know ids that the other does not.
    """
    merges: dict[str, str | None] = {}
    for loser in (part.strip() for part in (losers or "").split(";")):
        if loser.isdigit():
            merges[loser] = None
    for pair in (moments or "").split(";"):
        loser, _, when = (part.strip() for part in pair.partition(":"))
        if loser.isdigit():
            merges[loser] = moment(when)
    return merges


@lru_cache(maxsize=32)
def _decoding(names: tuple[str, ...]) -> tuple[msgspec.json.Decoder[wire.Page[Any]], Callable[[Any], Row]]:
    """How to decode a page of records with these properties, and what makes a record's properties cells in this order."""
    if any(_ODD.search(name) for name in names):
        by_name = msgspec.json.Decoder(wire.Page[dict[str, str | None]])
        return by_name, lambda properties: tuple(map(properties.get, names))
    by_place = msgspec.json.Decoder(wire.Page[_struct_of(names)])  # type: ignore[misc] # a type made at run time
    return by_place, msgspec.structs.astuple


_ODD = re.compile(r'["\\\x00-\x1f]')
"""What a field of a struct cannot be called. HubSpot makes no such names, and a struct costs less than a dict."""


def _struct_of(names: Sequence[str]) -> type[msgspec.Struct]:
    """A struct with one optional string field per property, in order."""
    fields = [(f"p{i}", str | None, None) for i in range(len(names))]
    return msgspec.defstruct("Properties", fields, rename={f"p{i}": name for i, name in enumerate(names)}, gc=False)
