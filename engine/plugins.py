"""Sources, destinations and what they bring along, found by name through entry points."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, cast

from engine.contract import DestinationPlugin, InvalidSetting, NotFound, SourcePlugin

if TYPE_CHECKING:
    from typer import Typer  # the daemon has no use for it

SOURCES = "penstock.sources"
DESTINATIONS = "penstock.destinations"
SANDBOXES = "penstock.sandboxes"
DEMOS = "penstock.demos"


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


def sandbox(service: str) -> Typer:
    """The command-line app that runs a local stand-in for this service.

    Raises:
        NotFound: no installed package brings one.
    """
    found = entry_points(group=SANDBOXES)
    if service not in found.names:
        raise NotFound("sandbox", service, f"Known: {', '.join(sorted(found.names)) or 'none'}.")
    return cast("Typer", found[service].load())


def demo() -> Callable[..., None]:
    """The function that `penstock demo` runs; its arguments become the command's.

    Raises:
        NotFound: no installed package brings one.
    """
    found = sorted(entry_points(group=DEMOS))
    if not found:
        raise NotFound("demo", "", "Install a source that brings one.")
    return cast("Callable[..., None]", found[0].load())


def _registered(group: str, service: str) -> EntryPoint:
    found = entry_points(group=group)
    if service not in found.names:
        known = ", ".join(sorted(found.names)) or "none"
        raise InvalidSetting("service", f"Unsupported service '{service}'. Known: {known}.")
    return found[service]
