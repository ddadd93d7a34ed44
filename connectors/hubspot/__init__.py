"""HubSpot as a source: contacts, companies, deals, their associations, owners, pipelines and properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.hubspot.authorization import HubSpotAuthorization
from connectors.hubspot.config import HubSpotAuth, HubSpotConfig
from connectors.hubspot.costs import costs
from connectors.hubspot.settings import HubSpotSettings
from engine.contract import Cost, Cursor, Host, Source, SourcePlugin


class HubSpotPlugin:
    """The plug-in that the engine finds under the service name `hubspot`."""

    title = "HubSpot"
    config = HubSpotConfig
    auth = HubSpotAuth
    settings = HubSpotSettings
    authorization = HubSpotAuthorization()

    def connect(self, config: HubSpotConfig, host: Host) -> Source:
        """An account, with the credentials the host keeps. Makes no request yet."""
        from connectors.hubspot.source import HubSpotSource  # noqa: PLC0415 - the SDK takes long to import

        return HubSpotSource(config, HubSpotSettings(), host)

    def costs(self, config: HubSpotConfig, cursors: Mapping[str, Cursor], syncs_a_day: float) -> Sequence[Cost]:
        """What each part of its syncs costs in API calls."""
        return costs(config, cursors, syncs_a_day)


plugin: SourcePlugin = HubSpotPlugin()
