"""Connections as they stand in the state database: found, looked at, and events noted, within a caller's session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from msgspec import defstruct
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Select, bindparam, delete, func, or_, select, true
from sqlalchemy.orm import Session

from engine.connections.outbox import EVENTS_BY_KIND, announce
from engine.connections.status import LatestSync
from engine.contract import Conflict, InvalidSetting, NotFound
from engine.state.models import Approval, Connection, DestinationRecord, Event, Group, Sync

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look:
    """A connection at one moment: with its latest sync, and what time it was.

    The connection is read-only, and without its credentials: objects of a session would take five times as long.
    """

    connection: Connection
    last: LatestSync | None
    now: datetime


def find(session: Session, name: str, *, held: bool = False) -> Connection:
    """The connection of this id, else of this name. `held`: nobody else changes it until the transaction is over.

    Whoever writes anything of a connection holds it before, so that none waits for another in a circle, and so that
    nothing is written of one that is being deleted.
    """
    query = select(Connection).where(or_(Connection.id == name, Connection.schema == name)).order_by(Connection.id)
    return sole(name, session.scalars(query.with_for_update() if held else query).all())


def hold(session: Session, model: type[T], key: object, gone: NotFound) -> T:
    """What has this key, as it is now; nobody else changes it until the transaction is over. Raises `gone` if it is."""
    held = session.get(model, key, with_for_update=True)
    if held is None:
        raise gone
    return held


def hold_connection(session: Session, id_: str) -> Connection:
    """The connection of this id, as `hold` gives it."""
    return hold(session, Connection, id_, NotFound("connection", id_))


def has_schema(connection: Connection, schema: str) -> bool:
    """Whether the connection's source has a schema of this name: it has one, its kind's name or the connection's own."""
    return schema in (connection.service, connection.schema)


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


_CONNECTIONS = Connection.__table__.c
_SYNCS = Sync.__table__.c
_LATEST = (
    select(*(_SYNCS[column] for column in LatestSync._fields))
    .where(_SYNCS.connection_id == _CONNECTIONS.id)
    .order_by(_SYNCS.id.desc())
    .limit(1)
    .lateral("latest")
)

_SHOWN = [column for column in _CONNECTIONS if column is not _CONNECTIONS.auth]
_Shown = defstruct("_Shown", [column.name for column in _SHOWN], frozen=True, gc=False)

_LOOKS = select(func.now(), *_LATEST.c, *_SHOWN).outerjoin_from(Connection.__table__, _LATEST, true())
_OF_LATEST = slice(1, 1 + len(LatestSync._fields))

NAMED = _LOOKS.where(or_(_CONNECTIONS.id == bindparam("name"), _CONNECTIONS.schema == bindparam("name")))
"""Asks `looks` for the connections of this id or name."""

PAGE = _LOOKS.where(_CONNECTIONS.id > bindparam("after")).order_by(_CONNECTIONS.id).limit(bindparam("most"))
"""Asks `looks` for so many connections in the order of their ids; it can be narrowed."""


def looks(reading: SqlConnection, query: Select[Any], parameters: Mapping[str, Any]) -> list[Look]:
    """Connections with their latest sync, in one query: one of the two above."""
    return [
        Look(
            cast("Connection", _Shown(*row[_OF_LATEST.stop :])),
            None if row.outcome is None else LatestSync(*row[_OF_LATEST]),
            row[0],
        )
        for row in reading.execute(query, parameters)
    ]


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
