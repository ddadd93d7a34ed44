"""The tables of a connection's source as they were last described, and what a person chose of them.

Within a caller's session; whoever changes anything holds the lock on the connection's `SchemaConfig`.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from engine.contract import Catalog, Table
from engine.state.models import SchemaConfig, SourceTable
from engine.state.secrets import Vault


def locked(session: Session, connection_id: str) -> SchemaConfig | None:
    """The connection's schema config, for changing; None where the source's tables are not known yet."""
    return session.scalar(
        select(SchemaConfig).where(SchemaConfig.connection_id == connection_id).with_for_update(of=SchemaConfig)
    )


def made(session: Session, vault: Vault, connection_id: str) -> SchemaConfig:
    """The same, made if need be."""
    salt = vault.seal({"salt": secrets.token_hex(32)})
    session.execute(upsert(SchemaConfig).values(connection_id=connection_id, salt=salt).on_conflict_do_nothing())
    config = locked(session, connection_id)
    if config is None:
        msg = "a schema config that was just made is gone"
        raise LookupError(msg)
    return config


def tables_of(session: Session, connection_id: str) -> Sequence[SourceTable]:
    """All tables, in the source's order."""
    found = select(SourceTable).where(SourceTable.connection_id == connection_id).order_by(SourceTable.position)
    return session.scalars(found).all()


def awaits_sync(session: Session, connection_id: str) -> bool:
    """Whether the next sync has to read a table from the beginning because of what was chosen."""
    found = select(SourceTable.name).where(
        SourceTable.connection_id == connection_id, SourceTable.enabled, ~SourceTable.gone, SourceTable.reread
    )
    return session.scalars(found.limit(1)).first() is not None


def remember(session: Session, config: SchemaConfig, catalog: Catalog) -> Sequence[SourceTable]:
    """Take in how the source describes itself now; of what is new, what `schema_change_handling` lets through is enabled.

    Nothing is forgotten: what the source has no more is marked, and has its choices when it comes back.
    """
    known = {table.name: table for table in tables_of(session, config.connection_id)}
    changed = False
    named = {table.name for table in catalog.tables}
    for absent in known.values():
        if not absent.gone and absent.name not in named:
            absent.gone = changed = True
    for position, table in enumerate(catalog.tables):
        described = _described(catalog, table, position)
        row = known.get(table.name)
        if row is None:
            enabled = config.schema_change_handling == "ALLOW_ALL"
            row = SourceTable(
                connection_id=config.connection_id,
                name=table.name,
                enabled=enabled,
                columns=_columns(table),
                **described,
            )
            session.add(row)
            changed = True
        else:
            changed |= _update(row, config, table, described)
    if changed:
        config.discovered_at = session.scalars(select(func.now())).one()
        session.flush()
    return tables_of(session, config.connection_id)


def _described(catalog: Catalog, table: Table, position: int) -> dict[str, Any]:
    streams = [stream for stream in catalog.streams if table.name in {each.name for each in stream.tables}]
    own = any(stream.tables[0].name == table.name for stream in streams)
    return {
        "position": position,
        "streams": [stream.name for stream in streams],
        "supports_history": own and table.soft_delete,
        "gone": False,
    }


def _columns(table: Table) -> list[dict[str, Any]]:
    fixed = {*table.primary_key, *(name for group in table.lookups for name in group)}
    return [
        {"name": name, "key": name in table.primary_key, "fixed": name in fixed, "gone": False}
        for name in table.column_names
    ]


def _update(row: SourceTable, config: SchemaConfig, table: Table, described: dict[str, Any]) -> bool:
    now = _columns(table)
    names = {column["name"] for column in now}
    known = {column["name"] for column in row.columns}
    gone = [{**column, "gone": True} for column in row.columns if column["name"] not in names]
    found = {**described, "columns": [*now, *gone]}
    if config.schema_change_handling == "BLOCK_ALL":
        new = [column["name"] for column in now if column["name"] not in known and not column["fixed"]]
        found["disabled"] = [*row.disabled, *new]
    changed = {name: value for name, value in found.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)
