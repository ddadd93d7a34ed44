"""`penstock settings`."""

from __future__ import annotations

from engine.cli.options import AsJson


def show(as_json: AsJson = False) -> None:
    """List the settings, their values and where each comes from."""
    from engine.cli import output
    from engine.plugins import services, source_plugin
    from engine.settings import Settings, listing

    listed = listing([Settings, *(source_plugin(service).settings for service in services())])
    if as_json:
        output.print_json(listed)
    else:
        output.print_table(
            ["SETTING", "VALUE", "SOURCE", ""],
            ((each["name"], each["value"], each["source"], each["description"]) for each in listed),
            empty="",
        )
