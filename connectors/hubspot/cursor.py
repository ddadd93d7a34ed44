"""How far a CRM stream has been read: the cursor that is committed with the rows it covers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from engine.contract import Cursor

VERSION = 1


@dataclass(frozen=True, slots=True)
class Range:
    """A part of the list still to be read: from the cursor `after` (None: the start) to before the id `end`.

    `first` is the first id that was found in it. A range that is `done` is kept until the one before it has been read
    up to here: the two must join without a gap. Ranges other than a single open one exist only where cursors are
    record ids.
    """

    after: str | None = None
    end: int | None = None
    first: int | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class CrmCursor:
    """Where a CRM stream stands.

    While `ranges` is not empty the historical list is still being read. `since` (milliseconds since 1970, in
    HubSpot's own time) is the modification time up to which everything has been read once the list is done. `portal`
    is the account it speaks of: in another one it means nothing.
    """

    portal: int
    since: int
    ranges: tuple[Range, ...] = field(default=())

    @classmethod
    def load(cls, cursor: Cursor) -> Self:
        """Read a stored cursor.

        Raises:
            ValueError: it is of a version this code does not know.
        """
        if cursor.get("version") != VERSION:
            msg = f"a cursor of version {cursor.get('version')} cannot be read by this version of Penstock"
            raise ValueError(msg)
        ranges = tuple(Range(**stored) for stored in cursor.get("ranges", ()))
        return cls(portal=cursor["portal"], since=cursor["since"], ranges=ranges)

    def dump(self) -> dict[str, Any]:
        """As it is stored."""
        stored: dict[str, Any] = {"version": VERSION, "portal": self.portal, "since": self.since}
        if self.ranges:
            stored["ranges"] = [asdict(part) for part in self.ranges]
        return stored

    def reading(self, ranges: tuple[Range, ...]) -> Self:
        """The same with other ranges left to read."""
        return replace(self, ranges=ranges)

    def until(self, since: int) -> Self:
        """The same with everything read up to another moment; never goes back."""
        return replace(self, since=max(self.since, since))
