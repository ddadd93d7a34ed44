"""The one user there is: whoever operates this Penstock, and the account that is theirs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from engine.connections.document import timestamp
from engine.contract import NotFound
from engine.state.database import Database
from engine.state.models import DEFAULT_GROUP, ApiKey, Group

USER_ID = "operator"
ACCOUNT = {"account_id": "penstock", "account_name": "Penstock", "user_id": USER_ID}

_TIMES = select(
    select(Group.created_at).where(Group.id == DEFAULT_GROUP).scalar_subquery(),
    select(func.max(ApiKey.last_used_at)).scalar_subquery(),
)
"""When Penstock began to be used, and when a key was last used."""


def user_document(database: Database, user_id: str = USER_ID) -> dict[str, Any]:
    """The user, as the REST interface shows one.

    Raises:
        NotFound: it is somebody else.
    """
    if user_id != USER_ID:
        raise NotFound("user", user_id)
    with database.autocommit() as reading:
        began, seen = reading.execute(_TIMES).one()
    return {
        "id": USER_ID,
        "email": "operator@localhost",
        "given_name": "Penstock",
        "family_name": "Operator",
        "verified": True,
        "invited": False,
        "picture": None,
        "phone": None,
        "role": "Account Administrator",
        "active": True,
        "logged_in_at": timestamp(seen),
        "created_at": timestamp(began),
    }
