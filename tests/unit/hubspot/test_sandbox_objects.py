"""Lists, single records, batches and properties over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest
from support.sandbox_http import Answer, Caller

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.server import RunningSandbox, running_sandbox

CONTACTS = "/crm/objects/2026-03/contacts"


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(Account(contacts=250, companies=20, deals=30)) as running:
        yield running


@pytest.fixture
def caller(sandbox: RunningSandbox) -> Iterator[Caller]:
    caller = Caller(sandbox.url, sandbox.token)
    yield caller
    caller.close()


def pages(caller: Caller, path: str, **query: object) -> Iterator[Answer]:
    answer = caller.get(path, **query)
    yield answer
    while answer.after:
        answer = caller.get(path, **query, after=answer.after)
        yield answer


@pytest.mark.parametrize(
    "path",
    [
        "/crm/v3/objects/contacts",
        "/crm/objects/2026-03/contacts",
        "/crm/objects/2026-09/contacts",
        "/crm/objects/2026-03/0-1",
        "/crm/v3/objects/contact",
    ],
)
def test_all_versions_and_names_lead_to_the_same_list(caller: Caller, path: str) -> None:
    answer = caller.get(path)
    assert answer.status == 200
    assert len(answer.ids) == 10


def test_a_list_is_all_records_by_id_with_the_next_id_as_cursor(caller: Caller, sandbox: RunningSandbox) -> None:
    answers = list(pages(caller, CONTACTS, limit=100))
    assert [i for answer in answers for i in answer.ids] == sandbox.ids("contacts")
    assert [answer.after for answer in answers] == [str(answers[0].ids[-1] + 1), str(answers[1].ids[-1] + 1), None]
    assert "paging" not in answers[-1].body


def test_a_list_may_begin_at_any_id(caller: Caller, sandbox: RunningSandbox) -> None:
    ids = sandbox.ids("contacts")
    assert caller.get(CONTACTS, limit=2, after=ids[100]).ids == ids[100:102]
    assert caller.get(CONTACTS, limit=2, after=ids[100] + 1).ids == ids[101:103]
    assert caller.get(CONTACTS, after=ids[-1] + 1).ids == []


def test_changed_and_new_records_are_in_their_places(caller: Caller, sandbox: RunningSandbox) -> None:
    ids = sandbox.ids("contacts")
    sandbox.update("contacts", ids[3], {"city": "Cusco"})
    sandbox.archive("contacts", ids[4])
    created = sandbox.create("contacts", {"city": "Potosí"})
    results = [r for answer in pages(caller, CONTACTS, limit=100, properties="city") for r in answer.body["results"]]
    assert [int(r["id"]) for r in results] == [*ids[:4], *ids[5:], created]
    assert results[3]["properties"]["city"] == "Cusco"
    assert results[-1]["properties"]["city"] == "Potosí"


def test_archived_records_are_a_list_of_their_own(caller: Caller, sandbox: RunningSandbox) -> None:
    gone = [sandbox.ids("contacts")[n] for n in (7, 3, 5)]
    for record_id in gone:
        sandbox.archive("contacts", record_id)
    first, second = pages(caller, CONTACTS, limit=2, archived="true")
    assert first.ids + second.ids == sorted(gone)
    assert all(r["archived"] and r["archivedAt"] > r["updatedAt"] for r in first.body["results"])
    assert caller.get(f"{CONTACTS}/{gone[0]}").status == 404
    assert caller.get(f"{CONTACTS}/{gone[0]}", archived="true").body["archived"] is True


@pytest.mark.parametrize(
    "query",
    [{"limit": 101}, {"limit": 0}, {"limit": "x"}, {"after": "abc"}, {"limit": 51, "propertiesWithHistory": "city"}],
)
def test_what_is_out_of_bounds_is_refused(caller: Caller, query: dict[str, object]) -> None:
    answer = caller.get(CONTACTS, **query)
    assert (answer.status, answer.body["category"]) == (400, "VALIDATION_ERROR")


def test_properties_are_the_default_ones_or_those_asked_for(caller: Caller) -> None:
    always = {"createdate", "lastmodifieddate", "hs_object_id"}

    def names(**query: str) -> set[str]:
        return set(caller.get(CONTACTS, limit=1, **query).body["results"][0]["properties"])

    assert names() == always | {"email", "firstname", "lastname"}
    assert names(properties="city,zip,no_such_property") == always | {"city", "zip"}
    repeated = caller.get(f"{CONTACTS}?limit=1&properties=city&properties=zip")
    assert set(repeated.body["results"][0]["properties"]) == always | {"city", "zip"}


def test_the_top_level_dates_are_those_of_the_properties(caller: Caller) -> None:
    for record in caller.get("/crm/v3/objects/deals", limit=20).body["results"]:
        assert record["updatedAt"] == record["properties"]["hs_lastmodifieddate"]
        assert record["createdAt"] == record["properties"]["createdate"]


def test_a_url_above_16_kilobytes_is_too_long(caller: Caller) -> None:
    assert caller.get(CONTACTS, properties=",".join(["city"] * 2300)).status == 200
    assert caller.get(CONTACTS, properties=",".join(["city"] * 2400)).status == 414


def test_short_pages_of_a_list_lose_nothing(caller: Caller, sandbox: RunningSandbox) -> None:
    sandbox.configure(short_pages=True)
    answers = list(pages(caller, CONTACTS, limit=100))
    assert [len(answer.ids) for answer in answers] == [50] * 5
    assert [i for answer in answers for i in answer.ids] == sandbox.ids("contacts")


def test_inline_associations_stop_at_a_hundred_with_a_link_to_the_others(
    caller: Caller, sandbox: RunningSandbox
) -> None:
    hub = sandbox.ids("companies")[0]
    for contact in sandbox.ids("contacts")[:150]:
        sandbox.associate("companies", hub, "contacts", contact)
    company = caller.get("/crm/objects/2026-03/companies", limit=1, associations="contacts,deals,unknown").body[
        "results"
    ][0]
    contacts = company["associations"]["contacts"]
    inline = list(dict.fromkeys(result["id"] for result in contacts["results"]))
    assert len(inline) == 100
    assert {result["type"] for result in contacts["results"]} >= {"company_to_contact", "company_to_contact_unlabeled"}
    link = contacts["paging"]["next"]["link"].removeprefix(sandbox.url)
    rest = [result["id"] for result in caller.get(link).body["results"]]
    expected = [str(i) for i in sandbox.neighbours("companies", hub, "contacts")]
    assert inline + list(dict.fromkeys(rest)) == expected
    assert set(company["associations"]) <= {"contacts", "deals"}


def test_one_record_is_read_by_id_or_by_email(caller: Caller, sandbox: RunningSandbox) -> None:
    record = sandbox.get("contacts", sandbox.ids("contacts")[9])
    by_id = caller.get(f"{CONTACTS}/{record['id']}", properties="email")
    by_email = caller.get(f"{CONTACTS}/{record['properties']['email'].upper()}", idProperty="email", properties="email")
    assert by_id.body == by_email.body
    assert by_id.body["properties"]["email"] == record["properties"]["email"]
    missing = caller.get(f"{CONTACTS}/1")
    assert (missing.status, missing.body["message"]) == (404, "resource not found")


def test_a_record_that_was_merged_away_leads_to_what_it_became(caller: Caller, sandbox: RunningSandbox) -> None:
    one, other, *_ = sandbox.ids("contacts")
    merged = caller.post(f"{CONTACTS}/merge", {"primaryObjectId": str(one), "objectIdToMerge": str(other)})
    assert merged.status == 200
    for old in (one, other):
        answer = caller.get(f"{CONTACTS}/{old}", properties="hs_merged_object_ids")
        assert answer.body["id"] == merged.body["id"]
        assert answer.body["properties"]["hs_merged_object_ids"] == f"{one};{other}"
    assert caller.patch(f"{CONTACTS}/{other}", {"properties": {"city": "Sucre"}}).body["id"] == merged.body["id"]
    batch = caller.post(f"{CONTACTS}/batch/update", {"inputs": [{"id": str(one), "properties": {"city": "x"}}]})
    assert (batch.status, batch.body["results"]) == (200, [])


def test_a_gdpr_deletion_leaves_nothing(caller: Caller, sandbox: RunningSandbox) -> None:
    one, other, *_ = sandbox.ids("contacts")
    email = sandbox.get("contacts", other)["properties"]["email"]
    assert caller.post(f"{CONTACTS}/gdpr-delete", {"objectId": str(one)}).status == 204
    assert caller.post(f"{CONTACTS}/gdpr-delete", {"objectId": email, "idProperty": "email"}).status == 204
    assert not {one, other} & {*sandbox.ids("contacts"), *sandbox.ids("contacts", archived=True)}


def test_create_update_and_archive(caller: Caller, sandbox: RunningSandbox) -> None:
    company = sandbox.ids("companies")[0]
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    body = {
        "properties": {"email": "new@example.com", "city": "Tarija"},
        "associations": [{"to": {"id": str(company)}, "types": types}],
    }
    created = caller.post(CONTACTS, body)
    assert created.status == 201
    record_id = int(created.body["id"])
    assert sandbox.neighbours("contacts", record_id, "companies") == {company: {1, 279}}
    assert caller.patch(f"{CONTACTS}/{record_id}", {"properties": {"city": None}}).body["properties"]["city"] is None
    again = caller.post(CONTACTS, {"properties": {"email": "NEW@example.com"}})
    assert (again.status, again.body["message"]) == (409, f"Contact already exists. Existing ID: {record_id}")
    assert caller.delete(f"{CONTACTS}/{record_id}").status == 204
    assert caller.delete(f"{CONTACTS}/987654321").status == 204
    assert sandbox.ids("contacts", archived=True) == [record_id]


@pytest.mark.parametrize(("name", "code"), [("x", "PROPERTY_DOESNT_EXIST"), ("hs_object_id", "READ_ONLY_VALUE")])
def test_a_property_that_cannot_be_set_is_named(caller: Caller, name: str, code: str) -> None:
    answer = caller.post(CONTACTS, {"properties": {name: "1"}})
    assert answer.status == 400
    assert [(e["code"], e["context"]["propertyName"]) for e in answer.body["errors"]] == [(code, [name])]


def test_a_batch_read_names_all_that_is_missing_in_one_error(caller: Caller, sandbox: RunningSandbox) -> None:
    ids = sandbox.ids("contacts")[:5]
    sandbox.archive("contacts", ids[1])
    sandbox.update("contacts", ids[2], {"city": "Oruro"})
    inputs = [{"id": str(i)} for i in (*ids, ids[0], 1)]
    answer = caller.post(f"{CONTACTS}/batch/read", {"inputs": inputs, "properties": ["city"]})
    assert answer.status == 207
    assert answer.ids == [ids[0], *ids[2:]]
    assert answer.body["numErrors"] == 1
    assert answer.body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert answer.body["errors"][0]["context"]["ids"] == [str(ids[1]), "1"]
    archived = caller.post(
        f"{CONTACTS}/batch/read", {"inputs": [{"id": str(ids[1])}], "properties": []}, archived="true"
    )
    assert (archived.status, archived.ids) == (200, [ids[1]])


def test_batches_have_a_hundred_inputs_at_most(caller: Caller, sandbox: RunningSandbox) -> None:
    inputs = [{"id": str(i)} for i in sandbox.ids("contacts")[:101]]
    assert caller.post(f"{CONTACTS}/batch/read", {"inputs": inputs[:100]}).status == 200
    assert caller.post(f"{CONTACTS}/batch/read", {"inputs": inputs}).status == 400
    assert (
        caller.post(f"{CONTACTS}/batch/read", {"inputs": inputs[:51], "propertiesWithHistory": ["city"]}).status == 400
    )
    assert caller.post(f"{CONTACTS}/batch/read", {"inputs": []}).status == 400


def test_batches_create_update_and_archive(caller: Caller, sandbox: RunningSandbox) -> None:
    created = caller.post(
        f"{CONTACTS}/batch/create", {"inputs": [{"properties": {"city": c}} for c in ("Sucre", "La Paz")]}
    )
    assert created.status == 201
    inputs = [{"id": str(i), "properties": {"city": "Cobija"}} for i in (*created.ids, 1)]
    assert caller.post(f"{CONTACTS}/batch/update", {"inputs": inputs}).ids == created.ids
    assert caller.post(f"{CONTACTS}/batch/archive", {"inputs": [{"id": str(i)} for i in created.ids]}).status == 204
    assert sandbox.ids("contacts", archived=True) == created.ids
    bad = caller.post(
        f"{CONTACTS}/batch/create", {"inputs": [{"properties": {"city": "A"}}, {"properties": {"no": "1"}}]}
    )
    assert bad.status == 400
    assert len(sandbox.ids("contacts")) == 250, "a bad input fails the whole batch"


def test_properties_are_listed_made_changed_and_archived(caller: Caller) -> None:
    path = "/crm/properties/2026-03/contacts"
    listed = caller.get(path).body["results"]
    assert len(listed) == 60
    assert {p["type"] for p in listed} == {
        "string",
        "number",
        "date",
        "datetime",
        "enumeration",
        "bool",
        "phone_number",
    }
    assert caller.post(path, {"name": "colour", "label": "Colour", "type": "string", "fieldType": "text"}).status == 201
    assert caller.post(path, {"name": "colour", "type": "string"}).status == 409
    changed = caller.patch(f"{path}/colour", {"type": "enumeration", "options": [{"label": "Red", "value": "red"}]})
    assert [option["value"] for option in changed.body["options"]] == ["red"]
    assert caller.delete(f"{path}/colour").status == 204
    assert caller.get(f"{path}/colour").status == 404
    assert [p["name"] for p in caller.get(path, archived="true").body["results"]] == ["colour"]


def test_values_of_a_large_account_are_as_awkward_as_real_ones() -> None:
    account = Account(contacts=200, properties=72)
    properties = {
        d["name"]: d["type"] for d in account.store("contacts").schema.definitions() if d["name"].startswith("custom_")
    }
    numbers = [n for n, kind in properties.items() if kind == "number"]
    dates = [n for n, kind in properties.items() if kind == "date"]
    records = [r["properties"] for i in islice(account.ids("contacts"), 200) if (r := account.get("contacts", i))]
    values = {r[name] for r in records for name in numbers}
    assert {"67340.0", "", "9007199254740993"} <= values
    assert any(value and ";" in value for value in values)
    days = {r[name] for r in records for name in dates}
    assert any(day and day.isdecimal() for day in days)
    assert any(day and "-" in day for day in days)


def test_any_text_is_stored_as_it_is(caller: Caller) -> None:
    text = "a\x00b" + "é" * 65_533
    record_id = caller.post(CONTACTS, {"properties": {"message": text}}).body["id"]
    assert caller.get(f"{CONTACTS}/{record_id}", properties="message").body["properties"]["message"] == text


def test_unknown_paths_are_not_found_and_other_types_not_allowed(caller: Caller) -> None:
    for path in ("/crm/v3/pipelines/deals/x", "/crm/objects/2025-09/contacts", "/crm/v3/nothing"):
        answer = caller.get(path)
        assert (answer.status, answer.body["status"]) == (404, "error")
    assert caller.get("/crm/v3/objects/tickets").status == 403


def test_answers_carry_hubspots_headers(caller: Caller) -> None:
    headers = caller.get(CONTACTS).headers
    assert headers["content-type"] == "application/json;charset=utf-8"
    assert headers["x-hubspot-correlation-id"]
    assert headers["x-hubspot-ratelimit-max"] == "1000000"
