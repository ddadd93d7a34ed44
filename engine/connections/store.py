"""Connections as they stand in the state database: found, looked at, and events noted, within a caller's session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.orm import Session, aliased, defer, load_only

from engine.connections.outbox import EVENTS_BY_KIND, announce
from engine.contract import Conflict, InvalidSetting, NotFound
from engine.state.models import Approval, Connection, DestinationRecord, Event, Group, Sync


@dataclass(frozen=True, slots=True)
class Look:
    """A connection at one moment: with its latest sync, and what time it was."""

    connection: Connection
    last: Sync | None
    now: datetime


def find(session: Session, name: str) -> Connection:
    """The connection of this id, else of this name."""
    named = or_(Connection.id == name, Connection.schema == name)
    return sole(name, session.scalars(select(Connection).where(named)).all())


def sole(name: str, found: Sequence[Connection]) -> Connection:
    """The one that is meant by a name: the connection of this id, else the only one of this name.

    Raises:
        NotFound: there is none.
        Conflict: several groups have one.
    """
    exact = [connection for connection in found if connection.id == name] or found
    if not exact:
        raise NotFound("connection", name, "`penstock connections list` shows them all.")
    if len(exact) > 1:
        ids = ", ".join(connection.id for connection in exact)
        raise Conflict(f"Several groups have a connection '{name}'. Give its id instead: {ids}.")
    return exact[0]


_RUN = aliased(Sync)
_NEWEST = select(_RUN.id).where(_RUN.connection_id == Connection.id).order_by(_RUN.id.desc()).limit(1)

LOOKING = (
    select(Connection, Sync, func.now())
    .outerjoin(Sync, Sync.id == _NEWEST.scalar_subquery())
    .options(
        defer(Connection.auth),
        load_only(Sync.outcome, Sync.heartbeat_at, Sync.error_code, Sync.error, Sync.notices),
    )
)
"""The query of `looks`, to be narrowed. It loads what a connection's document is made of."""


def looks(session: Session, narrowed: Select[Connection, Sync, datetime]) -> list[Look]:
    """Connections with their latest sync, in one query: `LOOKING`, narrowed. Their credentials are not loaded."""
    return [Look(connection, last, now) for connection, last, now in session.execute(narrowed)]


def destination_of(session: Session, group_id: str) -> DestinationRecord:
    """A group's destination.

    Raises:
        NotFound: there is no such group.
        InvalidSetting: it has no destination yet.
    """
    record = session.get(DestinationRecord, group_id)
    if record is None:
        if session.get(Group, group_id) is not None:
            raise InvalidSetting("group_id", f"The group '{group_id}' has no destination yet: make one first.")
        known = ", ".join(session.scalars(select(Group.id).order_by(Group.id)))
        raise NotFound("group", group_id, f"Known: {known}. It may be left out.")
    return record


def last_sync(session: Session, connection: Connection) -> Sync | None:
    """The connection's latest sync."""
    return session.scalar(select(Sync).where(Sync.connection_id == connection.id).order_by(Sync.id.desc()).limit(1))


def forget_approvals(session: Session, subject: str, subject_id: str) -> None:
    """Forget what was trusted for a connection or a destination that is about to be deleted."""
    session.execute(delete(Approval).where(Approval.subject == subject, Approval.subject_id == subject_id))


def note(
    session: Session, connection: Connection, kind: str, message: str, details: Mapping[str, Any] | None = None
) -> None:
    """Write an event of the connection, and tell the webhooks that ask for such."""
    session.add(
        Event(
            connection_id=connection.id,
            connection=connection.schema,
            kind=kind,
            message=message,
            details=dict(details) if details else None,
        )
    )
    if kind in EVENTS_BY_KIND:
        announce(session, connection, EVENTS_BY_KIND[kind], dict(details or {}))


def note_pause(session: Session, connection: Connection) -> None:
    """Write the event that the connection was paused, or resumed."""
    note(session, connection, *(("paused", "Paused.") if connection.paused else ("resumed", "Resumed.")))
