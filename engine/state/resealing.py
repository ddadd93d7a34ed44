"""Everything that is sealed: whether the key opens it, and sealing it anew so that an older key can go."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.contract import InvalidSetting
from engine.state.models import Connection, DestinationRecord, Endpoint, Group, SchemaConfig, Webhook
from engine.state.secrets import Vault

SEALED = (
    Group.ssh_key,
    DestinationRecord.config,
    Connection.auth,
    SchemaConfig.salt,
    Webhook.secret,
    Endpoint.address,
)
"""Every column that is sealed."""


def check_key(session: Session, vault: Vault) -> None:
    """Hold that the key opens something of what is sealed, if anything is.

    One secret is enough: where a key was lost, what it sealed stays until it is made anew, the salts for good.

    Raises:
        InvalidSetting: the key opens nothing.
    """
    refused: InvalidSetting | None = None
    for column in SEALED:
        for sealed in filter(None, session.scalars(select(column))):
            try:
                vault.open(sealed)
            except InvalidSetting as error:
                refused = error
            else:
                return
    if refused is not None:
        raise refused


def reseal(session: Session, vault: Vault) -> int:
    """Open and seal every secret, within the caller's transaction; gives how many there are.

    Raises:
        InvalidSetting: none of the keys opens one of them.
    """
    resealed = 0
    for column in SEALED:
        for record in session.scalars(select(column.class_).where(column.is_not(None)).with_for_update()):
            setattr(record, column.key, vault.seal(vault.open(getattr(record, column.key))))
            resealed += 1
    return resealed
