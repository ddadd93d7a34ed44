"""Faults on request: what goes wrong on the way between a client and HubSpot."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from connectors.hubspot.sandbox.http import HTML, Response, answer, error_body

_HTML_FROM = 502
"""From this status on it is not HubSpot that answers but what stands before it, and that speaks HTML."""


class FaultKind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    """An error instead of the answer; the request has no effect."""
    TRUNCATE = "truncate"
    """Half of the answer's body, then the connection is closed."""
    RESET = "reset"
    """The connection is reset in place of an answer."""
    HANG = "hang"
    """No answer for `seconds`, then the connection is closed."""
    SLOW = "slow"
    """The body trickles in over `seconds`."""
    LATENCY = "latency"
    """The answer comes `seconds` later."""


@dataclass(slots=True)
class Fault:
    """The next `times` requests whose path contains `path` (and, if given, with this method), after `skip` of them."""

    kind: FaultKind = FaultKind.STATUS
    times: int = 1
    path: str = ""
    method: str = ""
    skip: int = 0
    status: int = 500
    body: Any = None
    """What a STATUS answers: an object for JSON, text for HTML; by default what fits the status."""
    policy: str = ""
    """With status 429: the policy whose body is sent."""
    retry_after: float | None = None
    seconds: float = 0.0

    def response(self) -> Response:
        """The answer of a STATUS without a policy."""
        if isinstance(self.body, str) or (self.body is None and self.status >= _HTML_FROM):
            text = (
                self.body
                or f"<html><head><title>{self.status}</title></head><body>cloudflare: {self.status}</body></html>"
            )
            response = Response(self.status, text.encode(), HTML)
        else:
            response = answer(self.body or error_body(_MESSAGES.get(self.status, "internal error")), self.status)
        if self.retry_after is not None:
            response.headers["Retry-After"] = f"{self.retry_after:g}"
        return response


_MESSAGES = {
    423: "This resource is locked; try again in two seconds.",
    429: "You have reached your limit.",
    477: "The account is being migrated to another data center.",
}

_MIX = (
    Fault(status=500),
    Fault(status=502),
    Fault(status=504),
    Fault(status=429, policy="TEN_SECONDLY_ROLLING"),
    Fault(FaultKind.TRUNCATE),
    Fault(FaultKind.RESET),
    Fault(FaultKind.LATENCY, seconds=0.3),
)


class Faults:
    """The faults that are waiting for their request, and a random mix of others at a rate."""

    def __init__(self, *, rate: float, latency: float, seed: int) -> None:
        self.rate = rate
        self.latency = latency
        """Seconds by which every answer is late."""
        self._random = random.Random(seed)  # noqa: S311 - the same faults for the same seed
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let a fault wait for its requests."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forget all that wait, and the random ones."""
        self._waiting.clear()
        self.rate = 0.0

    def next(self, method: str, path: str) -> Fault | None:
        """What happens to this request."""
        for fault in self._waiting:
            if fault.path in path and fault.method in {"", method}:
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if not fault.times:
                    self._waiting.remove(fault)
                return fault
        return self._random.choice(_MIX) if self.rate and self._random.random() < self.rate else None
