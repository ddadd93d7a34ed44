"""How far a sync is, as a value: what the command line draws and what the state tables keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from engine.contract import Loaded


@dataclass(frozen=True, slots=True)
class StreamProgress:
    """How far one stream is. `outcome` is one of the words of `syncs.outcome`; `read` counts its own table's records."""

    name: str
    outcome: str = "running"
    read: int = 0
    expected: int | None = None
    loaded: Loaded = field(default_factory=Loaded)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is."""

    sync_id: int
    outcome: str
    streams: tuple[StreamProgress, ...]
    api_calls: int = 0

    @property
    def read(self) -> int:
        """Records received from the source, in all streams."""
        return sum(stream.read for stream in self.streams)

    @property
    def loaded(self) -> Loaded:
        """What changed in the destination, in all streams."""
        return sum((stream.loaded for stream in self.streams), start=Loaded())


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """How a sync ended. `error` is a sentence for people, with the next step; `notices` are more of those."""

    progress: Progress
    error_code: str | None = None
    error: str | None = None
    retry_at: datetime | None = None
    notices: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """succeeded, failed, rescheduled, cancelled or interrupted."""
        return self.progress.outcome
