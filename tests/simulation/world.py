"""All that a history plays in: the account, the engine, the schema, and a person's hand on the database."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import psycopg
from simulation.syncing import Engine

from connectors.hubspot.sandbox.account import Account

TYPES = ("contacts", "companies", "deals")
TITLES = {"contacts": "lastname", "companies": "name", "deals": "dealname"}
PAIRS = (("deals", "companies"), ("deals", "contacts"), ("contacts", "companies"))


@dataclass
class World:
    """One account and its image."""

    account: Account
    engine: Engine
    url: str
    schema: str
    scopes: set[str] = field(default_factory=set)
    """Scopes that were taken away."""
    others: int = 0
    """How many things were named so far, so that names differ."""

    def live(self, object_type: str) -> list[int]:
        return self.account.ids(object_type)

    def archived(self, object_type: str) -> list[int]:
        return self.account.ids(object_type, archived=True)

    def number(self) -> int:
        self.others += 1
        return self.others

    def execute(self, statement: str, parameters: list[Any] | None = None) -> None:
        """What a person does in the database; a lock of the engine's makes them give up."""
        with psycopg.connect(self.url, autocommit=True) as person:
            person.execute("SET lock_timeout = '200ms'; SET client_min_messages = warning")
            person.execute(statement, parameters)


Action: TypeAlias = Callable[[World, random.Random], str]
"""Does one thing, picked by the random numbers from what is there, and says what."""
