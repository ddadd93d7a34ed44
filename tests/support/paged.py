"""A source for tests that start the real command: numbered records in pages, as slow and as faulty as its config says.

A record's id says its stream and number, so that what has to be in the destination is known without asking. It is found
by its entry point in the processes that the tests start as well; see `support.rig`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic_settings import BaseSettings

from engine.contract import (
    AccessDenied,
    Catalog,
    Checkpoint,
    Column,
    ColumnType,
    Cost,
    CredentialsRejected,
    Cursor,
    Expected,
    Held,
    Host,
    Message,
    Notice,
    QuotaSpent,
    Rows,
    SetupTest,
    Source,
    SourceUnavailable,
    Stream,
    Table,
    TestStatus,
)

QUOTA_RESET = datetime(2099, 1, 1, tzinfo=UTC)

ERRORS: dict[str, Exception] = {
    "unavailable": SourceUnavailable("The source did not answer. Nothing needs to be done: it is tried again."),
    "quota": QuotaSpent("The daily quota is spent.", policy="daily", retry_at=QUOTA_RESET),
    "credentials": CredentialsRejected("The token is not valid any more. Reconnect with a new one."),
    "access": AccessDenied("The token lacks the scope x.read. Grant it.", scopes=["x.read"], stream="a"),
    "mistake": ZeroDivisionError("internal-detail"),
    "gibberish": SourceUnavailable("The source said: a\0\ud83db."),
}


class PagedConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")

    streams: list[str] = ["a"]
    pages: int = 5
    size: int = 10
    seconds: float = 0
    """Wait before each page, as a source waits for a rate limit: it ends when somebody asks to stop."""
    hang: float = 0
    """Wait before each page, as a request hangs that nobody can break off."""
    fail_at: int | None = None
    """The page at which the first stream fails."""
    failure: Literal["unavailable", "quota", "credentials", "access", "mistake", "gibberish"] = "unavailable"
    notice: str | None = None
    tables_without_access_updated_at: str | None = None


class PagedAuth(BaseModel):
    token: SecretStr


class PagedSettings(BaseSettings):
    pass


class PagedSource:
    def __init__(self, config: PagedConfig, host: Host) -> None:
        self._config = config
        self._host = host

    def setup_tests(self) -> Iterable[SetupTest]:
        return [SetupTest("Reachable", TestStatus.PASSED)]

    def discover(self, cursors: Mapping[str, Cursor]) -> Catalog:
        columns = (Column("id", ColumnType.BIGINT), Column("name", ColumnType.TEXT))
        return Catalog(tuple(Stream(name, (Table(name, columns, ("id",)),)) for name in self._config.streams))

    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        first = cursor["page"] if cursor else 0
        yield Expected((self._config.pages - first) * self._config.size)
        if self._config.notice:
            yield Notice("strange", self._config.notice)
        for page in range(first, self._config.pages):
            self._host.wait(self._config.seconds)
            time.sleep(self._config.hang)
            if page == self._config.fail_at and stream.name == self._config.streams[0]:
                raise ERRORS[self._config.failure]
            self._host.called()
            numbers = range(page * self._config.size, (page + 1) * self._config.size)
            yield Rows(stream.name, ("id", "name"), [(str(n), f"{stream.name}-{n}") for n in numbers])
            yield Checkpoint({"page": page + 1})
        yield Checkpoint({"page": self._config.pages})

    def close(self) -> None:
        pass


class PagedPlugin:
    title = "Numbered records"
    config: type[BaseModel] = PagedConfig
    auth: type[BaseModel] = PagedAuth
    settings: type[BaseSettings] = PagedSettings

    def costs(self, config: BaseModel, cursors: Mapping[str, Cursor], syncs_a_day: float) -> Sequence[Cost]:
        return ()

    def connect(self, config: BaseModel, host: Host) -> Source:
        return PagedSource(PagedConfig.model_validate(config.model_dump()), host)


plugin: Any = PagedPlugin()
