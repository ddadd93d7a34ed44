"""The one table of paths, under the versions that HubSpot serves them in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import TypeAlias

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.handlers import admin, associations, batch, oauth, objects, properties, search, settings
from connectors.hubspot.sandbox.http import Request, Response
from connectors.hubspot.sandbox.object_types import BY_NAME

_DATED = "(?:2026-03|2026-09)"
_PREFIXES: dict[str, tuple[str, ...]] = {
    "objects": ("/crm/v3/objects", f"/crm/objects/{_DATED}"),
    "associated": ("/crm/v4/objects", f"/crm/objects/{_DATED}"),
    "associated v3": ("/crm/v3/objects",),
    "associations": ("/crm/v4/associations", "/crm/associations/v4", f"/crm/associations/{_DATED}"),
    "properties": ("/crm/v3/properties", f"/crm/properties/{_DATED}"),
    "owners": ("/crm/v3/owners", f"/crm/owners/{_DATED}"),
    "pipelines": ("/crm/v3/pipelines", f"/crm/pipelines/{_DATED}"),
    "account": ("/account-info/v3", f"/account-info/{_DATED}"),
    "limits": ("/crm/v3/limits", f"/crm/limits/{_DATED}"),
    "oauth": ("/oauth/v1", "/oauth/v3", f"/oauth/{_DATED}"),
    "oauth v1": ("/oauth/v1",),
    "": ("",),
}

Handler: TypeAlias = Callable[[Account, Request], Response]
Params: TypeAlias = Mapping[str, str]
Needs: TypeAlias = Callable[[Params], list[tuple[str, ...]]]
"""The scopes that a request needs: of each group, any one."""


class Door(Enum):
    """Who may come in, and what it counts as."""

    API = auto()
    """With a token; counts against all limits."""
    EXEMPT = auto()
    """The same, but the ten-secondly limit does not count it."""
    SEARCH = auto()
    """The same; it has a limit of its own."""
    OPEN = auto()
    """Without a token or a limit."""
    ADMIN = auto()
    """The sandbox's own: open, and no fault ever happens to it."""


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path, and what answers there."""

    method: str
    family: str
    tail: str
    handler: Handler
    needs: Needs = field(default=lambda _: [])
    door: Door = Door.API


def _kind(name: str) -> str:
    kind = BY_NAME.get(name.lower())
    return kind.name if kind else name


def _objects(right: str) -> Needs:
    return lambda params: [(f"crm.objects.{_kind(params['type'])}.{right}",)]


def _linked(right: str) -> Needs:
    return lambda params: [(f"crm.objects.{_kind(params[side])}.{right}",) for side in ("type", "to")]


def _schemas(right: str) -> Needs:
    def needs(params: Params) -> list[tuple[str, ...]]:
        kind = _kind(params["type"])
        return [(f"crm.schemas.{kind}.{right}", f"crm.objects.{kind}.{right}")]

    return needs


def _contacts(_: Params) -> list[tuple[str, ...]]:
    return [("crm.objects.contacts.write",)]


def _owners(_: Params) -> list[tuple[str, ...]]:
    return [("crm.objects.owners.read",)]


ROUTES = (
    Route("GET", "objects", "/{type}", objects.list_records, _objects("read")),
    Route("POST", "objects", "/{type}", objects.create_record, _objects("write")),
    Route("POST", "objects", "/{type}/search", search.search, _objects("read"), Door.SEARCH),
    Route("POST", "objects", "/{type}/merge", objects.merge_records, _objects("write")),
    Route("POST", "objects", "/contacts/gdpr-delete", objects.gdpr_delete, _contacts),
    Route("POST", "objects", "/{type}/batch/read", batch.read, _objects("read")),
    Route("POST", "objects", "/{type}/batch/create", batch.create_all, _objects("write")),
    Route("POST", "objects", "/{type}/batch/update", batch.update_all, _objects("write")),
    Route("POST", "objects", "/{type}/batch/archive", batch.archive_all, _objects("write")),
    Route("GET", "objects", "/{type}/{id}", objects.read_record, _objects("read")),
    Route("PATCH", "objects", "/{type}/{id}", objects.update_record, _objects("write")),
    Route("DELETE", "objects", "/{type}/{id}", objects.archive_record, _objects("write")),
    Route("GET", "associated v3", "/{type}/{id}/associations/{to}", associations.read_one_v3, _linked("read")),
    Route("GET", "associated", "/{type}/{id}/associations/{to}", associations.read_one, _linked("read")),
    Route("POST", "associations", "/{type}/{to}/batch/read", associations.read_all, _linked("read"), Door.EXEMPT),
    Route("POST", "associations", "/{type}/{to}/batch/create", associations.create_all, _linked("write"), Door.EXEMPT),
    Route(
        "POST", "associations", "/{type}/{to}/batch/archive", associations.archive_all, _linked("write"), Door.EXEMPT
    ),
    Route(
        "POST",
        "associations",
        "/{type}/{to}/batch/labels/archive",
        associations.archive_labels,
        _linked("write"),
        Door.EXEMPT,
    ),
    Route("GET", "associations", "/{type}/{to}/labels", associations.read_labels, _linked("read")),
    Route("GET", "properties", "/{type}", properties.list_properties, _schemas("read")),
    Route("POST", "properties", "/{type}", properties.create_property, _schemas("write")),
    Route("GET", "properties", "/{type}/{name}", properties.read_property, _schemas("read")),
    Route("PATCH", "properties", "/{type}/{name}", properties.update_property, _schemas("write")),
    Route("DELETE", "properties", "/{type}/{name}", properties.archive_property, _schemas("write")),
    Route("GET", "owners", "", settings.list_owners, _owners),
    Route("GET", "owners", "/{id}", settings.read_owner, _owners),
    Route("GET", "pipelines", "/{type}", settings.list_pipelines, _schemas("read")),
    Route("GET", "pipelines", "/{type}/{pipeline}", settings.read_pipeline, _schemas("read")),
    Route("GET", "pipelines", "/{type}/{pipeline}/stages", settings.list_stages, _schemas("read")),
    Route("GET", "account", "/details", settings.account_details),
    Route("GET", "account", "/api-usage/daily/private-apps", settings.daily_usage),
    Route("GET", "limits", "/records", settings.record_usage),
    Route("GET", "", "/oauth/authorize", oauth.consent_page, door=Door.OPEN),
    Route("POST", "", "/oauth/authorize", oauth.consent, door=Door.OPEN),
    Route("POST", "oauth", "/token", oauth.token, door=Door.OPEN),
    Route("POST", "oauth", "/token/introspect", oauth.introspect, door=Door.OPEN),
    Route("POST", "oauth", "/token/revoke", oauth.revoke, door=Door.OPEN),
    Route("GET", "oauth v1", "/access-tokens/{token}", oauth.access_token_info, door=Door.OPEN),
    Route("GET", "oauth v1", "/refresh-tokens/{token}", oauth.refresh_token_info, door=Door.OPEN),
    Route("DELETE", "oauth v1", "/refresh-tokens/{token}", oauth.delete_refresh_token, door=Door.OPEN),
    Route("GET", "", "/sandbox/state", admin.state, door=Door.ADMIN),
    Route("GET", "", "/sandbox/truth/{type}", admin.truth, door=Door.ADMIN),
    Route("POST", "", "/sandbox/faults", admin.add_fault, door=Door.ADMIN),
    Route("DELETE", "", "/sandbox/faults", admin.clear_faults, door=Door.ADMIN),
    Route("POST", "", "/sandbox/{method}", admin.call, door=Door.ADMIN),
)


def _pattern(prefix: str, tail: str) -> re.Pattern[str]:
    return re.compile(prefix + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", tail) + "/?")


_PATTERNS = [
    (route.method, _pattern(prefix, route.tail), route) for route in ROUTES for prefix in _PREFIXES[route.family]
]


@lru_cache(maxsize=4096)
def find_route(method: str, path: str) -> tuple[Route, Params] | None:
    """The route of a request with the variable parts of its path; None when there is none."""
    for known, pattern, route in _PATTERNS:
        if known == method and (match := pattern.fullmatch(path)):
            return route, match.groupdict()
    return None
