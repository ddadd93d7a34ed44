from __future__ import annotations

import pytest

from engine import plugins
from engine.contract import InvalidSetting, NotFound


def test_sources_and_destinations_are_found_by_name() -> None:
    assert "hubspot" in plugins.services()
    assert plugins.source_plugin("hubspot").title == "HubSpot"
    assert plugins.destination_plugin("postgres").title


def test_an_unknown_service_is_told_with_those_there_are() -> None:
    with pytest.raises(
        InvalidSetting, match=r"^service: Unsupported service 'salesforce'\. Known: .*hubspot"
    ) as refused:
        plugins.source_plugin("salesforce")
    assert refused.value.field == "service"


def test_an_unknown_sandbox_is_told_with_those_there_are() -> None:
    with pytest.raises(NotFound, match=r"^There is no sandbox 'salesforce'\. Known: hubspot\.$"):
        plugins.sandbox("salesforce")
