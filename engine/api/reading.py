"""What a request says: its JSON body, and the page of a list that it wants."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends, Query, Request

from engine.contract import InvalidSetting

MOST_ITEMS = 1000
"""Clients that never turn a page ask for so many."""

_Item = TypeVar("_Item")


async def _json_body(request: Request) -> dict[str, Any]:
    """The JSON object of the body; empty without one.

    Raises:
        InvalidSetting: it is no JSON object, or holds what no database can store.
    """
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidSetting("", f"The body is no JSON: {error}.") from None
    if not isinstance(body, dict):
        raise InvalidSetting("", "The body must be a JSON object.")
    return body


Body = Annotated[dict[str, Any], Depends(_json_body)]


class Page:
    """The part of a list that is asked for. Items are in the order of their keys, which are ids."""

    def __init__(self, cursor: str | None, limit: int) -> None:
        self.after = "" if cursor is None else _decoded(cursor)
        self.limit = limit

    def of(
        self, found: Sequence[_Item], key: Callable[[_Item], str], document: Callable[[_Item], dict[str, Any]]
    ) -> dict[str, Any]:
        """The page's `data`, from what follows `after`: one item more than `limit`, if there are so many."""
        items = found[: self.limit]
        page: dict[str, Any] = {"items": [document(item) for item in items]}
        if len(found) > self.limit:
            page["next_cursor"] = base64.urlsafe_b64encode(key(items[-1]).encode()).decode()
        return page


async def _page(
    cursor: Annotated[
        str | None, Query(description="Where to go on: `next_cursor` of the page before.", max_length=500)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many items at most.")] = 100,
) -> Page:
    return Page(cursor, limit)


Paged = Annotated[Page, Depends(_page)]


def _decoded(cursor: str) -> str:
    try:
        after = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        after = "\0"
    if "\0" in after:
        raise InvalidSetting("cursor", "must be the next_cursor of a page, as it was given.")
    return after
