"""Histories that once failed, kept in their smallest form, and why they failed."""

from __future__ import annotations

from simulation.history import History

KEPT: dict[str, History] = {}
"""By what went wrong."""
