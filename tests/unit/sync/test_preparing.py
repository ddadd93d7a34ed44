"""Tables are made what they have to be before anything is read."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from support.memory import MemorySession, ScriptedSource, Step, table

from engine.contract import Checkpoint, Expected, Notice, Rows, SchemaChange, Stream
from engine.sync.load import Load
from engine.sync.run import transfer

BOTH = table("deal_contact", "label")
DEALS = Stream("deals", (table("deal"), BOTH))
CONTACTS = Stream("contacts", (table("contact"), BOTH))
OWNERS = Stream("owners", (table("owner"),))


class Notes:
    """An observer that writes down what came before the first row."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, str]] = []
        self.changes: Sequence[str] = ()

    def prepared(self, streams: Sequence[Stream], changes: Sequence[str]) -> None:
        self.changes = changes

    def told(self, stream: str, message: Expected | Notice) -> None:
        assert isinstance(message, Notice)
        self.notices.append((stream, message.message))

    def loaded(self, load: Load, loaded: object) -> None: ...
    def changed(self, change: SchemaChange, changes: Sequence[str]) -> None: ...
    def ended(self, stream: str, error: BaseException | None) -> None: ...
    def tick(self) -> None: ...


def script(stream: Stream) -> list[Step]:
    return [Rows(stream.tables[0].name, ("id",), [("1",)]), Checkpoint({"step": 1})]


def transferred(session: MemorySession) -> tuple[Notes, ScriptedSource]:
    notes, source = Notes(), ScriptedSource({stream: script(stream) for stream in (DEALS, CONTACTS, OWNERS)})
    transfer(source, session, notes, threading.Event())
    return notes, source


def test_every_stream_that_fills_a_table_which_is_gone_is_read_anew() -> None:
    session = MemorySession()
    first, _ = transferred(session)
    assert len(first.changes) == 4
    assert first.notices == []
    del session.tables["deal_contact"]
    notes, source = transferred(session)
    assert notes.changes == ["table deal_contact made"]
    assert [stream for stream, _ in notes.notices] == ["deals", "contacts"]
    assert all("deal_contact was not there" in message for _, message in notes.notices)
    assert source.began_at == {"deals": None, "contacts": None, "owners": {"step": 1}}
