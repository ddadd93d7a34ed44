"""Groups: which connections load to the same destination."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from engine.connections.document import timestamp
from engine.connections.store import forget_approvals, hold
from engine.contract import Conflict, NotFound
from engine.state.database import Database
from engine.state.models import DEFAULT_GROUP, Connection, Group

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class GroupBody(BaseModel):
    """The body of POST and PATCH /v1/groups."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="The group's name; no other group has it.")


class Groups:
    """The groups in a state database. Methods that take an id raise `NotFound` when there is no such group."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, *, after: str = "", limit: int = 100) -> Sequence[Group]:
        """At most so many groups whose id comes after the given one, in the order of ids."""
        with self._database.reading() as session:
            return session.scalars(select(Group).where(Group.id > after).order_by(Group.id).limit(limit)).all()

    def get(self, group_id: str) -> Group:
        """The group of this id."""
        with self._database.session() as session:
            found = session.get(Group, group_id)
        if found is None:
            raise NotFound("group", group_id)
        return found

    def create(self, body: GroupBody) -> Group:
        """A new group, which has no destination yet.

        Raises:
            Conflict: another group has that name.
        """
        group = Group(id=secrets.token_hex(8), name=body.name)
        with _naming(body.name), self._database.session() as session:
            session.add(group)
        return group

    def rename(self, group_id: str, body: GroupBody) -> Group:
        """Give the group another name.

        Raises:
            Conflict: another group has that name.
        """
        with _naming(body.name), self._database.session() as session:
            group = hold(session, Group, group_id, NotFound("group", group_id))
            group.name = body.name
        return group

    def delete(self, group_id: str) -> None:
        """Forget the group and its destination; the database that was the destination is not touched.

        Raises:
            Conflict: it has connections, or is the default one.
        """
        if group_id == DEFAULT_GROUP:
            raise Conflict(f"The group '{DEFAULT_GROUP}' stays: connections belong to it unless they say otherwise.")
        with self._database.session() as session:
            group = hold(session, Group, group_id, NotFound("group", group_id))
            name = session.scalar(select(Connection.schema).where(Connection.group_id == group_id).limit(1))
            if name is not None:
                raise Conflict(f"The group '{group_id}' has connections ('{name}'). Delete those first.")
            forget_approvals(session, "destination", group_id)
            session.delete(group)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Groups have names of their own."""
    try:
        yield
    except IntegrityError:
        raise Conflict(f"name: There is a group '{name}' already.") from None


def group_document(group: Group) -> dict[str, Any]:
    """A group as the REST interface shows it."""
    return {"id": group.id, "name": group.name, "created_at": timestamp(group.created_at)}
