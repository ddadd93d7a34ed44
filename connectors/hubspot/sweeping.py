"""One sweep: what of an object type the destination does not hold as HubSpot lists it now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from connectors.hubspot.client import Client
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.cursor import CrmCursor, Pass
from connectors.hubspot.layout import Found, Layout
from connectors.hubspot.listing import ListPage
from connectors.hubspot.messages import Messages
from connectors.hubspot.objects import ObjectType, relations_of
from connectors.hubspot.records import Records
from connectors.hubspot.sweeps import Size, Sweep
from connectors.hubspot.sweeps import is_due as is_due_by
from engine.contract import Held, Message


def size_of(object_type: ObjectType, records: int, archived: int) -> Size:
    """What an object type's sweeps cost by."""
    relations = sum(relation.near is object_type for relation in relations_of(object_type))
    return Size(records, archived, relations)


def is_due(sweep: Sweep, config: HubSpotConfig, object_type: ObjectType, at: CrmCursor, now: int) -> bool:
    """Whether it is time for a sweep of an object type."""
    return is_due_by(sweep, config, size_of(object_type, at.records, at.archived), last=at.swept.get(sweep), now=now)


def next_sweep(
    layout: Layout, config: HubSpotConfig, at: CrmCursor, now: int, *, reconcile: bool = False
) -> Pass | None:
    """The pass over the list that is due now, or with `reconcile` the whole one: what falls due together is read by one."""
    associations = reconcile or is_due(Sweep.RECONCILIATION, config, layout.object_type, at, now)
    calculated = reconcile or is_due(Sweep.CALCULATED, config, layout.object_type, at, now)
    properties = {*at.unfilled, *(layout.calculated if calculated else ())}
    if not associations and not properties:
        return None
    return Pass(now, associations=associations, properties=tuple(sorted(properties)))


def swept(at: CrmCursor, done: Pass, layout: Layout) -> CrmCursor:
    """The cursor after a pass."""
    properties = set(done.properties)
    unfilled = tuple(name for name in at.unfilled if name not in properties)
    at = replace(at, sweep=None, records=done.listed, unfilled=unfilled)
    if done.associations:
        at = at.swept_at(done.began, Sweep.RECONCILIATION)
    if properties.issuperset(layout.calculated):
        at = at.swept_at(done.began, Sweep.CALCULATED)
    return at


class Comparison:
    """Compares what the list shows with what is held: ids and modification times, and the properties of the sweep.

    `layout` is what the list has to be read with; `both_ends` says from where associations are read.
    """

    def __init__(
        self, client: Client, layout: Layout, messages: Messages, sweep: Pass, held: Held, *, both_ends: bool
    ) -> None:
        self._type = layout.object_type
        self._messages = messages
        self._sweep = sweep
        self._held = held
        self._both_ends = both_ends
        self._whole = Records(client, layout)
        properties = [name for name in sweep.properties if name in layout.names and name != self._type.modified]
        self.layout = layout.part([self._type.modified, *properties])

    def tell(self, found: Found, pages: Iterable[ListPage]) -> list[Message]:
        """What there is to say of some pages: records that are not held just so whole, of the others what is due."""
        columns = self.layout.columns
        lacking = self._held.lacking(self._type.table, columns[:2], [row[:2] for row in found.rows])
        whole = self._whole.all_by_id([row[0] for row in lacking])
        vanished = {row[0] for row in lacking}.difference(whole.ids)
        others = [row for row in found.rows if row[0] not in vanished.union(whole.ids)]
        messages = self._messages.live(whole)
        if self._sweep.associations and others:
            messages += self._messages.associations([row[0] for row in others], both_ends=self._both_ends)
        if len(columns) > 2 and others:  # noqa: PLR2004 - the key, and when it was modified
            rows = [(row[0], *row[2:]) for row in others]
            messages += self._messages.part(replace(found, rows=rows), (columns[0], *columns[2:]))
        for page in pages:
            if page.bounded:
                ids = [id_ for id_ in page.ids if id_ not in vanished]
                messages.append(self._messages.present(ids, page.above, page.to))
        return messages
