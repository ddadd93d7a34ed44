"""The small things, read whole every time: owners with their teams, deal pipelines with their stages, properties."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from connectors.hubspot import wire
from connectors.hubspot.client import Client
from connectors.hubspot.failures import same_cursor
from connectors.hubspot.objects import ObjectType
from connectors.hubspot.values import moment
from engine.contract import Column, ColumnType, Complete, Message, Row, Rows, Stream, Table

OWNERS_PAGE = 100

_OWNERS = msgspec.json.Decoder(wire.Owners)
_PIPELINES = msgspec.json.Decoder(wire.Pipelines)
_PROPERTIES = msgspec.json.Decoder(wire.Properties)

_BIGINT, _BOOLEAN, _TEXT, _TIMESTAMPTZ = (
    ColumnType.BIGINT,
    ColumnType.BOOLEAN,
    ColumnType.TEXT,
    ColumnType.TIMESTAMPTZ,
)


def _table(name: str, primary_key: tuple[str, ...], columns: Mapping[str, ColumnType]) -> Table:
    return Table(name, tuple(Column(column, type_) for column, type_ in columns.items()), primary_key)


OWNER = _table(
    "owner",
    ("owner_id",),
    {
        "owner_id": _BIGINT,
        "portal_id": _BIGINT,
        "type": _TEXT,
        "email": _TEXT,
        "first_name": _TEXT,
        "last_name": _TEXT,
        "active_user_id": _BIGINT,
        "user_id_including_inactive": _BIGINT,
        "is_active": _BOOLEAN,
        "created_at": _TIMESTAMPTZ,
        "updated_at": _TIMESTAMPTZ,
    },
)
TEAM = _table("team", ("id",), {"id": _BIGINT, "name": _TEXT})
OWNER_TEAM = _table(
    "owner_team",
    ("owner_id", "team_id"),
    {"owner_id": _BIGINT, "team_id": _BIGINT, "is_team_primary": _BOOLEAN},
)
PIPELINE = _table(
    "deal_pipeline",
    ("pipeline_id",),
    {
        "pipeline_id": _TEXT,
        "label": _TEXT,
        "display_order": _BIGINT,
        "active": _BOOLEAN,
        "created_at": _TIMESTAMPTZ,
        "updated_at": _TIMESTAMPTZ,
    },
)
STAGE = _table(
    "deal_pipeline_stage",
    ("stage_id", "pipeline_id"),
    {
        "stage_id": _TEXT,
        "pipeline_id": _TEXT,
        "label": _TEXT,
        "display_order": _BIGINT,
        "probability": ColumnType.DOUBLE,
        "is_closed": _BOOLEAN,
        "closed_won": _BOOLEAN,
        "active": _BOOLEAN,
        "created_at": _TIMESTAMPTZ,
        "updated_at": _TIMESTAMPTZ,
    },
)
PROPERTY = _table(
    "property",
    ("_fivetran_id", "hubspot_object"),
    {
        "_fivetran_id": _TEXT,
        "hubspot_object": _TEXT,
        "name": _TEXT,
        "label": _TEXT,
        "description": _TEXT,
        "group_name": _TEXT,
        "type": _TEXT,
        "field_type": _TEXT,
        "calculated": _BOOLEAN,
        "hubspot_defined": _BOOLEAN,
        "show_currency_symbol": _BOOLEAN,
        "created_at": _TIMESTAMPTZ,
        "updated_at": _TIMESTAMPTZ,
    },
)
OPTION = _table(
    "property_option",
    ("property_id", "value"),
    {
        "property_id": _TEXT,
        "value": _TEXT,
        "hubspot_object": _TEXT,
        "name": _TEXT,
        "label": _TEXT,
        "display_order": _BIGINT,
        "hidden": _BOOLEAN,
    },
)

OWNERS = Stream("owners", (OWNER, TEAM, OWNER_TEAM))
DEAL_PIPELINES = Stream("deal_pipelines", (PIPELINE, STAGE))
PROPERTIES = Stream("properties", (PROPERTY, OPTION))


def fetch_owners(client: Client, *, archived: bool, limit: int = OWNERS_PAGE) -> Iterator[wire.Owner]:
    """All owners, or all archived ones."""
    after: str | None = None
    while True:
        query = {
            "limit": str(limit),
            "archived": "true" if archived else "false",
            **({"after": after} if after else {}),
        }
        page = client.get(client.paths.owners, query, _OWNERS, doing="listing owners")
        yield from page.results
        following = wire.after(page.paging)
        if following is None:
            return
        if following == after:
            raise same_cursor("listing owners")
        after = following


def fetch_pipelines(client: Client) -> list[wire.Pipeline]:
    """The deal pipelines."""
    return client.get(client.paths.pipelines_of("deals"), {}, _PIPELINES, doing="reading deal pipelines").results


def fetch_properties(client: Client, object_type: ObjectType, sensitivities: Iterable[str] = ()) -> list[wire.Property]:
    """The property definitions of an object type, the archived ones left out; sensitive ones only of the kinds given."""
    path, doing = client.paths.properties_of(object_type.name), f"reading properties of {object_type.name}"
    found: dict[str, wire.Property] = {}
    for query in ({}, *({"dataSensitivity": kind} for kind in sensitivities)):
        answer = client.get(path, query, _PROPERTIES, doing=doing)
        found |= {definition.name: definition for definition in answer.results if not definition.archived}
    return list(found.values())


def owner_messages(client: Client, portal_id: int) -> Iterator[Message]:
    """Owners, teams, and who is in which. An archived owner stays, marked deleted, and so do the teams it was in."""
    teams: dict[str, Row] = {}
    for archived in (False, True):
        owners = list(fetch_owners(client, archived=archived))
        rows = [_owner_row(owner, portal_id, archived=archived) for owner in owners]
        yield Rows(OWNER.name, OWNER.column_names, rows, deleted=archived)
        teams |= {team.id: (team.id, team.name) for owner in owners for team in owner.teams or ()}
        members = {
            (owner.id, team.id): (owner.id, team.id, team.primary) for owner in owners for team in owner.teams or ()
        }
        yield Rows(OWNER_TEAM.name, OWNER_TEAM.column_names, list(members.values()), deleted=archived)
    yield from _whole(TEAM, list(teams.values()))
    yield Complete(OWNER_TEAM.name)
    yield Complete(OWNER.name)


def pipeline_messages(client: Client) -> Iterator[Message]:
    """Deal pipelines and their stages."""
    pipelines = fetch_pipelines(client)
    yield from _whole(PIPELINE, [_pipeline_row(pipeline) for pipeline in pipelines])
    yield from _whole(STAGE, [_stage_row(stage, pipeline.id) for pipeline in pipelines for stage in pipeline.stages])


def property_messages(definitions: Mapping[ObjectType, Sequence[wire.Property]]) -> Iterator[Message]:
    """Property definitions and their options; of the object types given, which must be all that can be read."""
    properties: list[Row] = []
    options: dict[tuple[str, str], Row] = {}
    for object_type, found in definitions.items():
        for definition in found:
            key = property_id(object_type, definition.name)
            properties.append(_property_row(definition, key, object_type))
            for option in definition.options:
                options[key, option.value] = _option_row(option, key, definition, object_type)
    yield from _whole(PROPERTY, properties)
    yield from _whole(OPTION, list(options.values()))


def property_id(object_type: ObjectType, name: str) -> str:
    """The surrogate key of a property: the same for the same object and name, for ever."""
    return hashlib.sha256(f"{object_type.singular}.{name}".encode()).hexdigest()[:32]


def _whole(table: Table, rows: list[Row]) -> Iterator[Message]:
    yield Rows(table.name, table.column_names, rows)
    yield Complete(table.name)


def _owner_row(owner: wire.Owner, portal_id: int, *, archived: bool) -> Row:
    return (
        owner.id,
        portal_id,
        owner.type,
        owner.email,
        owner.first_name,
        owner.last_name,
        owner.user_id,
        owner.user_id_including_inactive,
        not archived,
        moment(owner.created_at),
        moment(owner.updated_at),
    )


def _pipeline_row(pipeline: wire.Pipeline) -> Row:
    return (
        pipeline.id,
        pipeline.label,
        pipeline.display_order,
        not pipeline.archived,
        moment(pipeline.created_at),
        moment(pipeline.updated_at),
    )


def _stage_row(stage: wire.Stage, pipeline_id: str) -> Row:
    probability = _number(stage.metadata.get("probability"))
    is_closed = str(stage.metadata.get("isClosed", "")).lower() == "true"
    return (
        stage.id,
        pipeline_id,
        stage.label,
        stage.display_order,
        probability,
        is_closed,
        is_closed and probability == 1.0,
        not stage.archived,
        moment(stage.created_at),
        moment(stage.updated_at),
    )


def _property_row(definition: wire.Property, key: str, object_type: ObjectType) -> Row:
    return (
        key,
        object_type.singular,
        definition.name,
        definition.label,
        definition.description,
        definition.group_name,
        definition.type,
        definition.field_type,
        definition.calculated,
        definition.hubspot_defined,
        definition.show_currency_symbol,
        moment(definition.created_at),
        moment(definition.updated_at),
    )


def _option_row(option: wire.Option, key: str, definition: wire.Property, object_type: ObjectType) -> Row:
    return (
        key,
        option.value,
        object_type.singular,
        definition.name,
        option.label,
        option.display_order,
        option.hidden,
    )


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
