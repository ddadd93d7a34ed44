"""Associations over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.sandbox_http import Caller

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.server import RunningSandbox, running_sandbox

READ = "/crm/associations/2026-03/{}/{}/batch/read"


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(Account(contacts=200, companies=20, deals=30)) as running:
        yield running


@pytest.fixture
def caller(sandbox: RunningSandbox) -> Iterator[Caller]:
    caller = Caller(sandbox.url, sandbox.token)
    yield caller
    caller.close()


def inputs(*ids: int) -> dict[str, list[dict[str, str]]]:
    return {"inputs": [{"id": str(record_id)} for record_id in ids]}


def test_a_record_without_any_is_an_error_of_its_own(caller: Caller, sandbox: RunningSandbox) -> None:
    with_one, *_, without = sandbox.ids("contacts")[:10]
    answer = caller.post(READ.format("contacts", "companies"), inputs(with_one, without, 1))
    assert (answer.status, answer.body["numErrors"]) == (207, 2)
    assert [error["context"]["fromObjectId"] for error in answer.body["errors"]] == [[str(without)], ["1"]]
    assert {error["subCategory"] for error in answer.body["errors"]} == {"crm.associations.NO_ASSOCIATIONS_FOUND"}
    assert answer.body["errors"][0]["message"] == f"No company is associated with contact {without}."
    assert answer.body["results"] == [
        {
            "from": {"id": str(with_one)},
            "to": [
                {
                    "toObjectId": sandbox.ids("companies")[0],
                    "associationTypes": [
                        {"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"},
                        {"category": "USER_DEFINED", "typeId": 28, "label": "Billing contact"},
                        {"category": "HUBSPOT_DEFINED", "typeId": 279, "label": None},
                    ],
                }
            ],
        }
    ]


def test_without_errors_the_status_is_200(caller: Caller, sandbox: RunningSandbox) -> None:
    answer = caller.post(READ.format("deals", "companies"), inputs(*sandbox.ids("deals")))
    assert answer.status == 200
    assert "errors" not in answer.body


def test_each_input_is_paged_on_its_own(caller: Caller, sandbox: RunningSandbox) -> None:
    sandbox.configure(association_page=3)
    one, other = sandbox.ids("companies")[:2]
    expected = list(sandbox.neighbours("companies", one, "contacts"))
    found: list[int] = []
    wanted: list[dict[str, str]] = [{"id": str(one)}, {"id": str(other)}]
    while wanted:
        results = caller.post(READ.format("companies", "contacts"), {"inputs": wanted}).body["results"]
        assert all(len(result["to"]) <= 3 for result in results)
        found += [to["toObjectId"] for result in results if result["from"]["id"] == str(one) for to in result["to"]]
        wanted = [
            {"id": result["from"]["id"], "after": result["paging"]["next"]["after"]}
            for result in results
            if "paging" in result
        ]
    assert found == expected
    assert len(found) > 3


def test_a_read_takes_a_thousand_inputs(caller: Caller, sandbox: RunningSandbox) -> None:
    ids = sandbox.ids("contacts") * 5
    assert caller.post(READ.format("contacts", "deals"), inputs(*ids)).status == 207
    assert caller.post(READ.format("contacts", "deals"), inputs(*ids, 1)).status == 400
    assert caller.post(READ.format("contacts", "deals"), {"inputs": [{"id": "x"}]}).status == 400


def test_associations_of_one_record_in_both_shapes(caller: Caller, sandbox: RunningSandbox) -> None:
    company = sandbox.ids("companies")[0]
    for path in (
        f"/crm/v4/objects/companies/{company}/associations/contacts",
        f"/crm/objects/2026-03/companies/{company}/associations/contacts",
    ):
        first = caller.get(path, limit=4)
        second = caller.get(path, after=first.after)
        ids = [result["toObjectId"] for result in first.body["results"] + second.body["results"]]
        assert ids == list(sandbox.neighbours("companies", company, "contacts"))
    third = caller.get(f"/crm/v3/objects/companies/{company}/associations/contacts", limit=1).body
    assert [result["type"] for result in third["results"]] == [
        "company_to_contact",
        "bills_to",
        "company_to_contact_unlabeled",
    ]
    assert caller.get("/crm/v4/objects/companies/1/associations/contacts").status == 404


def test_associations_are_made_and_ended_without_a_new_modification_date(
    caller: Caller, sandbox: RunningSandbox
) -> None:
    deal, contact = sandbox.ids("deals")[0], sandbox.ids("contacts")[-1]
    before = sandbox.get("deals", deal)["updatedAt"]
    pair = {"from": {"id": str(deal)}, "to": {"id": str(contact)}}
    made = caller.post(
        "/crm/v4/associations/deals/contacts/batch/create",
        {"inputs": [{**pair, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}]}]},
    )
    assert made.status == 201
    assert contact in sandbox.neighbours("deals", deal, "contacts")
    wrong = {"inputs": [{**pair, "types": [{"associationTypeId": 4}]}]}
    assert caller.post("/crm/v4/associations/deals/contacts/batch/create", wrong).status == 400
    ended = {"inputs": [{"from": {"id": str(deal)}, "to": [{"id": str(contact)}]}]}
    assert caller.post("/crm/associations/2026-03/deals/contacts/batch/archive", ended).status == 204
    assert contact not in sandbox.neighbours("deals", deal, "contacts")
    assert sandbox.get("deals", deal)["updatedAt"] == before


def test_a_label_can_be_taken_while_the_association_stays(caller: Caller, sandbox: RunningSandbox) -> None:
    contact, company = sandbox.ids("contacts")[0], sandbox.ids("companies")[0]
    pair = {"from": {"id": str(contact)}, "to": {"id": str(company)}, "types": [{"associationTypeId": 28}]}
    assert caller.post("/crm/v4/associations/contacts/companies/batch/labels/archive", {"inputs": [pair]}).status == 204
    assert sandbox.neighbours("contacts", contact, "companies")[company] == {1, 279}


def test_labels_are_those_of_one_direction(caller: Caller) -> None:
    there = caller.get("/crm/v4/associations/contacts/companies/labels").body["results"]
    back = caller.get("/crm/associations/2026-03/companies/contacts/labels").body["results"]
    assert {(label["typeId"], label["label"]) for label in there} == {
        (1, "Primary"),
        (279, None),
        (28, "Billing contact"),
    }
    assert {(label["typeId"], label["label"]) for label in back} == {(2, "Primary"), (280, None), (29, "Bills to")}
