"""Requests and answers, and the bodies of HubSpot's errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from connectors.hubspot.sandbox.times import iso

if TYPE_CHECKING:
    from connectors.hubspot.sandbox.oauth import Token

JSON = "application/json;charset=utf-8"
HTML = "text/html;charset=utf-8"


@dataclass(slots=True)
class Response:
    """What goes back to the client."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | None = None
    """A body that is too large to be made at once."""


class Refused(Exception):
    """The sandbox answers with `response` instead of what was asked for."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.status} {response.body.decode()}")
        self.response = response


@dataclass
class Request:
    """One request to a known route. `params` holds the variable parts of its path."""

    method: str
    path: str
    params: Mapping[str, str]
    query_string: bytes
    body: bytes
    base_url: str = ""
    """The sandbox as this client reaches it, for links."""
    authorization: str = ""
    token: Token | None = None

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query's values by name."""
        return parse_qs(self.query_string.decode("latin-1"), keep_blank_values=True)

    def one(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return self.query.get(name, (default,))[-1]

    def many(self, name: str) -> list[str] | None:
        """All values of a query parameter, repeated or separated by commas; None when it is not there."""
        values = self.query.get(name)
        return None if values is None else [part for value in values for part in value.split(",") if part]

    def flag(self, name: str) -> bool:
        """Whether a query parameter says true."""
        return self.one(name).lower() == "true"

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number within bounds from the query.

        Raises:
            Refused: it is none, or out of bounds (400).
        """
        text = self.one(name, str(default))
        if not text.isdecimal() or not low <= int(text) <= high:
            raise invalid(f"Invalid input: {name} must be a whole number from {low} to {high}, not '{text}'.")
        return int(text)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            Refused: it is none (400).
        """
        try:
            body = msgspec.json.decode(self.body or b"{}")
        except msgspec.DecodeError as error:
            raise invalid(f"Invalid input JSON: {error}") from error
        if not isinstance(body, dict):
            raise invalid("Invalid input JSON: an object was expected")
        return body

    def inputs(self, most: int) -> list[dict[str, Any]]:
        """The inputs of a batch.

        Raises:
            Refused: 400, when there are none or too many.
        """
        inputs = self.json().get("inputs")
        if not isinstance(inputs, list) or not inputs or not all(isinstance(one, dict) for one in inputs):
            raise invalid("Invalid input: inputs must be a list of at least one object.")
        if len(inputs) > most:
            raise invalid(f"Invalid input: at most {most} inputs, not {len(inputs)}.")
        return inputs

    def form(self) -> dict[str, str]:
        """The body as a form."""
        return {name: values[-1] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}


def encode(data: Any) -> bytes:
    """Data, of which parts may be JSON already, as JSON; half of a surrogate pair, which has no UTF-8, as HubSpot's escape."""
    try:
        return msgspec.json.encode(data)
    except UnicodeEncodeError:
        return json.dumps(data, default=msgspec.json.decode).encode()


def answer(data: Any, status: int = 200) -> Response:
    """Data as JSON."""
    return Response(status, encode(data))


def batch_answer(now: int, results: Sequence[Any], errors: Sequence[Any] = (), status: int = 200) -> Response:
    """The envelope of all batches: the status is 207 as soon as there is an error."""
    moment = iso(now)
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": moment, "completedAt": moment}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return answer(body, 207 if errors else status)


def error_body(message: str, category: str | None = None, **more: Any) -> dict[str, Any]:
    """HubSpot's usual error object."""
    body: dict[str, Any] = {"status": "error", "message": message, "correlationId": str(uuid.uuid4()), **more}
    if category:
        body["category"] = category
    return body


def refused(status: int, message: str, category: str | None = None, **more: Any) -> Refused:
    """An error answer, to be raised."""
    return Refused(answer(error_body(message, category, **more), status))


def invalid(message: str, **more: Any) -> Refused:
    """400 VALIDATION_ERROR."""
    return refused(400, message, "VALIDATION_ERROR", **more)


def not_found(message: str = "resource not found") -> Refused:
    """404."""
    return refused(404, message, "OBJECT_NOT_FOUND")


def unauthenticated(message: str, category: str = "INVALID_AUTHENTICATION", **more: Any) -> Refused:
    """401."""
    refusal = refused(401, message, category, **more)
    refusal.response.headers["x-hubspot-auth-failure"] = "401 Unauthorized"
    return refusal


def missing_scopes(scopes: Sequence[str]) -> Refused:
    """403: any one of these scopes would do."""
    return refused(
        403,
        "This app hasn't been granted all required scopes to make this call. "
        "Read more about required scopes here: https://developers.hubspot.com/scopes.",
        "MISSING_SCOPES",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(scopes)},
            }
        ],
        links={"scopes": "https://developers.hubspot.com/scopes"},
    )


def unknown_properties(names: Sequence[str]) -> Refused:
    """400: these properties do not exist."""
    faults = [
        {
            "message": f'Property "{name}" does not exist',
            "code": "PROPERTY_DOESNT_EXIST",
            "context": {"propertyName": [name]},
        }
        for name in names
    ]
    details = [
        {"isValid": False, "message": fault["message"], "error": fault["code"], "name": name}
        for fault, name in zip(faults, names, strict=True)
    ]
    return invalid(f"Property values were not valid: {msgspec.json.encode(details).decode()}", errors=faults)
