"""What a source promises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings

from engine.contract.cost import Cost
from engine.contract.messages import Cursor, Message, Row
from engine.contract.setup import SetupTest
from engine.contract.tables import Catalog, Stream


class Host(Protocol):
    """What the engine offers a source while it works."""

    def acquire(self, account: str, policy: str, *, limit: int, seconds: float) -> None:
        """Wait until one more request fits into `limit` requests per `seconds`, then take it.

        The budget is one per (account, policy) over all processes and machines, and spaces requests evenly, so that
        every window of `seconds` holds at most `limit` of them. A changed limit holds from this call on.

        Raises:
            Cancelled: somebody asked to stop while it waited.
        """

    def hold(self, account: str, policy: str, *, seconds: float) -> None:
        """Nobody may take from this budget for the next `seconds`: the source said so."""

    def now(self) -> datetime:
        """What time it is, in UTC: the clock by which a source decides what is due."""

    def wait(self, seconds: float) -> None:
        """Sleep, but wake when somebody asks to stop.

        Raises:
            Cancelled: somebody asked to stop.
        """

    def called(self) -> None:
        """Count one API call on the sync's account. Thread-safe."""

    def credentials(self) -> Mapping[str, Any]:
        """The connection's credentials as they are stored now (another worker may have renewed them)."""

    def keep_credentials(self, auth: Mapping[str, Any]) -> None:
        """Store credentials that the source renewed, encrypted, before they are used."""

    def proxy(self) -> SecretStr | None:
        """The HTTP proxy that the source has to be called through, as a URL; None: it is called directly."""


class Held(Protocol):
    """What the destination holds by now, for a source that wants to read only what is missing there."""

    def lacking(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> Sequence[Row]:
        """Those of the rows that are not in the table just so: not there at all, marked as gone, or with other values.

        `columns` are the primary key and any others to compare. Sees what is committed. Thread-safe; the comparison is
        made where the rows are, so that nobody has to hold them in memory.

        Raises:
            DestinationUnavailable: it could not be asked.
        """

    def holds_any(self, table: str) -> bool:
        """Whether the table has any row at all; where it has none, nothing can be missing from the source. Thread-safe.

        Raises:
            DestinationUnavailable: it could not be asked.
        """


class Source(Protocol):
    """One connected source. Methods raise `SourceError`s; `read` may be called from several threads at once."""

    def setup_tests(self) -> Iterable[SetupTest]:
        """Run the checks of this connection one after the other; each one is yielded as soon as it is known."""

    def discover(self, cursors: Mapping[str, Cursor]) -> Catalog:
        """The streams with their tables as the source describes them now.

        `cursors` has each stream's cursor as last committed: where a name had to be chosen for a column, the choice
        that a cursor remembers holds.
        """

    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        """Read a stream from the cursor (None: from the beginning) to what is there now.

        The last message is a checkpoint. Whatever changed in the source before the read began, and that the source
        announces, is covered by it; what changes meanwhile is covered by it or by the next read. What the source
        changes without a word is looked for on a schedule of its own, or now if `reconcile` is set: after such a read
        of a quiet source both sides are equal. Its first checkpoint remembers that, so that a read which goes on from
        there does what is left of it. Reading from any earlier cursor again is harmless.

        Raises:
            Cancelled: somebody asked to stop.
            AccessDenied: this stream lacks a scope; the others may go on.
        """

    def close(self) -> None:
        """Give back connections. The source is not used afterwards."""


class SourcePlugin(Protocol):
    """A kind of source, registered as an entry point in the group `penstock.sources` under its service name."""

    @property
    def title(self) -> str:
        """What a person calls it."""

    @property
    def config(self) -> type[BaseModel]:
        """The model of a connection's config, without the `schema` that every connection has."""

    @property
    def auth(self) -> type[BaseModel]:
        """The model of a connection's credentials."""

    @property
    def settings(self) -> type[BaseSettings]:
        """What an operator sets for this kind of source in the environment, beside the connections' own config."""

    def costs(self, config: Any, cursors: Mapping[str, Cursor], syncs_a_day: float) -> Sequence[Cost]:
        """What a connection with a validated `config` costs, as far as its streams' cursors tell."""

    def connect(self, config: Any, host: Host) -> Source:
        """A source for a validated `config`, with the credentials that `host` keeps. Makes no request yet."""
