"""Destinations, one package each, found by the engine through the entry points `penstock.destinations`."""
