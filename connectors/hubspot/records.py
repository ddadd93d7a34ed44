"""Records of one object type, by page of the list or by id, with all their properties."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from connectors.hubspot import wire
from connectors.hubspot.client import Client
from connectors.hubspot.failures import same_cursor
from connectors.hubspot.layout import Found, Layout
from connectors.hubspot.values import to_milliseconds
from engine.contract import SourceRefused

NOT_FOUND = 404
PAGE = 100
"""Records per page of the list and per batch read, the most that HubSpot gives."""
LONGEST_QUERY = 6000
"""Characters of property names that go into a URL. HubSpot refuses (414) at about 16,000, some proxies at 8,000; with
more properties than that a page is listed by id only and read by a batch read, whose body has no such limit."""


class _NoneOfThem(Exception):
    """HubSpot says that there are no records of these ids."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list: all its ids, and what was found of them (some can have vanished since they were listed)."""

    ids: list[str]
    found: Found
    after: str | None


class Records:
    """Reads records of one object type as its layout wants them. Thread-safe.

    With `oldest` (milliseconds since 1970) it leaves out those that were last modified before.
    """

    def __init__(self, client: Client, layout: Layout, oldest: int | None = None) -> None:
        self._client = client
        self._layout = layout
        self._oldest = oldest
        self._type = layout.object_type.name
        names = ",".join(layout.properties)
        is_listable = len(names) <= LONGEST_QUERY and not any("," in name for name in layout.properties)
        self._inline = names if is_listable else None

    def page(self, after: str | None, *, archived: bool = False) -> Listed:
        """A page of the list, in ascending order of ids; `archived` lists the archived ones instead."""
        query = {"limit": str(PAGE), "properties": self._inline or "hs_object_id"}
        if after is not None:
            query["after"] = after
        if archived:
            query["archived"] = "true"
        path = self._client.paths.listing(self._type)
        doing = f"listing {self._type}"
        page = self._client.get(path, query, self._layout.page, doing=doing)
        if after is not None and page.after == after:
            raise same_cursor(doing)
        # A record can be archived or restored while it is listed, and what stands between may not know the parameter.
        records = [record for record in page.results if record.archived in {archived, None}]
        ids = [record.id for record in records]
        found = self._found(records) if self._inline else self.by_id(ids, archived=archived)
        return Listed(ids, found, page.after)

    def all_by_id(self, ids: Sequence[str]) -> Found:
        """The records of any number of ids that exist."""
        found = Found()
        for start in range(0, len(ids), PAGE):
            found.add(self.by_id(ids[start : start + PAGE]))
        return found

    def by_id(self, ids: Sequence[str], *, archived: bool = False) -> Found:
        """The records of up to 100 ids that exist; an answer in parts (207) is the rule, not an error.

        A 404 has been seen where none of the ids exists any more. It is believed when it comes for each half as well.
        """
        try:
            return self._by_id(ids, archived=archived)
        except _NoneOfThem:
            found = Found()
        for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
            with suppress(_NoneOfThem):
                found.add(self._by_id(half, archived=archived))
        return found

    def _by_id(self, ids: Sequence[str], *, archived: bool) -> Found:
        if not ids:
            return Found()
        body = {"inputs": [{"id": id_} for id_ in ids], "properties": self._layout.properties}
        path = self._client.paths.batch_read(self._type, archived=archived)
        try:
            return self._found(self._client.post(path, body, self._layout.page, doing=f"reading {self._type}").results)
        except SourceRefused as error:
            if error.status == NOT_FOUND:
                raise _NoneOfThem from error
            raise

    def _found(self, records: list[wire.Record[Any]]) -> Found:
        if self._oldest is not None:
            records = [record for record in records if self._is_recent(record, self._oldest)]
        return self._layout.found(records)

    def _is_recent(self, record: wire.Record[Any], oldest: int) -> bool:
        modified = self._layout.modified(record)
        return modified is None or to_milliseconds(modified) >= oldest
