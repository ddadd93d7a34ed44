from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.hubspot.failures import Kind, read_failure, required_scopes
from connectors.hubspot.transport import Answer
from engine.contract import AccessDenied, CredentialsRejected, Follow, SourceRefused, SourceUnavailable

LIMIT = {"status": "error", "errorType": "RATE_LIMIT"}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {**LIMIT, "policyName": "TEN_SECONDLY_ROLLING"}, Kind.BURST_LIMIT),
        (429, {**LIMIT, "message": "You have reached your ten_secondly_rolling limit."}, Kind.BURST_LIMIT),
        (429, {**LIMIT, "policyName": "SECONDLY"}, Kind.SEARCH_LIMIT),
        (429, {**LIMIT, "message": "You have reached your secondly limit."}, Kind.SEARCH_LIMIT),
        (429, {**LIMIT, "policyName": "DAILY"}, Kind.DAILY_LIMIT),
        (429, "slow down", Kind.BURST_LIMIT),
        (401, {"category": "EXPIRED_AUTHENTICATION"}, Kind.REJECTED_TOKEN),
        (423, {}, Kind.LOCKED),
        (477, {}, Kind.MIGRATION),
        (500, {}, Kind.HICCUP),
        (502, "<html>Bad gateway</html>", Kind.HICCUP),
        (524, "<html>", Kind.HICCUP),
        (408, {}, Kind.HICCUP),
        (503, "<html>", Kind.HICCUP),
        (504, "<html>", Kind.HICCUP),
        (521, "<html>Web server is down</html>", Kind.HICCUP),
        (523, "<html>Origin is unreachable</html>", Kind.HICCUP),
        (530, "", Kind.BAD_TOKEN),
        (400, {"category": "VALIDATION_ERROR"}, Kind.FINAL),
        (404, {"message": "resource not found"}, Kind.FINAL),
        (414, "URI too long", Kind.FINAL),
    ],
)
def test_the_kind_of_a_failure_decides_what_follows(status: int, body: Any, kind: Kind) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    assert read_failure(Answer(status, {}, text.encode())).kind is kind


@pytest.mark.parametrize(
    ("status", "error", "follow"),
    [
        (401, CredentialsRejected, Follow.PERSON),
        (530, CredentialsRejected, Follow.PERSON),
        (403, AccessDenied, Follow.PERSON),
        (400, SourceRefused, Follow.PERSON),
        (502, SourceUnavailable, Follow.RETRY),
        (429, SourceUnavailable, Follow.RETRY),
    ],
)
def test_what_is_raised_when_tries_are_over(status: int, error: type[Exception], follow: Follow) -> None:
    raised = read_failure(Answer(status, {}, b'{"message": "no"}')).error("listing deals", "deals")
    assert type(raised) is error
    assert raised.follow is follow


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("86400", 86400.0),
        ("1e12", 86400.0),
        ("inf", 86400.0),
        ("nan", 0.0),
        ("0", 0.0),
        ("-3", 0.0),
        ("", None),
        (None, None),
        ("Wed, 21 Oct 2026", None),
    ],
)
def test_retry_after_is_taken_when_it_is_seconds(header: str | None, seconds: float | None) -> None:
    assert read_failure(Answer(429, {"Retry-After": header} if header is not None else {}, b"")).retry_after == seconds


@pytest.mark.parametrize("key", ["requiredGranularScopes", "requiredScopes", "scopes"])
def test_the_missing_scope_is_named_whatever_the_key_is_called(key: str) -> None:
    body = {
        "errors": [{"message": "One or more", "context": {key: ["crm.objects.deals.read", "crm.schemas.deals.read"]}}]
    }
    assert required_scopes(body) == ("crm.objects.deals.read", "crm.schemas.deals.read")
    error = read_failure(Answer(403, {}, json.dumps(body).encode())).error("listing deals")
    assert "crm.objects.deals.read or crm.schemas.deals.read" in str(error)


@pytest.mark.parametrize(
    "body", ["[]", "null", "7", '{"errors": "x"}', '{"errors": [{"context": {"scope": "x"}}]}', "{"]
)
def test_odd_bodies_are_read_without_a_fuss(body: str) -> None:
    assert isinstance(read_failure(Answer(403, {}, body.encode())).error("listing deals"), AccessDenied)
