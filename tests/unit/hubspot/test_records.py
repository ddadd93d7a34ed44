"""Which records of a page are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from connectors.hubspot import wire
from connectors.hubspot.layout import Layout
from connectors.hubspot.objects import COMPANIES
from connectors.hubspot.paths import Paths
from connectors.hubspot.records import Records
from connectors.hubspot.reference import fetch_owners
from connectors.hubspot.values import to_milliseconds
from engine.contract import SourceUnavailable


class Server:
    """One page of a list."""

    paths = Paths.of("2026-03")

    def __init__(self, *records: Mapping[str, Any], after: str | None = None) -> None:
        self.body = msgspec.json.encode({"results": records, "paging": {"next": {"after": after}} if after else None})

    def get(self, path: str, query: Mapping[str, str], decoder: msgspec.json.Decoder[Any], **_: object) -> Any:
        return wire.decode(self.body, decoder)


@pytest.mark.parametrize("archived", [False, True])
def test_a_page_that_is_to_be_followed_by_itself_is_an_error(*, archived: bool) -> None:
    records = Records(Server(after="5"), Layout.of(COMPANIES, [], portal_id=7))
    assert records.page(None, archived=archived).after == "5"
    with pytest.raises(SourceUnavailable, match="same cursor again when listing companies"):
        records.page("5", archived=archived)


def test_owners_whose_page_is_to_be_followed_by_itself_are_an_error() -> None:
    with pytest.raises(SourceUnavailable, match="same cursor again when listing owners"):
        list(fetch_owners(Server({"id": "1"}, after="5"), archived=False))


@pytest.mark.parametrize("before", [{"updatedAt": "2026-01-01T09:59:59.999999Z"}, {}])
@pytest.mark.parametrize("after", [{"updatedAt": "2026-01-01T10:00:00Z"}, {}])
def test_a_date_limit_holds_wherever_the_last_modification_is_told(
    before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    server = Server(
        {"id": "1", "properties": {"hs_lastmodifieddate": "2026-01-01T09:59:59.999Z"}, **before},
        {"id": "2", "properties": {"hs_lastmodifieddate": "2026-01-01T10:00:00.000Z"}, **after},
        {"id": "3", "properties": {"hs_lastmodifieddate": None}},
    )
    records = Records(server, Layout.of(COMPANIES, [], 7), to_milliseconds("2026-01-01T10:00:00Z"))  # type: ignore[arg-type]
    page = records.page(None)
    assert (page.ids, page.found.ids) == (["1", "2", "3"], ["2", "3"])
