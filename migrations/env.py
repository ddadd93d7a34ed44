"""Alembic's way in: runs the versions on the connection that the engine hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from engine.state.models import SCHEMA, Base

connection: Connection = context.config.attributes["connection"]
if connection.scalar(text("SELECT to_regnamespace(:schema)"), {"schema": SCHEMA}) is None:
    connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
context.configure(connection=connection, target_metadata=Base.metadata, version_table_schema=SCHEMA)
with context.begin_transaction():
    context.run_migrations()
