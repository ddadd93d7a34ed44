"""Plain HTTP against the sandbox HubSpot, for tests that look at statuses, headers and bodies as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with its body, decoded where it is JSON."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def ids(self) -> list[int]:
        """The ids of the results."""
        return [int(result["id"]) for result in self.body["results"]]

    @property
    def after(self) -> str | None:
        """The cursor to the next page."""
        following = self.body.get("paging", {}).get("next", {}).get("after")
        return None if following is None else str(following)


class Caller:
    """Calls with one token, without retries."""

    def __init__(self, url: str, token: str | None, *, timeout: float = 10.0) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = urllib3.PoolManager(retries=False, timeout=timeout)

    def get(self, path: str, **query: Any) -> Answer:
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Any = None, **query: Any) -> Answer:
        return self._call("POST", f"{path}?{urlencode(query)}" if query else path, json.dumps(body or {}).encode())

    def patch(self, path: str, body: Any) -> Answer:
        return self._call("PATCH", path, json.dumps(body).encode())

    def delete(self, path: str) -> Answer:
        return self._call("DELETE", path)

    def form(self, path: str, fields: Mapping[str, str]) -> Answer:
        return self._call("POST", path, urlencode(fields).encode())

    def search(self, object_type: str, **body: Any) -> Answer:
        return self.post(f"/crm/objects/2026-03/{object_type}/search", body)

    def close(self) -> None:
        self._pool.clear()

    def _call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        response = self._pool.request(method, self._url + path, body=body, headers=self._headers, redirect=False)
        text = response.data
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return Answer(response.status, json.loads(text) if is_json and text else text, response.headers)
