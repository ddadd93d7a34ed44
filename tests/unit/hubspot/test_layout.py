from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from connectors.hubspot import wire
from connectors.hubspot.layout import Layout, merges_told
from connectors.hubspot.objects import COMPANIES, CONTACTS, DEALS
from engine.contract import ColumnType

DEFINITIONS = [
    wire.Property("email"),
    wire.Property("address2"),
    wire.Property("hs_all-funky-a9384-syntax"),
    wire.Property("class", "enumeration"),
    wire.Property("amount", "number"),
    wire.Property("closedate", "datetime"),
    wire.Property("birthday", "date"),
    wire.Property("optin", "bool"),
    wire.Property("gone", archived=True),
]


def _page(*records: dict[str, object]) -> bytes:
    return json.dumps({"results": list(records)}).encode()


def test_every_live_property_has_a_typed_column() -> None:
    table = Layout.of(CONTACTS, DEFINITIONS, portal_id=7).table
    assert {c.name: c.type.value for c in table.columns} == {
        "id": "bigint",
        "archived_at": "timestamptz",
        "property_lastmodifieddate": "timestamptz",
        "property_hs_calculated_merged_vids": "text",
        "property_email": "text",
        "property_address_2": "text",
        "property_hs_all_funky_a_9384_syntax": "text",
        "property_class": "text",
        "property_amount": "numeric",
        "property_closedate": "timestamptz",
        "property_birthday": "date",
        "property_optin": "boolean",
        "property_hs_merged_object_ids": "text",
    }
    assert table.primary_key == ("id",)


def test_what_hubspot_defines_comes_before_what_an_account_added() -> None:
    """So that a table which has no room for all of them has it for those."""
    definitions = [wire.Property(f"a{n}") for n in range(3)] + [wire.Property("email", hubspot_defined=True)]
    assert Layout.of(CONTACTS, definitions, portal_id=7).properties == (
        "hs_calculated_merged_vids",
        "hs_merged_object_ids",
        "lastmodifieddate",
        "email",
        "a0",
        "a1",
        "a2",
    )


def test_a_key_keeps_its_type_whatever_comes() -> None:
    layout = Layout.of(CONTACTS, DEFINITIONS, portal_id=7)
    body = _page({"id": "9223372036854775813", "properties": {}}, {"id": "x", "properties": {}})
    found = layout.found(wire.decode(body, layout.page).results)
    assert (found.ids, found.wider) == (["9223372036854775813", "x"], {})


def test_deals_have_their_pipeline_stage_and_owner_lifted_out() -> None:
    layout = Layout.of(DEALS, DEFINITIONS, portal_id=7)
    body = _page(
        {"id": "12", "properties": {"pipeline": "default", "dealstage": "won", "hubspot_owner_id": "99", "amount": "1"}}
    )
    rows = layout.found(wire.decode(body, layout.page).results).rows
    row = dict(zip(layout.table.column_names, rows[0], strict=True))
    assert row["deal_id"] == "12"
    assert row["portal_id"] == "7"
    assert (row["deal_pipeline_id"], row["deal_pipeline_stage_id"], row["owner_id"]) == ("default", "won", "99")
    assert row["property_pipeline"] == "default"
    assert layout.table.deleted_aliases == ("is_deleted",)


def test_a_row_has_every_property_in_its_place_and_none_where_hubspot_says_nothing() -> None:
    layout = Layout.of(CONTACTS, DEFINITIONS, portal_id=7)
    body = _page(
        {"id": "1", "properties": {"class": "a;b", "email": "x@y.z", "unknown": "?"}},
        {"id": "2", "properties": {"amount": None, "address2": ""}},
    )
    rows = layout.found(wire.decode(body, layout.page).results).rows
    first, second = (dict(zip(layout.table.column_names, row, strict=True)) for row in rows)
    assert (first["id"], first["property_class"], first["property_email"], first["property_amount"]) == (
        "1",
        "a;b",
        "x@y.z",
        None,
    )
    assert (second["property_address_2"], second["property_email"]) == ("", None)


def test_odd_values_are_fitted_and_widen_only_their_own_column() -> None:
    layout = Layout.of(CONTACTS, DEFINITIONS, portal_id=7)
    body = _page(
        {"id": "1", "properties": {"amount": "134;137", "birthday": "1572480000000", "closedate": ""}},
        {"id": "2", "properties": {"amount": "12.50", "birthday": "2020-02-29", "optin": "true"}},
    )
    records = wire.decode(body, layout.page).results
    found = layout.found(records)
    assert found.wider == {"property_amount": ColumnType.TEXT}
    columns = dict(zip(layout.table.column_names, zip(*found.rows, strict=True), strict=True))
    assert columns["property_amount"] == ("134;137", "12.50")
    assert columns["property_birthday"] == ("2019-10-31", "2020-02-29")
    assert columns["property_closedate"] == (None, None)


def test_a_value_becomes_the_same_whatever_its_column_holds_by_now() -> None:
    layout = Layout.of(CONTACTS, DEFINITIONS, portal_id=7)
    body = _page({"id": "1", "properties": {"amount": "", "birthday": "1572480000000", "closedate": ""}})
    records = wire.decode(body, layout.page).results
    before = layout.found(records)
    wider = {f"property_{name}": ColumnType.TEXT for name in ("amount", "birthday", "closedate")}
    assert layout.widen(wider) == layout.table
    assert layout.found(records) == before
    assert layout.widen({"property_amount": ColumnType.NUMERIC}) == layout.table


