"""Sources, destinations and what they bring along, found by name through entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from engine.contract import DestinationPlugin, InvalidSetting, SourcePlugin

SOURCES = "penstock.sources"
DESTINATIONS = "penstock.destinations"


def source_plugin(service: str) -> SourcePlugin:
    """The kind of source that goes by this service name.

    Raises:
        InvalidSetting: no installed package brings it.
    """
    return cast("SourcePlugin", _registered(SOURCES, service).load())


def destination_plugin(service: str) -> DestinationPlugin:
    """The kind of destination that goes by this service name.

    Raises:
        InvalidSetting: no installed package brings it.
    """
    return cast("DestinationPlugin", _registered(DESTINATIONS, service).load())


def services() -> list[str]:
    """The service names of all installed sources."""
    return sorted(entry_points(group=SOURCES).names)


def _registered(group: str, service: str) -> EntryPoint:
    found = entry_points(group=group)
    if service not in found.names:
        known = ", ".join(sorted(found.names)) or "none"
        raise InvalidSetting("service", f"Unsupported service '{service}'. Known: {known}.")
    return found[service]
