"""A sandbox HubSpot, a connection to it and the schema it fills, all in this process."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import sql
from support.comparison import assert_same
from support.rig import Rig

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault
from connectors.hubspot.sandbox.server import running_sandbox
from engine.connections.body import ConnectionBody
from engine.connections.host import ConnectionHost
from engine.sync.progress import SyncOutcome

LONG_AFTER = 3600.0
"""Seconds after which no record is read again just because it was modified shortly before the last sync."""


def made_account(**options: Any) -> Account:
    """A sandbox account as it was two months ago, so that time can be let pass without it running ahead of ours."""
    until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=60)
    account = Account(until=until, **options)
    account.advance(-timedelta(days=59).total_seconds())
    return account


@dataclass
class Mirror:
    """One account and its image."""

    rig: Rig
    account: Account
    url: str
    schema: str

    def sync(self, outcome: str = "succeeded") -> SyncOutcome:
        """Sync, and hold that it ends as expected."""
        ended = self.rig.sync(self.schema)
        assert ended.outcome == outcome, f"{ended.outcome}: {ended.error}"
        return ended

    def reconcile(self) -> SyncOutcome:
        """Sync, and look for what was changed without a word."""
        self.rig.connections.request_reconciliation(self.schema)
        return self.sync()

    def requests(self) -> list[str]:
        """A list to which every request from now on is added, as method and path."""
        asked: list[str] = []
        real = self.account.faults.next

        def note(method: str, path: str) -> Fault | None:
            asked.append(f"{method} {path}")
            return real(method, path)

        self.account.faults.next = note  # type: ignore[method-assign]
        return asked

    def assert_same(self, **allowances: Any) -> None:
        """Hold that both sides are equal, but for what `Comparison` is told to allow."""
        assert_same(self.account, self.rig.database.url.get_secret_value(), self.schema, **allowances)

    def rows(self, table: str, where: str = "true", *parameters: Any) -> list[dict[str, Any]]:
        """The rows of a destination table, by primary key of most of them."""
        query = sql.SQL("SELECT * FROM {} WHERE {} ORDER BY 1, 2").format(
            sql.Identifier(self.schema, table), sql.SQL(where)
        )
        return self.rig.rows(query.as_string(), *parameters)

    def row(self, table: str, record_id: int) -> dict[str, Any]:
        """The one row of a record."""
        key = "deal_id" if table == "deal" else "id"
        (found,) = self.rows(table, f"{key} = %s", record_id)
        return found

    def types(self, table: str) -> dict[str, str]:
        """The types of a destination table's columns."""
        found = self.rig.rows(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
            self.schema,
            table,
        )
        return {row["column_name"]: row["data_type"] for row in found}

    def cursor(self, stream: str) -> dict[str, Any]:
        """A stream's cursor."""
        statement = "SELECT cursor FROM penstock.cursors WHERE schema_name = %s AND stream = %s"
        found: dict[str, Any] = self.rig.one(statement, self.schema, stream)["cursor"]
        return found

    def last_sync(self) -> dict[str, Any]:
        """The newest sync as the state tables tell it."""
        return self.rig.syncs(self.schema)[-1]


MirrorMaker = Callable[..., Mirror]
"""What the fixture `mirror` gives: takes an account and the options of `mirrored`."""


@contextmanager
def mirrored(rig: Rig, account: Account, *, auth: Mapping[str, Any] | None = None, **config: Any) -> Iterator[Mirror]:
    """Serve the account, and connect it under a schema of its own."""
    schema = f"hubspot_{uuid.uuid4().hex[:12]}"
    before = os.environ.get("PENSTOCK_HUBSPOT_API_URL")
    with running_sandbox(account) as sandbox:
        os.environ["PENSTOCK_HUBSPOT_API_URL"] = sandbox.url
        try:
            body = {
                "service": "hubspot",
                "config": {"schema": schema, **config},
                "auth": auth or {"access_token": account.token},
                "schedule_type": "manual",
                "run_setup_tests": False,
            }
            rig.connections.create(ConnectionBody.model_validate(body))
            yield Mirror(rig, account, sandbox.url, schema)
        finally:
            if before is None:
                del os.environ["PENSTOCK_HUBSPOT_API_URL"]
            else:
                os.environ["PENSTOCK_HUBSPOT_API_URL"] = before


@dataclass
class Waits:
    """What a source waits for, in seconds, while waiting takes no time."""

    slept: list[float] = field(default_factory=list)
    held: list[tuple[str, float]] = field(default_factory=list)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = ConnectionHost.wait

        def wait(host: ConnectionHost, seconds: float) -> None:
            if seconds > 0:
                self.slept.append(seconds)
            real(host, 0)

        def hold(_host: ConnectionHost, _account: str, policy: str, *, seconds: float) -> None:
            self.held.append((policy, seconds))

        monkeypatch.setattr(ConnectionHost, "wait", wait)
        monkeypatch.setattr(ConnectionHost, "hold", hold)
