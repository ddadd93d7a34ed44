"""PostgreSQL 13 and later as a destination."""

from destinations.postgres.destination import PostgresPlugin
from engine.contract import DestinationPlugin

plugin: DestinationPlugin = PostgresPlugin()

__all__ = ["plugin"]
