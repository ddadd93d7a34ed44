"""Penstock's engine: connections, schedules, syncs and their state. It knows no source and no destination by name."""
