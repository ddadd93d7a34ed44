"""HubSpot as a source: contacts, companies, deals, their associations, owners, pipelines and properties."""

from __future__ import annotations

from connectors.hubspot.config import HubSpotAuth, HubSpotConfig
from connectors.hubspot.settings import HubSpotSettings
from engine.contract import Host, Source, SourcePlugin


class HubSpotPlugin:
    """The plug-in that the engine finds under the service name `hubspot`."""

    title = "HubSpot"
    config = HubSpotConfig
    auth = HubSpotAuth
    settings = HubSpotSettings

    def connect(self, config: HubSpotConfig, host: Host) -> Source:
        """An account, with the credentials the host keeps. Makes no request yet."""
        from connectors.hubspot.source import HubSpotSource  # noqa: PLC0415 - the SDK takes long to import

        return HubSpotSource(config, HubSpotSettings(), host)


plugin: SourcePlugin = HubSpotPlugin()
