"""A CRM object's table, laid out from its property definitions; and pages of records turned into rows of it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connectors.hubspot import wire
from connectors.hubspot.objects import ObjectType
from connectors.hubspot.values import COLUMN_TYPES, canonical_column
from engine.contract import Column, ColumnType, Row, Table, common_type
from engine.contract.naming import unique_names

MERGED_IDS = "hs_merged_object_ids"
"""The property in which the winner of a merge lists the ids that were merged into it, separated by semicolons."""


@dataclass(slots=True)
class Found:
    """Records as rows of their table, each with its id first.

    `merged` has (winner, loser) for every id that was merged into one of them. `wider` names columns that hold more
    than their type, with the type they need.
    """

    rows: list[Row] = field(default_factory=list)
    merged: list[tuple[str, str]] = field(default_factory=list)
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

    `properties` are the property names in the order of the row's tail; `lifted` are copies of some of them. A record
    is decoded straight into a struct of its properties in this order, so a row costs next to nothing to make.
    """

    object_type: ObjectType
    portal_id: int
    properties: tuple[str, ...]
    table: Table
    page: msgspec.json.Decoder[wire.Page[Any]]
    _lifted: tuple[int, ...]
    _merged: int
    _typed: tuple[tuple[int, ColumnType], ...]
    _widening: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, object_type: ObjectType, definitions: Iterable[wire.Property], portal_id: int) -> Layout:
        """Lay out the table: key, lifted columns, then every property as `property_<name>`."""
        types = {p.name: COLUMN_TYPES.get(p.type, ColumnType.TEXT) for p in definitions if not p.archived}
        # A merge is told only by this property, whether or not the definitions list it.
        types.setdefault(MERGED_IDS, ColumnType.TEXT)
        for _, source, _ in object_type.lifted:
            types.setdefault(source, ColumnType.TEXT)
        names = tuple(sorted(types))
        fixed = [Column(object_type.key, ColumnType.BIGINT)]
        if object_type.with_portal_id:
            fixed.append(Column("portal_id", ColumnType.BIGINT))
        fixed += [Column(column, type_) for column, _, type_ in object_type.lifted]
        column_names = unique_names(names, prefix="property_", taken=[column.name for column in fixed])
        table = Table(
            name=object_type.table,
            columns=(*fixed, *(Column(column_names[name], types[name]) for name in names)),
            primary_key=(object_type.key,),
            deleted_aliases=object_type.deleted_aliases,
        )
        return cls(
            object_type=object_type,
            portal_id=portal_id,
            properties=names,
            table=table,
            page=msgspec.json.Decoder(wire.Page[_struct_of(names)]),  # type: ignore[misc] # a type made at run time
            _lifted=tuple(names.index(source) for _, source, _ in object_type.lifted),
            _merged=names.index(MERGED_IDS),
            _typed=tuple((i, c.type) for i, c in enumerate(table.columns) if c.type is not ColumnType.TEXT),
        )

    def found(self, records: Sequence[wire.Record[Any]]) -> Found:
        """The records as rows, every value in canonical form."""
        rows, wider = self._fitted(self._rows(records))
        return Found(rows, self._merged_ids(records), wider)

    def _rows(self, records: Sequence[wire.Record[Any]]) -> list[Row]:
        """The records as rows in the table's column order, values still as HubSpot sent them."""
        tails = [msgspec.structs.astuple(record.properties) for record in records]
        if not self.object_type.with_portal_id:
            return [(record.id, *tail) for record, tail in zip(records, tails, strict=True)]
        portal_id, lifted = str(self.portal_id), self._lifted
        return [
            (record.id, portal_id, *[tail[i] for i in lifted], *tail)
            for record, tail in zip(records, tails, strict=True)
        ]

    def _merged_ids(self, records: Iterable[wire.Record[Any]]) -> list[tuple[str, str]]:
        field_name = f"p{self._merged}"
        return [
            (record.id, loser)
            for record in records
            if (merged := getattr(record.properties, field_name))
            for loser in (part.strip() for part in merged.split(";"))
            if loser.isdigit() and loser != record.id
        ]

    def _fitted(self, rows: list[Row]) -> tuple[list[Row], dict[str, ColumnType]]:
        """The rows with every value in the form of its definition's type, where it has one, whatever came before."""
        if not rows:
            return rows, {}
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        wider: dict[str, ColumnType] = {}
        changed = False
        for i, type_ in self._typed:
            before = columns[i]
            columns[i], fits = canonical_column(before, type_)
            changed = changed or columns[i] is not before
            if fits is not type_:
                wider[self.table.columns[i].name] = fits
        return (list(zip(*columns, strict=True)) if changed else rows), wider

    def widen(self, wider: dict[str, ColumnType]) -> Table:
        """The table from here on, in which these columns hold more than their definition says."""
        with self._widening:
            self.table = self.table.widened(wider)
            return self.table


def _struct_of(names: Sequence[str]) -> type[msgspec.Struct]:
    """A struct with one optional string field per property, in order, whatever the property is called."""
    fields = [(f"p{i}", str | None, None) for i in range(len(names))]
    return msgspec.defstruct("Properties", fields, rename={f"p{i}": name for i, name in enumerate(names)}, gc=False)
