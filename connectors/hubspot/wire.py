"""The shapes of HubSpot's answers, as far as they are used, for msgspec to decode.

Decoding is strict and fast first. HubSpot now and then sends what strict decoding refuses (lone surrogates, a number
where a string is promised, null where there is nothing); such a body is decoded again leniently, so that one odd value
costs time, not data.
"""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")
P = TypeVar("P")


NOT_FOUND = "OBJECT_NOT_FOUND"
NO_ASSOCIATIONS = "NO_ASSOCIATIONS_FOUND"


class Answer(msgspec.Struct, rename="camel"):
    """Anything HubSpot answers; fields it adds one day are passed over."""


class Next(Answer):
    """The cursor of the next page."""

    after: str


class Paging(Answer):
    """Absent on the last page; a page that is short, or empty, can still have a next one."""

    next: Next | None = None


def after(paging: Paging | None) -> str | None:
    """The cursor of the page after one that has this paging, None on the last one."""
    return paging.next.after if paging and paging.next else None


class Record(Answer, Generic[P]):
    """A CRM record."""

    id: str
    properties: P
    updated_at: str | None = None
    archived: bool | None = None
    archived_at: str | None = None


class InputError(Answer):
    """Why an input of a batch has no result. Mostly because there is nothing to be found, which is an answer."""

    category: str | None = None
    sub_category: str | None = None
    message: str | None = None
    context: Any = None

    @property
    def is_answer(self) -> bool:
        """Whether it says that there is nothing."""
        return self.category == NOT_FOUND or (self.sub_category or "").endswith(NO_ASSOCIATIONS)

    def named(self, what: str) -> list[str]:
        """The ids that its context has for something, such as `fromObjectId`."""
        ids = self.context.get(what) if isinstance(self.context, dict) else None
        return [str(id_) for id_ in ids] if isinstance(ids, list) else []


class Page(Answer, Generic[P]):
    """A page of a list, or the answer to a batch read."""

    results: list[Record[P]]
    paging: Paging | None = None
    errors: list[InputError] | None = None

    @property
    def after(self) -> str | None:
        """The cursor of the next page, None on the last one."""
        return after(self.paging)


class Hit(Answer):
    """A record as search shows it: its id and the few properties asked for, which may lag behind the record."""

    id: str
    properties: dict[str, str | None]
    updated_at: str | None = None


class Hits(Answer):
    """A page of a search."""

    results: list[Hit]
    total: int = 0
    paging: Paging | None = None

    @property
    def after(self) -> str | None:
        """The offset of the next page, None on the last one."""
        return after(self.paging)


class AssociationType(Answer):
    """One of possibly several types that tie a pair together; the id depends on the direction."""

    category: str
    type_id: int
    label: str | None = None


class AssociatedRecord(Answer):
    """The far end of an association. The id is a number in practice and a string by specification."""

    to_object_id: int | str
    association_types: list[AssociationType] = []


class ObjectId(Answer):
    """The near end of an association."""

    id: str


class Associations(Answer):
    """One input's associations; with paging where they did not fit into the answer."""

    from_: ObjectId = msgspec.field(name="from")
    to: list[AssociatedRecord] = []
    paging: Paging | None = None


class AssociationsAnswer(Answer):
    """Inputs without any association are not among the results but among the errors: the normal case."""

    results: list[Associations]
    errors: list[InputError] | None = None


class Option(Answer):
    """An option of an enumeration property."""

    label: str | None = None
    value: str = ""
    display_order: int | None = None
    hidden: bool | None = None


class Property(Answer):
    """A property definition."""

    name: str
    type: str = "string"
    field_type: str | None = None
    label: str | None = None
    description: str | None = None
    group_name: str | None = None
    calculated: bool | None = None
    hubspot_defined: bool | None = None
    show_currency_symbol: bool | None = None
    created_at: str | None = None
    updated_at: str | None = None
    archived: bool = False
    options: list[Option] = []

    @property
    def is_calculated(self) -> bool:
        """Whether HubSpot works it out by itself; such values change without a new modification date."""
        return bool(self.calculated) or (self.field_type or "").startswith("calculation")


class Properties(Answer):
    """The definitions of one object type; never paged."""

    results: list[Property]


class OwnerTeam(Answer):
    """A team as it stands in an owner."""

    id: str
    name: str | None = None
    primary: bool | None = None


class Owner(Answer):
    """An owner. `user_id` is null once archived, the id is then in `user_id_including_inactive`."""

    id: str
    email: str | None = None
    type: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    user_id: int | None = None
    user_id_including_inactive: int | None = None
    created_at: str | None = None
    updated_at: str | None = None
    archived: bool = False
    teams: list[OwnerTeam] | None = None


class Owners(Answer):
    """A page of owners."""

    results: list[Owner]
    paging: Paging | None = None


class Stage(Answer):
    """A pipeline stage. Its metadata are strings; default stages can have 0 for a creation date."""

    id: str
    label: str | None = None
    display_order: int | None = None
    metadata: dict[str, Any] = {}
    created_at: str | int | None = None
    updated_at: str | int | None = None
    archived: bool = False


class Pipeline(Answer):
    """A pipeline with its stages."""

    id: str
    label: str | None = None
    display_order: int | None = None
    stages: list[Stage] = []
    created_at: str | int | None = None
    updated_at: str | int | None = None
    archived: bool = False


class Pipelines(Answer):
    """The pipelines of one object type; never paged."""

    results: list[Pipeline]


class Account(Answer):
    """The account behind the credentials."""

    portal_id: int
    time_zone: str | None = None


class Usage(Answer):
    """One daily limit with its use."""

    usage_limit: int | None = None
    current_usage: int | None = None
    resets_at: str | None = None


class DailyUsage(Answer):
    """The daily limits of private apps."""

    results: list[Usage] = []


class TokenAnswer(msgspec.Struct):
    """What every version of the token endpoint gives; `expires_in` in seconds."""

    access_token: str
    expires_in: float
    refresh_token: str | None = None


FINAL_CATEGORIES = frozenset({None, NOT_FOUND, "VALIDATION_ERROR"})
"""Categories of input errors that stay as they are however often one asks."""


def failed_input(answer: object) -> str | None:
    """What HubSpot says about an input that it could not answer for right now; None when there is none."""
    errors: list[InputError] = getattr(answer, "errors", None) or []
    return next((e.message or f"{e.category}" for e in errors if e.category not in FINAL_CATEGORIES), None)


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode a body, strictly if possible, leniently if need be.

    Raises:
        ValueError: it is no JSON (cut off, or a gateway's HTML), or not of this shape at all; its text says which.
    """
    try:
        return decoder.decode(body)
    except msgspec.DecodeError:
        pass
    try:
        # The standard library takes lone surrogates, which a strict UTF-16 reader refuses. Numbers as strings fit both.
        answer = json.loads(body, parse_float=str, parse_int=str, object_pairs_hook=_told)
    except ValueError:
        raise ValueError("an answer that is no complete JSON") from None
    try:
        return msgspec.convert(_with_strings(answer), decoder.type, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"an answer of a shape that is not known ({error})") from None


def _told(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without what is null: as good as absent."""
    return {name: value for name, value in members if value is not None}


def _with_strings(answer: Any) -> Any:
    """The answer with every property value a string, as HubSpot promises it."""
    results = answer.get("results") if isinstance(answer, dict) else None
    for result in results if isinstance(results, list) else ():
        properties = result.get("properties") if isinstance(result, dict) else None
        if isinstance(properties, dict):
            result["properties"] = {
                name: value if isinstance(value, str) else json.dumps(value) for name, value in properties.items()
            }
    return answer
