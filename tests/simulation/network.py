"""The line between the engine and the sandbox, without sockets: what breaks on it breaks as the real transport says it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from simulation.host import VirtualClock
from simulation.moments import ANSWER, REQUEST, Moments
from urllib3 import HTTPHeaderDict

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.answering import answer
from connectors.hubspot.sandbox.faults import FaultKind
from connectors.hubspot.transport import TIMEOUT, Answer

THERE_AND_BACK = 0.03
"""Seconds that a call takes."""


class Network:
    """Stands in for `connectors.hubspot.transport.Transport`."""

    def __init__(self, account: Account, clock: VirtualClock, moments: Moments, requests: list[str]) -> None:
        self._account = account
        self._clock = clock
        self._moments = moments
        self._requests = requests

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        place = f"{method} {unquote(target)}"
        self._requests.append(place)
        self._moments.reached(REQUEST, place)
        lowered = {name.lower(): value for name, value in headers.items()}
        answered = answer(self._account, method, target, lowered, body or b"")
        fault, response = answered.fault, answered.response
        patience = float(TIMEOUT.read_timeout or 0)
        self._clock.sleep(THERE_AND_BACK + min(answered.delay, patience))
        self._moments.reached(ANSWER, place)
        if response is None:
            hangs = fault is not None and fault.kind is FaultKind.HANG
            if fault is not None and hangs:
                self._clock.sleep(min(fault.seconds, patience))
            raise ConnectionError("ReadTimeoutError" if hangs else "ProtocolError")
        if answered.delay > patience:
            raise ConnectionError("ReadTimeoutError")
        if fault is not None and fault.kind is FaultKind.TRUNCATE:
            raise ConnectionError("IncompleteRead")
        shown = HTTPHeaderDict({**response.headers, "Content-Type": response.content_type})
        return Answer(response.status, shown, response.body)

    def close(self) -> None:
        pass
