"""Proxies and private addresses by their ids: what connections and destinations may be led through."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator
from sqlalchemy import select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from engine.connections.document import timestamp
from engine.connections.store import hold
from engine.contract import Conflict, InvalidSetting, NotFound
from engine.settings import MASK
from engine.state.database import Database
from engine.state.models import Connection, DestinationRecord, Endpoint
from engine.state.secrets import Vault

Kind: TypeAlias = Literal["proxy", "private_link"]

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]+$", max_length=200)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]

_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9._-]+)(:(?P<port>\d{1,5}))?")
HIGHEST_PORT = 65535


class ProxyBody(BaseModel):
    """The body of POST /v1/proxy."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: Id | None = Field(None, description="What it goes by as proxy_agent_id. Left out: one is made.")
    display_name: Name = Field(description="What a person calls it.")
    url: SecretStr = Field(description="http:// or https://, with user and password if it asks for them.")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(url.get_secret_value())
            sound = (
                parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
            )
        except ValueError:
            sound = False
        if not sound or parts.path.strip("/") or parts.query or parts.fragment:
            msg = "must be http://host:port or https://host:port, special characters of user and password percent-encoded."
            raise ValueError(msg)
        return url


class PrivateLinkBody(BaseModel):
    """The body of POST /v1/private-links."""

    model_config = ConfigDict(extra="forbid")

    id: Id | None = Field(None, description="What it goes by as private_link_id. Left out: one is made.")
    name: Name = Field(description="What a person calls it.")
    host: str = Field(description="The private address of a destination: host, or host:port.", max_length=300)

    @field_validator("host")
    @classmethod
    def _is_address(cls, host: str) -> str:
        found = _ADDRESS.fullmatch(host)
        if found is None or not 0 < int(found["port"] or 1) <= HIGHEST_PORT:
            msg = "must be host or host:port."
            raise ValueError(msg)
        return host


class Endpoints:
    """The proxies or the private links in a state database. `NotFound` is raised for an id that is none of them."""

    def __init__(self, database: Database, vault: Vault, kind: Kind) -> None:
        self._database = database
        self._vault = vault
        self._kind = kind
        self._what = kind.replace("_", " ")

    def page(self, *, after: str = "", limit: int = 100) -> Sequence[Endpoint]:
        """At most so many of them whose id comes after the given one, in the order of ids."""
        query = select(Endpoint).where(Endpoint.kind == self._kind, Endpoint.id > after)
        with self._database.session() as session:
            return session.scalars(query.order_by(Endpoint.id).limit(limit)).all()

    def get(self, endpoint_id: str) -> Endpoint:
        """The one of this id."""
        with self._database.session() as session:
            found = session.get(Endpoint, (self._kind, endpoint_id))
        if found is None:
            raise NotFound(self._what, endpoint_id)
        return found

    def create(self, endpoint_id: str | None, name: str, address: str, *, by: str | None = None) -> Endpoint:
        """Register one.

        Raises:
            Conflict: another one has that id.
        """
        made = Endpoint(
            kind=self._kind,
            id=endpoint_id or secrets.token_hex(8),
            name=name,
            address=self._vault.seal({"address": address}),
            created_by=by,
        )
        try:
            with self._database.session() as session:
                session.add(made)
        except IntegrityError:
            raise Conflict(f"id: There is a {self._what} '{made.id}' already.") from None
        return made

    def delete(self, endpoint_id: str) -> None:
        """Forget it.

        Raises:
            Conflict: a connection or a destination goes through it.
        """
        with self._database.session() as session:
            endpoint = hold(session, Endpoint, (self._kind, endpoint_id), NotFound(self._what, endpoint_id))
            method, of_connection, of_destination = _USES[self._kind]
            users = union_all(
                select(Connection.schema).where(Connection.networking_method == method, of_connection == endpoint_id),
                select(DestinationRecord.group_id).where(
                    DestinationRecord.networking_method == method, of_destination == endpoint_id
                ),
            )
            user = session.scalar(users.limit(1))
            if user is not None:
                raise Conflict(f"'{user}' goes through it ({method}). Change that first.")
            session.delete(endpoint)

    def document(self, endpoint: Endpoint) -> dict[str, Any]:
        """One as the REST interface shows it, its secrets masked."""
        address = self._vault.open(endpoint.address)["address"]
        named = {"display_name": endpoint.name, "url": _masked(address)}
        return {
            "id": endpoint.id,
            **(named if self._kind == "proxy" else {"name": endpoint.name, "host": address}),
            "created_by": endpoint.created_by,
            "created_at": timestamp(endpoint.created_at),
        }


_USES: dict[Kind, tuple[str, InstrumentedAttribute[str | None], InstrumentedAttribute[str | None]]] = {
    "proxy": ("ProxyAgent", Connection.proxy_agent_id, DestinationRecord.proxy_agent_id),
    "private_link": ("PrivateLink", Connection.private_link_id, DestinationRecord.private_link_id),
}
"""The networking_method that makes use of one, and the columns that name it."""


def address_of(session: Session, vault: Vault, kind: Kind, endpoint_id: str | None) -> SecretStr | None:
    """Where a proxy or a private link is; None without an id.

    Raises:
        InvalidSetting: there is none of this id.
    """
    if endpoint_id is None:
        return None
    found = session.get(Endpoint, (kind, endpoint_id))
    if found is None:
        raise InvalidSetting(*_unknown(kind, endpoint_id))
    return SecretStr(vault.open(found.address)["address"])


def check_networking(
    session: Session, method: str | None, *, proxy_agent_id: str | None, private_link_id: str | None
) -> None:
    """Hold that what a networking_method goes through is named, and registered.

    Raises:
        InvalidSetting: it is not.
    """
    kind: Kind
    for wanted, kind, field, named in (
        ("ProxyAgent", "proxy", "proxy_agent_id", proxy_agent_id),
        ("PrivateLink", "private_link", "private_link_id", private_link_id),
    ):
        if method == wanted and named is None:
            raise InvalidSetting(field, f"is required with networking_method {method}.")
        if method == wanted and session.get(Endpoint, (kind, named)) is None:
            raise InvalidSetting(*_unknown(kind, str(named)))


def _unknown(kind: Kind, endpoint_id: str) -> tuple[str, str]:
    if kind == "proxy":
        return "proxy_agent_id", f"There is no proxy '{endpoint_id}'. Register it first: POST /v1/proxy."
    return "private_link_id", f"There is no private link '{endpoint_id}'. Register it first: POST /v1/private-links."


def _masked(url: str) -> str:
    """A proxy's URL with its password masked."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{MASK}@{host}"))
