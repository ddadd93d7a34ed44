"""How many records' associations are read together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from connectors.hubspot import wire
from connectors.hubspot.associations import AssociationReader
from connectors.hubspot.objects import COMPANIES, CONTACTS, ObjectType, relations_of
from connectors.hubspot.paths import Paths
from engine.contract import Complete, Message, Rows, SourceUnavailable

(RELATION,) = set(relations_of(COMPANIES)) & set(relations_of(CONTACTS))
PAGE = 5


class Server:
    """Every record is tied to as many others; an answer has up to five of each."""

    paths = Paths.of("2026-03")

    def __init__(self, tied: int) -> None:
        self.tied = tied
        self.asked: list[int] = []

    def post(self, path: str, body: Mapping[str, Any], decoder: msgspec.json.Decoder[Any], **_: object) -> Any:
        self.asked.append(len(body["inputs"]))
        return wire.decode(msgspec.json.encode({"results": [self.answer(each) for each in body["inputs"]]}), decoder)

    def answer(self, asked: Mapping[str, str]) -> Mapping[str, Any]:
        start = int(asked.get("after", "0"))
        end = min(start + PAGE, self.tied)
        types = [{"category": "HUBSPOT_DEFINED", "typeId": 1, "label": None}]
        to = [{"toObjectId": 10_000 + n, "associationTypes": types} for n in range(start, end)]
        paging = {"next": {"after": str(end)}} if end < self.tied else None
        return {"from": {"id": asked["id"]}, "to": to, "paging": paging}


def told(messages: Iterator[Message]) -> tuple[int, list[str]]:
    """How many rows, and the ids that they are called complete for."""
    rows, complete = 0, []
    for message in messages:
        match message:
            case Rows():
                rows += len(message.rows)
            case Complete():
                complete += [id_ for (id_,) in message.keys]
    return rows, complete


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.hubspot.associations.AT_ONCE", 200)


def reader_of(server: Server, sizes: Mapping[ObjectType, int]) -> AssociationReader:
    return AssociationReader(server, RELATION, sizes)  # type: ignore[arg-type] # all that it needs of a client


class Stuck(Server):
    """Gives the cursor of the page that was asked for."""

    def answer(self, asked: Mapping[str, str]) -> Mapping[str, Any]:
        return {**super().answer(asked), "paging": {"next": {"after": asked.get("after", "5")}}}


def test_a_page_that_is_to_be_followed_by_itself_ends_the_read() -> None:
    server = Stuck(20)
    with pytest.raises(SourceUnavailable, match="same cursor again when reading associations of contacts"):
        told(reader_of(server, {}).of_near(["1", "2"]))
    assert server.asked == [2, 2]


@pytest.mark.parametrize(
    ("sizes", "tied", "asked"),
    [
        ({}, 1, [600]),
        ({CONTACTS: 600}, 0, [600]),
        ({CONTACTS: 600, COMPANIES: 50}, 1, [600]),
        ({CONTACTS: 600, COMPANIES: 50}, 5, [600]),
        ({CONTACTS: 600, COMPANIES: 3000}, 5, [40] * 15),
        ({CONTACTS: 600, COMPANIES: 3000}, 50, [40] * 150),
        ({CONTACTS: 600, COMPANIES: 3000}, 0, [40, 160, 400]),
        ({CONTACTS: 600, COMPANIES: 3000}, 1, [40, 160, 200, 200]),
        ({COMPANIES: 3000}, 0, [1, 4, 16, 64, 256, 259]),
    ],
)
def test_the_more_associations_records_have_the_fewer_are_read_together(
    sizes: Mapping[ObjectType, int], tied: int, asked: list[int]
) -> None:
    server = Server(tied)
    ids = [str(n) for n in range(600)]
    assert told(reader_of(server, sizes).of_near(ids)) == (600 * tied, ids)
    assert server.asked == asked


def test_a_few_records_do_not_decide_for_many() -> None:
    server = Server(0)
    reader = reader_of(server, {CONTACTS: 600, COMPANIES: 3000})
    told(reader.of_near(["1", "2"]))
    told(reader.of_near([str(n) for n in range(50)]))
    assert server.asked == [2, 40, 10]
