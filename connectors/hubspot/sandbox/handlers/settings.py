"""What surrounds the records: owners, pipelines, the account itself and its limits."""

from __future__ import annotations

from typing import Any

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.http import Request, Response, answer, not_found
from connectors.hubspot.sandbox.limits import UNLIMITED, UTC_OFFSET
from connectors.hubspot.sandbox.object_types import DEALS
from connectors.hubspot.sandbox.rendering import PORTAL_ID
from connectors.hubspot.sandbox.times import iso

_OWNERS_PAGE, _OWNERS_MAX = 100, 500
_RECORD_LIMIT = 15_000_000


def list_owners(account: Account, request: Request) -> Response:
    """A page of active or of archived owners."""
    limit = request.number("limit", _OWNERS_PAGE, low=1, high=_OWNERS_MAX)
    after = request.number("after", 0, low=0, high=1 << 60)
    email = request.one("email")
    found = [
        owner
        for owner in account.owners
        if owner["archived"] == request.flag("archived") and int(owner["id"]) >= after and email in {"", owner["email"]}
    ]
    body: dict[str, Any] = {"results": found[:limit]}
    if len(found) > limit:
        after = int(found[limit - 1]["id"]) + 1
        body["paging"] = {
            "next": {"after": str(after), "link": f"{request.base_url}{request.path}?limit={limit}&after={after}"}
        }
    return answer(body)


def read_owner(account: Account, request: Request) -> Response:
    """One owner, by owner id or by user id."""
    key = "userIdIncludingInactive" if request.one("idProperty") == "userId" else "id"
    for owner in account.owners:
        if str(owner[key]) == request.params["id"] and owner["archived"] == request.flag("archived"):
            return answer(owner)
    raise not_found()


def list_pipelines(account: Account, request: Request) -> Response:
    """All pipelines; only deals have any."""
    return answer({"results": _pipelines(account, request)})


def read_pipeline(account: Account, request: Request) -> Response:
    """One pipeline."""
    return answer(_pipeline(account, request))


def list_stages(account: Account, request: Request) -> Response:
    """The stages of a pipeline."""
    return answer({"results": _pipeline(account, request)["stages"]})


def account_details(account: Account, request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """The account itself."""
    return answer(
        {
            "portalId": PORTAL_ID,
            "accountType": "SANDBOX",
            "timeZone": "US/Eastern",
            "companyCurrency": "USD",
            "additionalCurrencies": ["EUR"],
            "utcOffset": "-05:00",
            "utcOffsetMilliseconds": UTC_OFFSET,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }
    )


def daily_usage(account: Account, request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """How much of the daily quota is used."""
    limits = account.limits
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": UNLIMITED if limits.daily is None else limits.daily,
        "currentUsage": limits.calls_today,
        "collectedAt": iso(account.clock.now()),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso(limits.resets_at),
    }
    return answer({"results": [usage]})


def record_usage(account: Account, request: Request) -> Response:  # noqa: ARG001 - as all handlers
    """How many live records of each type there are."""
    usages = [
        {
            "objectTypeId": store.kind.type_id,
            "singularLabel": store.kind.singular.capitalize(),
            "pluralLabel": store.kind.name.capitalize(),
            "limit": _RECORD_LIMIT,
            "usage": store.records.live_count,
            "percentage": round(100 * store.records.live_count / _RECORD_LIMIT, 2),
        }
        for store in account.stores.values()
    ]
    custom = {"overallLimit": 500_000, "overallUsage": 0, "overallPercentage": 0, "byObjectType": []}
    return answer({"hubspotDefinedObjectTypes": usages, "customObjectTypes": custom})


def _pipelines(account: Account, request: Request) -> list[dict[str, Any]]:
    return account.pipelines if account.store(request.params["type"]).kind is DEALS else []


def _pipeline(account: Account, request: Request) -> dict[str, Any]:
    for pipeline in _pipelines(account, request):
        if pipeline["id"] == request.params["pipeline"]:
            return pipeline
    raise not_found()
