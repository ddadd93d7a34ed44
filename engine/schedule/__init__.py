"""When a connection is due, and the loop that asks."""
