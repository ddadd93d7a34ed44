"""A small source that is particular about its config and credentials, for tests of what happens around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.contract import (
    Catalog,
    Cost,
    CredentialsRejected,
    Cursor,
    Held,
    Host,
    Message,
    SetupTest,
    Stream,
    TestStatus,
)

ENTRY_POINT = "[penstock.sources]\npicky = support.picky:plugin\n"


class PickyConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    since: date | None = None


class PickyAuth(BaseModel):
    model_config = ConfigDict(extra="forbid")
    access_token: SecretStr


class PickySettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PENSTOCK_PICKY_")
    mood: int = 1


class PickySource:
    """What its access token says decides what its setup tests find."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def setup_tests(self) -> Iterable[SetupTest]:
        match self._host.credentials()["access_token"]:
            case "wrong":
                yield SetupTest("Connecting", TestStatus.FAILED, "The token is not valid. Make a new one.")
            case "raises":
                raise CredentialsRejected("The token was revoked. Make a new one.")
            case "narrow":
                yield SetupTest("Connecting", TestStatus.PASSED)
                yield SetupTest("Reading deals", TestStatus.FAILED, "Grant the scope deals.read.", ["deals.read"])
                yield SetupTest("Reading owners", TestStatus.FAILED, "Grant the scope owners.read.", ["owners.read"])
            case "renewed-by-use":
                self._host.keep_credentials({"access_token": "renewed"})
                yield SetupTest("Connecting", TestStatus.PASSED)
            case _:
                yield SetupTest("Connecting", TestStatus.PASSED, "Account 1")
                yield SetupTest("Reading deals", TestStatus.WARNING, "There are none.")

    def discover(self, cursors: Mapping[str, Cursor]) -> Catalog:
        return Catalog(())

    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        yield from ()

    def close(self) -> None:
        pass


class PickyPlugin:
    title = "Picky"
    config = PickyConfig
    auth = PickyAuth
    settings = PickySettings

    def costs(self, config: BaseModel, cursors: Mapping[str, Cursor], syncs_a_day: float) -> Sequence[Cost]:
        return ()

    def connect(self, config: BaseModel, host: Host) -> PickySource:
        return PickySource(host)


plugin = PickyPlugin()


def install(folder: Path) -> Path:
    """A folder that, once on the path, makes the source known by its entry point."""
    package = folder / "picky-0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: picky\nVersion: 0\n")
    (package / "entry_points.txt").write_text(ENTRY_POINT)
    return folder