@pytest.mark.parametrize(
    ("merged", "expected"),
    [
        ("111;222", [("5", "111"), ("5", "222")]),
        (" 111 ; ", [("5", "111")]),
        ("5;111", [("5", "111")]),
        ("abc;111", [("5", "111")]),
        ("", []),
        (None, []),
    ],
)
def test_merged_ids_are_read_and_never_the_records_own(merged: str | None, expected: list[tuple[str, str]]) -> None:
    layout = Layout.of(COMPANIES, [], portal_id=7)
    body = _page({"id": "5", "properties": {"hs_merged_object_ids": merged}})
    assert layout.found(wire.decode(body, layout.page).results).merged == [(*pair, None) for pair in expected]


@pytest.mark.parametrize(
    ("losers", "moments", "expected"),
    [
        (
            "111;222",
            "111:1772190000000;222:1772190000001",
            {"111": "2026-02-27T11:00:00.000Z", "222": "2026-02-27T11:00:00.001Z"},
        ),
        ("111", None, {"111": None}),
        (None, "111:1772190000000", {"111": "2026-02-27T11:00:00.000Z"}),
        ("111;222", "111:soon;5;:7", {"111": None, "222": None, "5": None}),
    ],
)
def test_when_contacts_were_merged_is_told_apart(
    losers: str | None, moments: str | None, expected: dict[str, str | None]
) -> None:
    assert merges_told(losers, moments) == expected


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ('"lone \\ud800 surrogate"', "lone \ud800 surrogate"),
        ("17", "17"),
        ("12.50", "12.50"),
        ("true", "true"),
        ('["a"]', '["a"]'),
        ('"nul \\u0000"', "nul \x00"),
    ],
)
def test_what_strict_decoding_refuses_is_decoded_all_the_same(value: str, stored: str) -> None:
    layout = Layout.of(CONTACTS, DEFINITIONS, portal_id=7)
    body = f'{{"results": [{{"id": "1", "properties": {{"email": {value}}}}}]}}'.encode()
    row = layout.found(wire.decode(body, layout.page).results).rows[0]
    assert dict(zip(layout.table.column_names, row, strict=True))["property_email"] == stored


def test_ids_and_cursors_may_be_numbers() -> None:
    layout = Layout.of(CONTACTS, DEFINITIONS, portal_id=7)
    page = wire.decode(
        b'{"results": [{"id": 33451, "properties": {"email": null}}], "paging": {"next": {"after": 33452}}}',
        layout.page,
    )
    assert ([record.id for record in page.results], page.after) == (["33451"], "33452")


@pytest.mark.parametrize(
    ("shape", "body", "read"),
    [
        (
            wire.Properties,
            '{"results": [{"name": "a", "archived": null, "type": null, "options": null}]}',
            wire.Properties([wire.Property("a")]),
        ),
        (
            wire.Pipelines,
            '{"results": [{"id": "1", "stages": [{"id": "2", "metadata": null, "archived": null}]}, {"id": "3", "stages": null}]}',
            wire.Pipelines([wire.Pipeline("1", stages=[wire.Stage("2")]), wire.Pipeline("3")]),
        ),
        (
            wire.AssociationsAnswer,
            '{"results": [{"from": {"id": "1"}, "to": [{"toObjectId": 2, "associationTypes": null}]}, {"from": {"id": "3"}, "to": null}]}',
            wire.AssociationsAnswer(
                [
                    wire.Associations(wire.ObjectId("1"), [wire.AssociatedRecord("2")]),
                    wire.Associations(wire.ObjectId("3")),
                ]
            ),
        ),
    ],
)
def test_null_is_as_good_as_absent(shape: type[Any], body: str, read: object) -> None:
    assert wire.decode(body.encode(), msgspec.json.Decoder(shape)) == read


@pytest.mark.parametrize("odd", ["fine", "lone \\ud800 surrogate"])
def test_what_is_odd_in_an_answer_leaves_the_inputs_that_failed_as_they_are(odd: str) -> None:
    layout = Layout.of(CONTACTS, DEFINITIONS, portal_id=7)
    body = f"""{{"results": [{{"id": "1", "properties": {{"email": "{odd}"}}}}], "numErrors": 1, "errors": [
        {{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some", "context": {{"ids": ["9"]}}}}
    ]}}"""
    page = wire.decode(body.encode(), layout.page)
    assert [(error.is_answer, error.named("ids")) for error in page.errors or []] == [(True, ["9"])]


@pytest.mark.parametrize("body", ['{"results": {}}', '{"results": [{"id": {}, "properties": {}}]}', "[]"])
def test_a_body_of_another_shape_is_an_error_that_says_where(body: str) -> None:
    layout = Layout.of(CONTACTS, DEFINITIONS, portal_id=7)
    with pytest.raises(ValueError, match=r"not known \(Expected"):
        wire.decode(body.encode(), layout.page)


@pytest.mark.parametrize("id_", ["", '"id": null, '])
def test_a_record_without_an_id_is_an_error_that_says_so(id_: str) -> None:
    layout = Layout.of(CONTACTS, DEFINITIONS, portal_id=7)
    with pytest.raises(ValueError, match=r"not known \(Object missing required field `id` - at `\$\.results\[0\]`\)"):
        wire.decode(f'{{"results": [{{{id_}"properties": {{}}}}]}}'.encode(), layout.page)


def test_a_body_that_is_cut_off_is_an_error() -> None:
    layout = Layout.of(CONTACTS, DEFINITIONS, portal_id=7)
    with pytest.raises(ValueError, match="no complete JSON"):
        wire.decode(b'{"results": [{"id": "1", "proper', layout.page)


def test_two_thousand_properties_make_two_thousand_columns() -> None:
    layout = Layout.of(CONTACTS, [wire.Property(f"p_{i}") for i in range(2000)], portal_id=7)
    assert len(layout.properties) == 2003  # with what tells of changes and merges
    assert len(layout.table.columns) == 2005
