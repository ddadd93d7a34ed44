"""The account's owners and their teams."""

from __future__ import annotations

from typing import Any

from connectors.hubspot.sandbox.data.words import FIRST_NAMES, LAST_NAMES, OWNER_IDS
from connectors.hubspot.sandbox.times import DAY, iso

_TEAMS = (
    {"id": "6201", "name": "Sales North"},
    {"id": "6202", "name": "Sales South"},
    {"id": "6203", "name": "Renewals"},
)


def owners(until: int) -> list[dict[str, Any]]:
    """Ten owners as the owners API shows them; the last one is archived, one is in two teams, one in none."""
    return [_owner(position, owner_id, until) for position, owner_id in enumerate(OWNER_IDS)]


def _owner(position: int, owner_id: str, until: int) -> dict[str, Any]:
    first, last = FIRST_NAMES[position * 5], LAST_NAMES[position * 5]
    user_id = 9_300_100 + position
    archived = position == len(OWNER_IDS) - 1
    owner: dict[str, Any] = {
        "id": owner_id,
        "email": f"owner{position + 1}@example.com",
        "type": "PERSON",
        "firstName": first,
        "lastName": last,
        "userId": None if archived else user_id,
        "userIdIncludingInactive": user_id,
        "createdAt": iso(until - (900 - position) * DAY),
        "updatedAt": iso(until - (90 - position) * DAY),
        "archived": archived,
    }
    teams = () if position == 0 else _TEAMS[:2] if position == 1 else (_TEAMS[position % len(_TEAMS)],)
    if teams:
        owner["teams"] = [{**team, "primary": place == 0} for place, team in enumerate(teams)]
    return owner
