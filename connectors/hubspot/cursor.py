"""How far a CRM stream has been read: the cursor that is committed with the rows it covers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from connectors.hubspot.recent import Hit, Recent
from connectors.hubspot.sweeps import Sweep
from engine.contract import Cursor

VERSION = 2

_PASSES = ("historical", "sweep", "bin")


@dataclass(frozen=True, slots=True)
class Range:
    """A part of the list still to be read: from the cursor `after` (None: the start) to before the id `end`.

    `first` is the first id that was found in it. A range that is `done` is kept until the one before it has been read
    up to here: the two must join without a gap. Ranges other than a single open one exist only where cursors are
    record ids. Where they are not, `above` is the last id that the list showed before.
    """

    after: str | None = None
    end: int | None = None
    first: int | None = None
    done: bool = False
    above: int | None = None

    def dump(self) -> dict[str, Any]:
        """As it is stored: what says nothing is left out."""
        return {name: value for name, value in asdict(self).items() if value not in {None, False}}


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass over a whole list that is under way: what is left of it, and how many ids it has shown.

    `began` (milliseconds) is when; a sweep reads `associations` if they are due, and the columns of `properties`;
    a historical one reads `associations` from both ends where the records at the other end were read before.
    """

    began: int
    ranges: tuple[Range, ...] = (Range(),)
    listed: int = 0
    present: bool = True
    """Whether what the list does not show is gone; there is nothing to go from a table that was empty."""
    associations: bool = False
    properties: tuple[str, ...] = ()

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        """As `dump` stored it."""
        ranges = tuple(Range(**part) for part in stored["ranges"])
        return cls(**{**stored, "ranges": ranges, "properties": tuple(stored["properties"])})

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "ranges": [part.dump() for part in self.ranges], "properties": list(self.properties)}


@dataclass(frozen=True, slots=True)
class CrmCursor:
    """Where a CRM stream stands. All times are milliseconds.

    While `historical` is there the historical list is still being read, while `sweep` is there a sweep is. `since` is
    the newest modification read, in HubSpot's own time; before `settled` everything was read again long after, so that
    search hides nothing any more, and `recent` remembers what was read from there on. `swept` has the beginning of the
    last sweep of each kind; the recycling bin is read by a pass of its own, `bin`. `portal` is the account it speaks of:
    in another one all that means nothing. `records` and `archived` are how many there were when they were last counted.
    `columns` are the names that properties have got in the table, by property, `types` the types of those that are not
    text, `undefined` those of them that HubSpot did not define any more, and `unfilled` the properties that came later,
    or got another type, and are still to be read of all records.
    """

    portal: int
    since: int
    settled: int
    recent: Recent
    historical: Pass | None = None
    sweep: Pass | None = None
    swept: Mapping[str, int] = field(default_factory=dict)
    bin: Pass | None = None
    records: int = 0
    archived: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    undefined: tuple[str, ...] = ()
    unfilled: tuple[str, ...] = ()

    @classmethod
    def load(cls, cursor: Cursor) -> Self:
        """Read a stored cursor.

        Raises:
            ValueError: it is of a version this code does not know.
        """
        if cursor.get("version") == 1:
            cursor = _from_version_1(cursor)
        if cursor.get("version") != VERSION:
            msg = f"a cursor of version {cursor.get('version')} cannot be read by this version of Penstock"
            raise ValueError(msg)
        passes = {name: Pass.load(cursor[name]) for name in _PASSES if name in cursor}
        return cls(
            portal=cursor["portal"],
            since=cursor["since"],
            settled=cursor["settled"],
            recent=Recent.load(cursor["recent"]),
            swept=cursor["swept"],
            records=cursor["records"],
            archived=cursor["archived"],
            columns=cursor["columns"],
            types=cursor.get("types", {}),
            undefined=tuple(cursor["undefined"]),
            unfilled=tuple(cursor["unfilled"]),
            **passes,
        )

    def dump(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "version": VERSION,
            "portal": self.portal,
            "since": self.since,
            "settled": self.settled,
            "recent": self.recent.dump(),
            **{name: under_way.dump() for name in _PASSES if (under_way := getattr(self, name)) is not None},
            "swept": dict(self.swept),
            "records": self.records,
            "archived": self.archived,
            "columns": dict(self.columns),
            "types": dict(self.types),
            "undefined": list(self.undefined),
            "unfilled": list(self.unfilled),
        }

    def and_read(self, hits: list[Hit], since: int) -> Self:
        """The same with these changes read, and everything up to another moment; never goes back."""
        return replace(self, since=max(self.since, since), recent=self.recent.and_read(hits))

    def and_counted(self, moment: int, count: int) -> Self:
        """The same, knowing how many records share a millisecond, all of which were read."""
        return replace(self, recent=self.recent.and_counted(moment, count))

    def settled_until(self, moment: int) -> Self:
        """The same with everything before this moment settled; never goes back."""
        settled = max(self.settled, moment)
        return replace(self, settled=settled, recent=self.recent.settled(settled))

    def swept_at(self, moment: int, *sweeps: Sweep) -> Self:
        """The same with sweeps of these kinds done that began at this moment."""
        return replace(self, swept={**self.swept, **{str(sweep): moment for sweep in sweeps}})

    def not_swept(self, sweep: Sweep) -> Self:
        """The same with a sweep of this kind due, whenever there was one."""
        return replace(self, swept={kind: moment for kind, moment in self.swept.items() if kind != str(sweep)})

    def with_columns(self, columns: Mapping[str, str], types: Mapping[str, str]) -> Self:
        """The same with the names and types that the properties have now.

        Those that were not there last time are unfilled, and so are those of another type: what they held was read
        by the old one.
        """
        known = self.columns.keys() - set(self.undefined)
        new = columns.keys() - known if known else set()
        if self.types:
            new |= {name for name in known if types.get(name) != self.types.get(name)}
        return replace(
            self,
            columns={**self.columns, **columns},
            types=types,
            undefined=tuple(sorted(self.columns.keys() - columns.keys())),
            unfilled=tuple(sorted((new | set(self.unfilled)) & columns.keys())),
        )


def _from_version_1(cursor: Cursor) -> Cursor:
    """Before there were sweeps."""
    ranges = cursor.get("ranges", ())
    since = cursor["since"]
    return {
        "version": VERSION,
        "portal": cursor["portal"],
        "since": since,
        "settled": since,
        "recent": Recent(since + 1).dump(),
        **({"historical": {"began": 0, "ranges": ranges, "properties": ()}} if ranges else {}),
        "swept": {},
        "records": 0,
        "archived": 0,
        "columns": {},
        "undefined": (),
        "unfilled": (),
    }
