"""What HubSpot's error answers mean: which are worth another try, after how long, and what a person must do.

HubSpot's error bodies vary (every field is optional, gateways answer in HTML), so decisions key on the status first,
and on the few fields that are known to be stable second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

from connectors.hubspot.transport import Answer
from engine.contract import AccessDenied, CredentialsRejected, PenstockError, SourceRefused, SourceUnavailable

TEN_SECONDLY_WAIT = 10.0
"""Seconds to wait after a spent ten-second window when HubSpot does not say; its own SDK waits as long."""
SECONDLY_WAIT = 1.0
"""Seconds to wait after a spent one-second window (search) when HubSpot does not say."""
LOCKED_WAIT = 2.0
"""HubSpot asks for at least two seconds after 423 (a bulk write holds the records)."""
LONG_WAIT = 120.0
"""A wait beyond this is not slept through: the sync ends and goes on by itself when it is over."""

LONGEST_WAIT = 24 * 3600.0
"""What HubSpot asks for at most; a longer wait is a mistake."""

MIGRATING = 477
"""HubSpot moves the account to another data centre; `Retry-After` can be up to 24 hours."""
BAD_TOKEN_FORMAT = 530
"""What HubSpot's edge answers to a token that does not even look like one."""


class Kind(Enum):
    """The kinds of failed answers, by what follows."""

    BURST_LIMIT = auto()
    SEARCH_LIMIT = auto()
    DAILY_LIMIT = auto()
    MIGRATION = auto()
    LOCKED = auto()
    REJECTED_TOKEN = auto()
    BAD_TOKEN = auto()
    HICCUP = auto()
    FINAL = auto()


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed answer, read. `retry_after` in seconds, None when HubSpot did not say.

    `part` is what was answered all the same, where only some of the inputs failed.
    """

    status: int
    kind: Kind
    message: str
    retry_after: float | None
    body: Mapping[str, Any]
    part: Any = None

    @property
    def answered(self) -> bool:
        """Whether it is an answer of HubSpot that failed, and not the way to it."""
        return self.status >= HTTPStatus.MULTIPLE_CHOICES

    def error(self, doing: str, stream: str | None = None) -> PenstockError:
        """The error to raise when no further try is made; `doing` completes 'HubSpot ... when <doing>'."""
        said = f" HubSpot said: {self.message.rstrip('.')}." if self.message else ""
        if self.kind in {Kind.REJECTED_TOKEN, Kind.BAD_TOKEN}:
            return CredentialsRejected(
                f"HubSpot does not accept the credentials (HTTP {self.status}).{said} "
                "Check that the token is complete and not revoked, or reconnect the account.",
                stream=stream,
                status=self.status,
            )
        if self.status == 403:  # noqa: PLR2004 - an HTTP status
            scopes = required_scopes(self.body)
            needs = f"lacks the scope {' or '.join(scopes)}" if scopes else "has no permission"
            return AccessDenied(
                f"The HubSpot app {needs}, needed when {doing}. Grant it in HubSpot and reconnect.{'' if scopes else said}",
                scopes=scopes,
                stream=stream,
            )
        if self.kind is Kind.FINAL:
            return SourceRefused(
                f"HubSpot refused with HTTP {self.status} when {doing}.{said}", stream=stream, status=self.status
            )
        if self.answered:
            what = f"HubSpot did not recover from HTTP {self.status} when {doing}.{said}"
        else:
            what = f"HubSpot gave no answer of use when {doing}: {self.message.rstrip('.')}."
        return SourceUnavailable(f"{what} The next sync goes on from here.", stream=stream, status=self.status)


def same_cursor(doing: str) -> SourceUnavailable:
    """The error to raise where a page is to be followed by itself, for ever."""
    return SourceUnavailable(f"HubSpot gave the same cursor again when {doing}. The next sync goes on from here.")


def read_failure(answer: Answer) -> Failure:
    """Read an answer with an error status."""
    status, headers, body = answer
    parsed = _json(body)
    message = parsed.get("message")
    return Failure(
        status=status,
        kind=_kind(status, parsed),
        message=message if isinstance(message, str) else "",
        retry_after=_seconds(headers.get("Retry-After")),
        body=parsed,
    )


def required_scopes(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes a 403 asks for; the key that names them has changed over the years, so any list of strings counts."""
    found: dict[str, None] = {}
    errors = body.get("errors")
    contexts = [error.get("context") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    for context in (*contexts, body.get("context")):
        for key, value in context.items() if isinstance(context, dict) else ():
            if "scope" in key.lower() and isinstance(value, list):
                found.update(dict.fromkeys(scope for scope in value if isinstance(scope, str)))
    return tuple(found)


def _kind(status: int, body: Mapping[str, Any]) -> Kind:
    if status == 429:  # noqa: PLR2004 - an HTTP status
        return _limit(f"{body.get('policyName', '')} {body.get('message', '')}".lower())
    return {
        401: Kind.REJECTED_TOKEN,
        408: Kind.HICCUP,
        423: Kind.LOCKED,
        MIGRATING: Kind.MIGRATION,
        BAD_TOKEN_FORMAT: Kind.BAD_TOKEN,
    }.get(status, Kind.HICCUP if status >= 500 else Kind.FINAL)  # noqa: PLR2004 - an HTTP status


def _limit(text: str) -> Kind:
    if "daily" in text:
        return Kind.DAILY_LIMIT
    if "ten_secondly" in text:
        return Kind.BURST_LIMIT
    return Kind.SEARCH_LIMIT if "secondly" in text else Kind.BURST_LIMIT


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _seconds(header: str | None) -> float | None:
    try:
        return min(max(0.0, float(header)), LONGEST_WAIT) if header else None
    except ValueError:
        return None
