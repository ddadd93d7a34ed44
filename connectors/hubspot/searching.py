"""What changed since a moment, by search: complete past its 10,000-result cap, its ties and its moving pages.

Search pages by offset over a result that moves while it is read: a record that is modified again leaves its place,
everything behind it moves up, and the next offset steps over one. So offsets are not used to go on. Every page asks
again from the last modification time seen (inclusive), which steps over nothing and never reaches the cap; only ties
that fill a whole page, one millisecond that thousands of records share, are drained by record id instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from connectors.hubspot import wire
from connectors.hubspot.client import Client
from connectors.hubspot.listing import Extent
from connectors.hubspot.objects import ObjectType
from connectors.hubspot.quota import Lane
from connectors.hubspot.recent import Hit
from connectors.hubspot.values import to_milliseconds
from engine.contract import SourceUnavailable

PAGE = 200
"""Results per page, the most that search gives."""
CAP = 10_000
"""Results that can be paged through per query; asking beyond is an error."""
FEW_PAGES = 5
"""Pages of one millisecond's records that are too few to pass over."""
EARLIEST = 1000
"""A filter from 1970 on makes search fail with a 500; a second later it works."""

_HITS = msgspec.json.Decoder(wire.Hits)


@dataclass(frozen=True, slots=True)
class Millisecond:
    """One that many records share: how many they are, and how many of them search does not show."""

    moment: int
    records: int
    hidden: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Some changes, each a record's id and modification time, and the moment (ms) before which everything has been seen.

    `newest` is the newest modification (ms) that there was when the first of them were asked for. `whole` comes after
    the last ones of a millisecond that fills more than a page.
    """

    hits: list[Hit]
    until: int
    newest: int
    whole: Millisecond | None = None


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest modification that search shows (ms, None without any record), and how many records there are."""

    modified: int | None
    total: int


class Search:
    """Searches of one object type."""

    def __init__(self, client: Client, object_type: ObjectType) -> None:
        self._client = client
        self._type = object_type

    def latest(self) -> Latest:
        """The newest modification, told by HubSpot's own clock."""
        hits = self._page([], self._type.modified, "DESCENDING", limit=1)
        return Latest(self._modified(hits.results[0]) if hits.results else None, hits.total)

    def extent(self) -> Extent | None:
        """About how far the ids reach: how search sorts ids is not documented, so it is a hint for planning only."""
        hits = self._page([], "hs_object_id", "DESCENDING", limit=1)
        if not hits.results or not hits.results[0].id.isdigit():
            return None
        return Extent(int(hits.results[0].id), hits.total)

    def count_since(self, moment: int) -> int:
        """How many records were modified at this moment (ms) or later."""
        return self._page([self._filter("GTE", moment)], self._type.modified, "ASCENDING", limit=1).total

    def changes(
        self, since: int, before: int | None = None, known: Callable[[int], int] = lambda _moment: 0
    ) -> Iterator[Changes]:
        """Every record modified at `since` (ms) or later, and before `before`, oldest first, once per modification.

        A millisecond that fills more than a few pages is passed over where it holds as many records as are `known` of
        it: likely the same ones, but one can have left it while another came late.

        Ends with the last page, or once it is past the newest modification that there was after the first page: a
        source that changes faster than it is read is gone on with by the next call.
        """
        at = max(since, EARLIEST)
        bounds = [] if before is None else [self._filter("LT", before)]
        seen: set[Hit] = set()
        enough: int | None = None
        while True:
            hits = self._page([self._filter("GTE", at), *bounds], self._type.modified, "ASCENDING")
            found = [(hit.id, self._modified(hit) or at) for hit in hits.results]
            fresh = [hit for hit in dict.fromkeys(found) if hit not in seen]
            if hits.after is None:
                last = max((modified for _, modified in found), default=at)
                yield Changes(fresh, last, last if enough is None else enough)
                return
            if enough is None:
                enough = self.latest().modified or at
            settled = _settled([modified for _, modified in found], at)
            if settled > at:
                yield Changes(fresh, settled, enough)
                if settled > enough:
                    return
                at, seen = settled, {hit for hit in found if hit[1] >= settled}
            else:
                yield from self._ties(at, known(at), enough)
                at, seen = at + 1, set()

    def _ties(self, moment: int, known: int, newest: int) -> Iterator[Changes]:
        """All records of one millisecond, or none if there are many, and just as many as are known.

        Whether search orders ids as numbers or as text is disputed, and so is what it takes for greater. Going on behind
        the last id as it was returned is right where both are the same; if that leaves some out, they are looked for by
        offset from either end.
        """
        held = [self._filter("EQ", moment)]
        page = self._page(held, "hs_object_id", "ASCENDING")
        if page.total == known and known > FEW_PAGES * PAGE:
            return
        total, seen = page.total, set[str]()

        def fresh(hits: wire.Hits) -> Changes:
            ids = [hit.id for hit in hits.results if hit.id not in seen]
            seen.update(ids)
            return Changes([(id_, moment) for id_ in ids], moment, newest)

        yield fresh(page)
        while page.after is not None:
            behind = {"propertyName": "hs_object_id", "operator": "GT", "value": page.results[-1].id}
            page = self._page([*held, behind], "hs_object_id", "ASCENDING")
            yield fresh(page)
        for direction in ("ASCENDING", "DESCENDING"):
            offset = 0
            while len(seen) < total and offset + PAGE <= CAP:
                page = self._page(held, "hs_object_id", direction, offset=offset)
                total = page.total
                yield fresh(page)
                offset = int(page.after) if page.after and page.after.isdigit() else CAP
        yield Changes([], moment, newest, Millisecond(moment, total, max(0, total - len(seen))))

    def _filter(self, operator: str, moment: int) -> dict[str, str]:
        return {"propertyName": self._type.modified, "operator": operator, "value": str(moment)}

    def _page(
        self, filters: list[dict[str, str]], sort: str, direction: str, *, limit: int = PAGE, offset: int = 0
    ) -> wire.Hits:
        """The results from an offset on; none only if there are none. Pages can be empty and yet have a next one."""
        body = {
            "filterGroups": [{"filters": filters}] if filters else [],
            "sorts": [{"propertyName": sort, "direction": direction}],
            "properties": [self._type.modified],
            "limit": limit,
            **({"after": str(offset)} if offset else {}),
        }
        path = self._client.paths.search(self._type.name)
        for _ in range(CAP // PAGE):
            hits = self._client.post(path, body, _HITS, lane=Lane.SEARCH, doing=f"searching {self._type.name}")
            if hits.results or hits.after is None:
                return hits
            if not hits.after.isdigit() or int(hits.after) + limit > CAP:
                break
            body["after"] = hits.after
        raise SourceUnavailable(
            f"HubSpot's search for changed {self._type.name} shows only empty pages. The next sync tries again."
        )

    def _modified(self, hit: wire.Hit) -> int | None:
        moment = hit.properties.get(self._type.modified) or hit.updated_at
        return to_milliseconds(moment) if moment else None


def _settled(modified: list[int], at: int) -> int:
    """The moment up to which a page has surely shown everything.

    A page in order settles up to its last entry. Pages can come out of order while records change: then only up to
    the earliest entry that stands behind a later one.
    """
    for i in range(1, len(modified)):
        if modified[i] < modified[i - 1]:
            return max(at, min(modified[i:]))
    return max(at, modified[-1]) if modified else at
