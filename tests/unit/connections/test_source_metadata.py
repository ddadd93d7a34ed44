from __future__ import annotations

from engine.connections.source_metadata import column_metadata
from engine.contract import Catalog, Column, ColumnType, Stream, Table
from engine.state.models import Connection, SourceTable


def test_a_hashed_column_is_text_in_the_destination() -> None:
    amount, day = Column("amount", ColumnType.NUMERIC), Column("day", ColumnType.DATE)
    table = Table("deal", (Column("id", ColumnType.BIGINT), amount, day), ("id",))
    known = SourceTable(name="deal", hashed=["amount"])
    columns = column_metadata(Connection(id="c"), [known], Catalog((Stream("deals", (table,)),)))
    types = {each["name_in_source"]: (each["type_in_source"], each["type_in_destination"]) for each in columns}
    assert types == {"id": ("bigint", "bigint"), "amount": ("numeric", "text"), "day": ("date", "date")}
