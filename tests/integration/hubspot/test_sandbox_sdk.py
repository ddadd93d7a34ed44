"""The official SDK against the sandbox: its typed models must be able to parse every answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm.associations.v4 import (
    BatchInputPublicAssociationMultiArchive,
    BatchInputPublicAssociationMultiPost,
    BatchInputPublicFetchAssociationsBatchRequest,
)
from hubspot.crm.contacts import PublicGdprDeleteInput
from hubspot.crm.properties import PropertyCreate, PropertyUpdate

from connectors.hubspot.sandbox.account import CLIENT_ID, CLIENT_SECRET, Account
from connectors.hubspot.sandbox.server import RunningSandbox, running_sandbox

TYPES = ("contacts", "companies", "deals")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(Account(contacts=230, companies=40, deals=60, association_page=2)) as running:
        yield running


@pytest.fixture(scope="module")
def client(sandbox: RunningSandbox) -> HubSpot:
    return HubSpot(access_token=sandbox.token, host=sandbox.url)


@pytest.mark.parametrize("object_type", TYPES)
def test_lists(client: HubSpot, sandbox: RunningSandbox, object_type: str) -> None:
    sandbox.archive(object_type, sandbox.create(object_type))
    api = getattr(client.crm, object_type).basic_api
    others = [name for name in TYPES if name != object_type]
    found, after = [], None
    while True:
        page = api.get_page(limit=100, after=after, properties=["createdate", "hubspot_owner_id"], associations=others)
        found += page.results
        if page.paging is None:
            break
        after = page.paging.next.after
    assert [int(record.id) for record in found] == sandbox.ids(object_type)
    assert all(isinstance(record.updated_at, datetime) and record.archived is False for record in found)
    linked = [record for record in found if record.associations]
    assert {name for record in linked for name in record.associations} == set(others)
    assert all(one.id and one.type for record in linked for c in record.associations.values() for one in c.results)
    [gone] = api.get_page(archived=True).results
    assert gone.archived
    assert gone.archived_at >= gone.created_at


@pytest.mark.parametrize("object_type", TYPES)
def test_single_records(client: HubSpot, sandbox: RunningSandbox, object_type: str) -> None:
    api = getattr(client.crm, object_type).basic_api
    name = sandbox.store(object_type).kind.title
    made = api.create({"properties": {name: "first"}, "associations": []})
    other = api.create({"properties": {name: "second"}, "associations": []})
    changed = api.update(made.id, {"properties": {name: "third"}})
    assert changed.properties[name] == "third"
    assert api.get_by_id(made.id, properties=[name], associations=["contacts"]).properties[name] == "third"
    merged = api.merge({"primaryObjectId": made.id, "objectIdToMerge": other.id})
    assert api.get_by_id(other.id, properties=["hs_merged_object_ids"]).id == merged.id
    api.archive(merged.id)
    assert api.get_by_id(merged.id, archived=True).archived
    with pytest.raises(Exception, match="resource not found"):
        api.get_by_id(merged.id)


@pytest.mark.parametrize("object_type", TYPES)
def test_batches(client: HubSpot, sandbox: RunningSandbox, object_type: str) -> None:
    api = getattr(client.crm, object_type).batch_api
    name = sandbox.store(object_type).kind.title
    made = api.create(
        {"inputs": [{"properties": {name: "a"}, "associations": []}, {"properties": {name: "b"}, "associations": []}]}
    )
    ids = [record.id for record in made.results]
    changed = api.update({"inputs": [{"id": ids[0], "properties": {name: "c"}}]})
    assert [record.properties[name] for record in changed.results] == ["c"]
    inputs = [{"id": record_id} for record_id in (*ids, "1")]
    read = api.read({"inputs": inputs, "properties": [name], "propertiesWithHistory": []})
    assert [record.properties[name] for record in read.results] == ["c", "b"]
    assert read.num_errors == 1
    assert read.errors[0].context == {"ids": ["1"]}
    api.archive({"inputs": [{"id": record_id} for record_id in ids]})
    read = api.read({"inputs": [{"id": ids[0]}], "properties": []}, archived=True)
    assert read.status == "COMPLETE"
    assert read.results[0].archived


@pytest.mark.parametrize(
    ("object_type", "modified"),
    [("contacts", "lastmodifieddate"), ("companies", "hs_lastmodifieddate"), ("deals", "hs_lastmodifieddate")],
)
def test_search(client: HubSpot, sandbox: RunningSandbox, object_type: str, modified: str) -> None:
    api = getattr(client.crm, object_type).search_api
    request: dict[str, Any] = {
        "filterGroups": [{"filters": [{"propertyName": modified, "operator": "GTE", "value": "1000"}]}],
        "sorts": [{"propertyName": modified, "direction": "DESCENDING"}],
        "properties": [modified],
        "limit": 30,
    }
    page = api.do_search(request)
    assert page.total == len(sandbox.ids(object_type))
    dates = [record.updated_at for record in page.results]
    assert dates == sorted(dates, reverse=True)
    following = api.do_search({**request, "after": page.paging.next.after})
    assert not {record.id for record in page.results} & {record.id for record in following.results}


def test_gdpr_deletion(client: HubSpot, sandbox: RunningSandbox) -> None:
    record_id = sandbox.create("contacts", {"email": "person@example.com"})
    client.crm.contacts.basic_api.purge(PublicGdprDeleteInput(object_id="person@example.com", id_property="email"))
    assert sandbox.get("contacts", record_id) is None


@pytest.mark.parametrize("object_type", TYPES)
def test_properties(client: HubSpot, object_type: str) -> None:
    api = client.crm.properties.core_api
    listed = api.get_all(object_type).results
    assert {definition.group_name for definition in listed} == {
        f"{api.get_by_name(object_type, 'createdate').group_name}"
    }
    made = api.create(
        object_type,
        PropertyCreate(
            name="size",
            label="Size",
            type="enumeration",
            field_type="select",
            group_name="x",
            options=[{"label": "S", "value": "s", "displayOrder": 0, "hidden": False}],
        ),
    )
    assert (made.name, made.options[0].value, made.hubspot_defined) == ("size", "s", False)
    assert api.update(object_type, "size", PropertyUpdate(label="Sizes")).label == "Sizes"
    api.archive(object_type, "size")
    [gone] = api.get_all(object_type, archived=True).results
    assert (gone.name, gone.archived) == ("size", True)


def test_owners(client: HubSpot) -> None:
    api = client.crm.owners.owners_api
    owners = api.get_page(limit=5).results
    assert len(owners) == 5
    assert owners[1].teams[0].primary
    assert api.get_by_id(int(owners[1].id)).email == owners[1].email
    assert api.get_page(archived=True).results[0].user_id is None


def test_pipelines(client: HubSpot) -> None:
    pipelines = client.crm.pipelines.pipelines_api.get_all("deals").results
    assert [pipeline.id for pipeline in pipelines] == ["default", "75830914"]
    assert pipelines[0].stages[0].metadata == {"isClosed": "false", "probability": "0.2"}
    assert client.crm.pipelines.pipelines_api.get_by_id("deals", "default").label == "Sales Pipeline"
    assert len(client.crm.pipelines.pipeline_stages_api.get_all("deals", "75830914").results) == 4


def test_associations(client: HubSpot, sandbox: RunningSandbox) -> None:
    api = client.crm.associations.v4.batch_api
    company, lonely = sandbox.ids("companies")[0], sandbox.create("companies")
    read = api.get_page(
        "companies",
        "contacts",
        BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": str(company)}, {"id": str(lonely)}]),
    )
    assert read.results[0]._from.id == str(company)
    assert read.results[0].paging.next.after
    assert {t.type_id for t in read.results[0].to[0].association_types} >= {2, 280}
    assert read.errors[0].context["fromObjectId"] == [str(lonely)]
    contact = sandbox.ids("contacts")[0]
    pair = {"from": {"id": str(lonely)}, "to": {"id": str(contact)}}
    types = [{"associationCategory": "USER_DEFINED", "associationTypeId": 29}]
    made = api.create("companies", "contacts", BatchInputPublicAssociationMultiPost(inputs=[{**pair, "types": types}]))
    assert made.results[0].labels == ["Bills to"]
    one = client.crm.associations.v4.basic_api.get_page("companies", str(lonely), "contacts")
    assert [int(to.to_object_id) for to in one.results] == [contact]
    ended = {"from": {"id": str(lonely)}, "to": [{"id": str(contact)}]}
    api.archive("companies", "contacts", BatchInputPublicAssociationMultiArchive(inputs=[ended]))
    assert client.crm.associations.v4.basic_api.get_page("companies", str(lonely), "contacts").results == []


def test_association_labels(client: HubSpot) -> None:
    labels = client.crm.associations.v4.schema.definitions_api.get_all("contacts", "companies").results
    assert {label.type_id: label.category for label in labels} == {
        1: "HUBSPOT_DEFINED",
        279: "HUBSPOT_DEFINED",
        28: "USER_DEFINED",
    }


def test_tokens(sandbox: RunningSandbox) -> None:
    client = HubSpot(host=sandbox.url)
    code = sandbox.oauth.consent({"crm.objects.contacts.read"}, "http://localhost/back")
    app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uri": "http://localhost/back"}
    tokens = client.oauth.tokens_api.create(grant_type="authorization_code", code=code, **app)
    again = client.oauth.tokens_api.create(grant_type="refresh_token", refresh_token=tokens.refresh_token, **app)
    assert (again.expires_in, again.token_type) == (1800, "bearer")
    about = client.oauth.access_tokens_api.get(again.access_token)
    assert about.scopes == ["crm.objects.contacts.read", "oauth"]
    assert client.oauth.refresh_tokens_api.get(tokens.refresh_token).client_id == CLIENT_ID
    client.oauth.refresh_tokens_api.archive(tokens.refresh_token)
    with pytest.raises(Exception, match="BAD_REFRESH_TOKEN"):
        client.oauth.tokens_api.create(grant_type="refresh_token", refresh_token=tokens.refresh_token, **app)


def test_errors(client: HubSpot, sandbox: RunningSandbox) -> None:
    body = {"properties": {"email": "twice@example.com"}, "associations": []}
    client.crm.contacts.basic_api.create(body)
    with pytest.raises(Exception, match="Existing ID"):
        client.crm.contacts.basic_api.create(body)
    with pytest.raises(Exception, match="INVALID_AUTHENTICATION"):
        HubSpot(access_token="nobody", host=sandbox.url).crm.deals.basic_api.get_page()
