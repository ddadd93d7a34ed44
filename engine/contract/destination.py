"""What a destination promises."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from engine.contract.messages import Batch, Cursor, Notice, Row
from engine.contract.network import Network
from engine.contract.setup import SetupTest
from engine.contract.tables import Table


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one commit changed, in rows. Rows that were the same already are in none of the counts."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    rejected: int = 0
    notices: Sequence[str] = ()

    def __add__(self, other: Loaded) -> Loaded:
        """Both commits together."""
        return Loaded(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.deleted + other.deleted,
            self.rejected + other.rejected,
            (*self.notices, *other.notices),
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """What preparing a table took.

    `changes` says what was made or changed. `made`: the table was not there; `empty`: columns that were not there in a
    table that was, and that no stream fills by itself; `forgotten` are the streams whose cursors were dropped because of
    that. `notices` are what a person should know of the table as it is.
    """

    changes: tuple[str, ...] = ()
    made: bool = False
    empty: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()


class LoadSession(Protocol):
    """The one open door to a schema: nobody else loads into it until the session is closed or its process is gone."""

    def cursors(self) -> Mapping[str, Cursor]:
        """Each stream's cursor as last committed."""

    def forget(self, streams: Iterable[str]) -> None:
        """Drop the cursors of these streams, so that they are read from the beginning; no row is touched."""

    def prepare(self, table: Table, streams: Iterable[str] = ()) -> Prepared:
        """Make the table, add its columns, widen its types; never narrow, never drop.

        Where it has to be made, or columns of it that are not `backfilled`, the cursors of `streams`, which fill it, are
        dropped with that: what they have read before is not there. May be called again at any time, also between
        `write` and `commit`; costs nothing when nothing is new.

        Raises:
            DestinationUnavailable: it was there when this session prepared it, and is not any more.
            DestinationRefused: a person must change something there first.
        """

    def lacking(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> Sequence[Row]:
        """Those of the rows that a prepared table does not hold just so; see `engine.contract.Held`. Thread-safe."""

    def holds_any(self, table: str) -> bool:
        """Whether a prepared table has any row at all; see `engine.contract.Held`. Thread-safe."""

    def erase(self, table: str, columns: Collection[str]) -> None:
        """Take the values of these columns out of every row of a table and wherever else they were put.

        The table need not be prepared, nor be there.
        """

    def write(self, batch: Batch) -> None:
        """Stage a batch of a prepared table; nothing is visible to readers before `commit`."""

    def commit(self, stream: str, cursor: Cursor) -> Loaded:
        """Merge what is staged and move the stream's cursor, in one transaction; or do neither and raise.

        A value that does not fit its column widens the column; what cannot be stored at all is set aside as a reject.

        Raises:
            DestinationUnavailable: nothing was committed; what was staged is gone.
        """

    def close(self) -> None:
        """Drop what is staged and open the schema to others."""


@dataclass(frozen=True, slots=True)
class DifferentRow:
    """A row that is not the same on both sides; `kind` is missing, extra or different.

    `stored` and `source` have what either side has in columns that differ, as text that is cut where it is long.
    """

    kind: str
    key: Mapping[str, str]
    stored: Mapping[str, str | None] = field(default_factory=dict)
    source: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableDifferences:
    """How a table differs from its source, in rows.

    Of the `rows` of the source some are `missing` in the table, or marked as gone there; `different` ones are there with
    other values, `columns` saying in how many rows each column differs. `extra` rows are there, but gone from the
    source. `rejected` ones cannot be stored; `pending` ones differ too, but only until the next sync.
    """

    table: str
    rows: int
    missing: int
    extra: int
    different: int
    rejected: int
    pending: int
    columns: Mapping[str, int]
    examples: Sequence[DifferentRow]

    @property
    def total(self) -> int:
        """How many rows the next sync would leave as they should not be."""
        return self.missing + self.extra + self.different


class Verification(LoadSession, Protocol):
    """A schema beside an image of its source, to tell them apart. In the schema nothing is written, no cursor either.

    What is loaded makes the image, which is empty at first: the source has to be read whole, whatever the cursors say.
    After `narrow` the cursors and the rows held are the schema's again, and what is loaded changes both sides, as a
    sync would change the schema.
    """

    def narrow(self, tables: Collection[str]) -> int:
        """Go on with those rows of these tables that still differ, and with no others; gives how many they are."""

    def differences(self) -> Sequence[TableDifferences]:
        """What `narrow` found last, table by table."""


class Destination(Protocol):
    """One connected destination."""

    @property
    def place(self) -> str:
        """Where it is, for people: schemas of one name in one place are the same."""

    def setup_tests(self) -> Iterable[SetupTest]:
        """Run the checks of this destination; each is yielded as soon as it is known."""

    def open(self, schema: str) -> LoadSession:
        """Open a schema for loading, making it if need be.

        Raises:
            DestinationBusy: another session has it open.
            DestinationUnavailable: it cannot be reached.
            DestinationRefused: it can be reached, but will not let us in or make the schema.
        """

    def verify(self, schema: str) -> Verification:
        """Open a schema for telling how it differs from its source; raises what `open` does."""

    def cursors(self, schema: str) -> Mapping[str, Cursor]:
        """Each stream's cursor as last committed, without opening the schema; none where nothing was loaded yet.

        Raises:
            DestinationUnavailable: it cannot be reached.
            DestinationRefused: it can be reached, but will not let us in.
        """

    def validate_schema_name(self, schema: str) -> None:
        """Raise `InvalidSetting` (field `config.schema`) when this destination cannot take such a schema name."""


class DestinationPlugin(Protocol):
    """A kind of destination, registered as an entry point in the group `penstock.destinations`."""

    @property
    def title(self) -> str:
        """What a person calls it."""

    @property
    def config(self) -> type[BaseModel]:
        """The model of a destination's config."""

    def connect(self, config: Any, network: Network | None = None) -> Destination:
        """A destination for a validated `config`, reached over the network. Makes no connection yet.

        Without a network it is reached directly, and no certificate is trusted that its own settings do not know.
        """
