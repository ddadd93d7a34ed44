"""`python -m connectors.hubspot.sandbox`."""

from __future__ import annotations

from connectors.hubspot.sandbox.cli import app

app()
