"""Reading a CRM stream: contacts, companies or deals, with their associations, deletions and merges.

A stream is first read whole from the list (or, with a date limit, by search, whichever takes less time). What changed
meanwhile and from then on is found by search. The archived list tells what was deleted. Every part ends in a
checkpoint, so that a read can break off anywhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

from connectors.hubspot.associations import AssociationReader, association_table
from connectors.hubspot.client import Client
from connectors.hubspot.cursor import CrmCursor, Range
from connectors.hubspot.layout import Found, Layout
from connectors.hubspot.listing import Listing
from connectors.hubspot.objects import ObjectType, relations_of
from connectors.hubspot.quota import SEARCHES_PER_SECOND
from connectors.hubspot.records import PAGE, Records
from connectors.hubspot.searching import PAGE as SEARCH_PAGE
from connectors.hubspot.searching import Search
from connectors.hubspot.threads import Threads
from connectors.hubspot.values import to_milliseconds
from engine.contract import (
    AccessDenied,
    Checkpoint,
    Column,
    ColumnType,
    Cursor,
    Deletion,
    Expected,
    Message,
    Notice,
    Rows,
    SchemaChange,
    Stream,
    Table,
)

INDEX_LAG = 10 * 60 * 1000
"""Milliseconds of modifications that are read again each time: search shows a change late, by half a minute at times."""
GROUP = 1000
"""Records that are taken together, so that one read of associations serves them all."""
GROUP_PAGES = 50
"""Pages of the list after which a group is done however few records they had: a date limit passes over the others."""
GROUPS_UNDER_WAY = 2
"""Groups whose associations are being read while the list goes on."""
THREADS = 12

Reading: TypeAlias = Generator[Message, None, CrmCursor]
"""Messages, and the cursor behind them."""


class CrmStream:
    """One CRM object type of one account."""

    def __init__(self, client: Client, layout: Layout, oldest_modified: datetime | None) -> None:
        self._client = client
        self._layout = layout
        self._type = layout.object_type
        self._oldest = to_milliseconds(oldest_modified.isoformat()) if oldest_modified else None
        self._search = Search(client, self._type)
        self._associations = [AssociationReader(client, relation) for relation in relations_of(self._type)]
        self._own_associations = [
            AssociationReader(client, relation) for relation in relations_of(self._type) if relation.near is self._type
        ]

    @property
    def stream(self) -> Stream:
        """The stream with its tables, as the property definitions are now."""
        tables = [self._layout.table, *(association_table(relation) for relation in relations_of(self._type))]
        if self._type.merges_table:
            tables.append(merges_table(self._type))
        return Stream(self._type.name, tuple(tables))

    def read(self, cursor: Cursor | None) -> Iterator[Message]:
        """From the cursor, or from the beginning, to what is there now; ends with a checkpoint."""
        at = CrmCursor.load(cursor) if cursor is not None else None
        if at is None or at.portal != self._layout.portal_id:
            at = yield from self._begin()
        with Threads(THREADS, f"hubspot-{self._type.name}") as threads:
            if at.ranges:
                at = yield from self._list(at, threads)
            at = yield from self._changes(at, threads)
        yield from self._archived(at)

    def _begin(self) -> Reading:
        """Decide how the historical read goes; gives the first cursor.

        The moment from which changes are read afterwards is the newest modification that HubSpot shows now: its own
        clock, whatever ours says.
        """
        latest = self._search.latest()
        since = _not_ahead(latest.modified or 0)
        expected = latest.total
        at = CrmCursor(self._layout.portal_id, since, (Range(),))
        if self._oldest is not None:
            recent, pages_per_second = self._search.count_since(self._oldest), self._client.quota.per_second
            by_search = max(recent / SEARCH_PAGE / SEARCHES_PER_SECOND, recent / PAGE / pages_per_second)
            if by_search < expected / PAGE / pages_per_second:
                expected, at = recent, CrmCursor(self._layout.portal_id, _not_ahead(self._oldest + INDEX_LAG))
        yield Expected(expected)
        yield Checkpoint(at.dump())
        return at

    def _list(self, at: CrmCursor, threads: Threads) -> Reading:
        """The historical read by the list; gives the cursor with nothing left of it."""
        records = Records(self._client, self._layout, self._oldest)
        listing = Listing(records, threads, self._search.extent)
        waiting: deque[tuple[Future[list[Message]], CrmCursor]] = deque()
        group, pages = Found(), 0
        for page in listing.read(at.ranges):
            if isinstance(page, Notice):
                yield page
                continue
            group.add(page.found)
            pages += 1
            at = at.reading(page.left)
            if len(group.rows) >= GROUP or pages >= GROUP_PAGES or not page.left:
                waiting.append((threads.submit(partial(self._messages, group, self._own_associations)), at))
                group, pages = Found(), 0
            while len(waiting) > (GROUPS_UNDER_WAY if page.left else 0):
                yield from _finished(*waiting.popleft())
        return at

    def _changes(self, at: CrmCursor, threads: Threads) -> Reading:
        """Everything modified since the cursor; gives the cursor behind it."""
        records = Records(self._client, self._layout)
        waiting: deque[tuple[Future[list[Message]], CrmCursor]] = deque()
        for changes in self._search.changes(at.since - INDEX_LAG):
            at = at.until(_not_ahead(changes.until))
            waiting.append((threads.submit(partial(self._changed, records, changes.ids)), at))
            while len(waiting) > GROUPS_UNDER_WAY:
                yield from _finished(*waiting.popleft())
        while waiting:
            yield from _finished(*waiting.popleft())
        return at

    def _changed(self, records: Records, ids: Sequence[str]) -> list[Message]:
        found = Found()
        for start in range(0, len(ids), PAGE):
            found.add(records.by_id(ids[start : start + PAGE]))
        return self._messages(found, self._associations)

    def _archived(self, at: CrmCursor) -> Iterator[Message]:
        """What is in the recycling bin now, with its last values, as deleted rows.

        Beyond a date limit, and where there are no last values, rows are marked if they are there, but not made. Each
        page ends in a checkpoint, so that a full bin is not committed as one; the bin is read from its start each time.
        """
        records = Records(self._client, self._layout, self._oldest)
        after: str | None = None
        while True:
            page = records.page(after, archived=True)
            if page.found.rows:
                yield from self._records(page.found, deleted=True)
            if page.ids:
                yield from self._gone(page.ids)
            yield Checkpoint(at.dump())
            if page.after is None:
                return
            after = page.after

    def _messages(self, found: Found, associations: Sequence[AssociationReader]) -> list[Message]:
        """Everything there is to say about live records."""
        if not found.rows:
            return []
        messages = list(self._records(found))
        for reader in associations:
            try:
                messages += list(reader.of(self._type, found.ids))
            except AccessDenied as error:
                # The other end of the relation may not be read; that is no reason to do without these records.
                messages.append(Notice("associations_skipped", str(error)))
        return messages

    def _records(self, found: Found, *, deleted: bool = False) -> Iterator[Message]:
        if found.wider:
            names = ", ".join(sorted(found.wider))
            yield SchemaChange(self._layout.widen(found.wider), f"values of {names} do not fit HubSpot's type for them")
        yield Rows(self._type.table, self._layout.table.column_names, found.rows, deleted=deleted)
        if found.merged:
            yield from self._merges(found.merged)

    def _merges(self, merged: list[tuple[str, str]]) -> Iterator[Message]:
        """What was merged into a record is gone, under its old id, from every list."""
        yield from self._gone(list(dict.fromkeys(loser for _, loser in merged)))
        if self._type.merges_table:
            table = merges_table(self._type)
            yield Rows(table.name, table.column_names, list(dict.fromkeys(merged)))

    def _gone(self, ids: Sequence[str]) -> Iterator[Message]:
        """Records that are gone, and their associations with them."""
        yield Deletion(self._type.table, (self._type.key,), [(id_,) for id_ in ids])
        yield from (reader.gone(self._type, ids) for reader in self._associations)


def merges_table(object_type: ObjectType) -> Table:
    """Which record took in which."""
    singular = object_type.singular
    columns = (f"{singular}_id", f"merged_{singular}_id")
    return Table(
        name=object_type.merges_table or f"merged_{singular}",
        columns=tuple(Column(name, ColumnType.BIGINT) for name in columns),
        primary_key=columns,
        soft_delete=False,
    )


def _not_ahead(modified: int) -> int:
    """A modification time, but none ahead of this machine's clock: one odd record must not hide all that come after."""
    return min(modified, to_milliseconds(datetime.now(UTC).isoformat()))


def _finished(messages: Future[list[Message]], at: CrmCursor) -> Iterator[Message]:
    yield from messages.result()
    yield Checkpoint(at.dump())
