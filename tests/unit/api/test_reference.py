"""docs/reference/api.md names every call, every field of every body and every field of every answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest
from pydantic import BaseModel

from engine.api.app import create_app
from engine.api.connections import ConnectionDocument
from engine.api.destinations import TestedDestinationDocument
from engine.api.documents import Status
from engine.api.envelope import CODES
from engine.api.services import Services
from engine.api.webhooks import WebhookDocument
from engine.connections.body import ConnectionBody, ConnectionChange
from engine.connections.destination_body import DestinationBody, DestinationChange
from engine.connections.outbox import KNOWN_EVENTS, NEVER
from engine.connections.webhooks import WebhookBody, WebhookChange
from engine.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs/reference/api.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return re.split(r"^## ", PAGE.split(f"\n## {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_column(heading: str) -> set[str]:
    rows = re.findall(r"^\| ([^|]+) \|", section(heading), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_call_is_on_the_page(tmp_path: Path) -> None:
    nowhere = cast("Any", Mock())
    app = create_app({}, list, Services.of(nowhere, nowhere, Settings(home=tmp_path)))
    told = re.sub(r"\{\w+_id\}", "{id}", section("Calls"))
    for path in app.openapi()["paths"]:
        shown = re.sub(r"\{\w+_id\}", "{id}", path).replace("/v1/destinations/{id}/certificates", "/certificates")
        if path.startswith("/v1/") and "destinations/{subject_id}" not in path:
            assert f"{shown}`" in told, path


@pytest.mark.parametrize(
    ("heading", "models", "elsewhere"),
    [
        # what is answered as it was given is told once, by its row of the body
        ("Fields of a connection", [ConnectionBody, ConnectionChange, ConnectionDocument], {"schema_", "status"}),
        ("Destinations", [DestinationBody, DestinationChange, TestedDestinationDocument], {"id"}),
        ("Webhooks", [WebhookBody, WebhookChange, WebhookDocument], {"id", "created_at", "created_by"}),
    ],
)
def test_every_field_is_on_the_page(heading: str, models: list[type[BaseModel]], elsewhere: set[str]) -> None:
    fields = {field for model in models for field in model.model_fields}
    assert fields - elsewhere <= first_column(heading)


def test_every_part_of_the_status_is_on_the_page() -> None:
    assert {f"status.{field}" for field in Status.model_fields} <= first_column("Fields of a connection")


def test_every_event_and_every_code_is_on_the_page() -> None:
    assert {f"`{event}`" for event in set(KNOWN_EVENTS) - set(NEVER)} <= set(re.findall(r"`\w+`", section("Webhooks")))
    assert set(CODES.values()) <= set(re.findall(r"\w+", section("Protocol")))
