"""The keys that let Penstock into SSH servers: one a group, made when it is first needed."""

from __future__ import annotations

from pydantic import SecretStr

from engine.contract import NotFound
from engine.state.database import Database
from engine.state.models import Group
from engine.state.secrets import Vault


def group_key(database: Database, vault: Vault, group_id: str) -> SecretStr:
    """A group's private key, as OpenSSH writes it.

    Raises:
        NotFound: there is no such group.
    """
    from engine.network.ssh import new_key  # noqa: PLC0415 - it takes long to import

    with database.session() as session:
        group = session.get(Group, group_id, with_for_update=True)
        if group is None:
            raise NotFound("group", group_id)
        if group.ssh_key is None:
            group.ssh_key = vault.seal({"key": new_key()})
        return SecretStr(vault.open(group.ssh_key)["key"])


def public_key_of(database: Database, vault: Vault, group_id: str) -> str:
    """The line for `authorized_keys` that lets the group's connections in.

    Raises:
        NotFound: there is no such group.
    """
    from engine.network.ssh import public_key  # noqa: PLC0415 - it takes long to import

    return public_key(group_key(database, vault, group_id).get_secret_value())
