from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from engine.connections.body import (
    ConnectionBody,
    ConnectionChange,
    changed_auth,
    check_auth,
    check_schedule,
    checked_config,
    parse,
)
from engine.contract import InvalidSetting
from engine.plugins import source_plugin

HUBSPOT = source_plugin("hubspot")

DOCUMENTED: dict[str, Any] = {
    "group_id": "group_id",
    "service": "hubspot",
    "trust_certificates": True,
    "trust_fingerprints": True,
    "run_setup_tests": True,
    "paused": False,
    "pause_after_trial": False,
    "sync_frequency": 1440,
    "data_delay_sensitivity": "NORMAL",
    "data_delay_threshold": 0,
    "daily_sync_time": "14:00",
    "schedule_type": "auto",
    "connect_card_config": {"redirect_uri": "https://your.site/path", "hide_setup_guide": True},
    "proxy_agent_id": "proxy_agent_id",
    "private_link_id": "private_link_id",
    "networking_method": "Directly",
    "hybrid_deployment_agent_id": "hybrid_deployment_agent_id",
    "local_processing_agent_id": "local_processing_agent_id",
    "config": {
        "tables_without_access_updated_at": "string",
        "backward_sync_limit_date": "2023-01-11",
        "historical_sync_time_frame": "DATE_LIMIT",
        "schema": "schema_name",
    },
    "auth": {
        "refresh_token": "my_refresh_token",
        "client_access": {"client_secret": "my_client_secret", "client_id": "my_client_id"},
    },
}
"""The body that Fivetran documents for a HubSpot connection, whole."""


def test_the_documented_body_is_taken_whole() -> None:
    body = parse(ConnectionBody, DOCUMENTED)
    plain = {"service", "config", "auth", "trust_certificates", "trust_fingerprints", "run_setup_tests"}
    assert body.stored() == {name: value for name, value in DOCUMENTED.items() if name not in plain}
    assert body.config.schema_name == "schema_name"
    assert body.auth is not None
    assert body.auth.get_secret_value() == DOCUMENTED["auth"]
    assert checked_config(HUBSPOT, body.config.of_source) == body.config.of_source
    check_auth(HUBSPOT, body.auth.get_secret_value())


def test_what_may_be_left_out_has_the_documented_default() -> None:
    body = parse(ConnectionBody, {"service": "hubspot", "config": {"schema": "crm"}})
    assert (body.group_id, body.sync_frequency, body.schedule_type) == ("default", 360, "auto")
    assert (body.paused, body.run_setup_tests, body.data_delay_sensitivity) == (False, True, "NORMAL")


def test_null_is_as_if_left_out_unless_it_is_a_value_of_the_field() -> None:
    nothing = dict.fromkeys(ConnectionBody.model_fields)
    body = parse(ConnectionBody, {**nothing, "service": "hubspot", "config": {"schema": "crm"}})
    assert (body.group_id, body.sync_frequency, body.data_delay_sensitivity) == ("default", 360, "NORMAL")
    assert not {"data_delay_threshold", "networking_method", "destination_schema_names"} & set(body.stored())
    change = parse(ConnectionChange, {"paused": None, "config": None, "daily_sync_time": None, "proxy_agent_id": None})
    assert change.stored() == {"daily_sync_time": None, "proxy_agent_id": None}


@pytest.mark.parametrize("minutes", [1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440])
def test_every_documented_frequency_is_taken(minutes: int) -> None:
    assert parse(ConnectionBody, {**DOCUMENTED, "sync_frequency": minutes}).sync_frequency == minutes


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"service": None}, "service: is required."),
        ({"service": 7}, "service: must be text."),
        ({"colour": "red"}, "colour: There is no such setting. Known: auth, paused, "),
        (
            {"sync_frequency": 7},
            "sync_frequency: must be one of 1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440 (minutes).",
        ),
        ({"sync_frequency": "often"}, "sync_frequency: must be a whole number."),
        ({"daily_sync_time": "14:30"}, "daily_sync_time: must be a full hour from 00:00 to 23:00, such as 14:00."),
        ({"daily_sync_time": "24:00"}, "daily_sync_time: must be a full hour from 00:00 to 23:00, such as 14:00."),
        ({"daily_sync_time": "14:00\n"}, "daily_sync_time: must be a full hour from 00:00 to 23:00, such as 14:00."),
        ({"schedule_type": "never"}, "schedule_type: must be auto or manual."),
        ({"paused": "a bit"}, "paused: must be true or false."),
        (
            {"data_delay_sensitivity": "SOME"},
            "data_delay_sensitivity: must be LOW, NORMAL, HIGH, CUSTOM or SYNC_FREQUENCY.",
        ),
        ({"data_delay_threshold": -1}, "data_delay_threshold: must be 0 or more."),
        (
            {"networking_method": "Carrier"},
            "networking_method: must be Directly, PrivateLink, SshTunnel or ProxyAgent.",
        ),
        ({"connect_card_config": {}}, "connect_card_config.redirect_uri: is required."),
        (
            {"connect_card_config": {"redirect_uri": "ftp://x"}},
            "connect_card_config.redirect_uri: must be an address that starts with https:// or http://.",
        ),
        (
            {"connect_card_config": {"redirect_uri": "https://your.site/\r\nX: y"}},
            "connect_card_config.redirect_uri: must have no blanks or control characters.",
        ),
        (
            {"connect_card_config": {"redirect_uri": "https://your.site/\x7f"}},
            "connect_card_config.redirect_uri: must have no blanks or control characters.",
        ),
        ({"config": {}}, "config.schema: is required."),
        ({"config": {"schema": 7}}, "config.schema: must be text."),
        ({"config": "crm"}, "config: must be a JSON object."),
        ({"auth": "planted"}, "auth: must be a JSON object."),
    ],
)
def test_a_field_that_cannot_be_taken_is_told_in_a_sentence(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        parse(ConnectionBody, {**DOCUMENTED, **changes})
    assert str(refused.value).startswith(told)
    assert "\n" not in str(refused.value)
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize("field", ["service", "config"])
def test_a_required_field_is_asked_for(field: str) -> None:
    with pytest.raises(InvalidSetting, match=rf"^{field}: is required\.$"):
        parse(ConnectionBody, {name: value for name, value in DOCUMENTED.items() if name != field})


@pytest.mark.parametrize(
    ("config", "auth", "told"),
    [
        ({"colour": "red"}, None, r"config\.colour: There is no such setting\. Known: historical_sync_time_frame, "),
        (
            {"historical_sync_time_frame": "SIX_MONTHS"},
            None,
            r"config\.historical_sync_time_frame: must be ALL_TIME or DATE_",
        ),
        (
            {"backward_sync_limit_date": "2023-02-30"},
            None,
            r"config\.backward_sync_limit_date: '2023-02-30' is not a day",
        ),
        (
            {"backward_sync_limit_date": 0},
            None,
            r"config\.backward_sync_limit_date: is not text of the form YYYY-MM-DD",
        ),
        ({"historical_sync_time_frame": "DATE_LIMIT"}, None, "config: historical_sync_time_frame DATE_LIMIT needs"),
        (
            {},
            {"refresh_token": "planted"},
            "auth: give either access_token, or refresh_token together with client_access",
        ),
        ({}, {"access_token": 7}, r"auth\.access_token: must be text\."),
        ({}, {"access_token": "planted\nplanted"}, r"auth\.access_token: must be printable ASCII"),
        ({}, {"access_token": "planted\u2013"}, r"auth\.access_token: must be printable ASCII"),
        ({}, {"access_token": " "}, r"auth\.access_token: must be printable ASCII"),
        (
            {},
            {"refresh_token": "planted", "client_access": {"client_id": "a"}},
            r"auth\.client_access\.client_secret: is required\.",
        ),
    ],
)
def test_what_the_source_cannot_take_is_told_by_its_path(
    config: dict[str, Any], auth: dict[str, Any] | None, told: str
) -> None:
    check = partial(checked_config, HUBSPOT, config) if auth is None else partial(check_auth, HUBSPOT, auth)
    with pytest.raises(InvalidSetting, match=f"^{told}") as refused:
        check()
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize(
    ("frequency", "time", "taken"),
    [(1440, "14:00", True), (1440, None, True), (360, None, True), (360, "14:00", False)],
)
def test_a_time_of_day_goes_with_a_daily_sync_only(frequency: int, time: str | None, taken: bool) -> None:
    if taken:
        check_schedule(frequency, time)
    else:
        with pytest.raises(InvalidSetting, match=r"^daily_sync_time: counts only when sync_frequency is 1440"):
            check_schedule(frequency, time)


def test_a_change_holds_only_what_was_given() -> None:
    change = parse(ConnectionChange, {"paused": True, "daily_sync_time": None, "auth": {"access_token": "planted"}})
    assert change.stored() == {"paused": True, "daily_sync_time": None}
    assert "planted" not in repr(change)


@pytest.mark.parametrize("field", ["group_id", "service", "id"])
def test_a_change_cannot_move_a_connection(field: str) -> None:
    with pytest.raises(InvalidSetting, match=rf"^{field}: There is no such setting\."):
        parse(ConnectionChange, {field: "x"})


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"hybrid_deployment_agent_id": "", "proxy_agent_id": ""}, {"hybrid_deployment_agent_id", "proxy_agent_id"}),
        ({"daily_sync_time": ""}, {"daily_sync_time"}),
        ({"networking_method": "", "data_delay_sensitivity": ""}, set()),
    ],
)
def test_an_empty_text_takes_away_what_can_be_none(given: dict[str, str], stored: set[str]) -> None:
    assert parse(ConnectionChange, given).stored() == dict.fromkeys(stored)


@pytest.mark.parametrize("field", ["sync_frequency", "data_delay_threshold"])
def test_true_is_no_number(field: str) -> None:
    with pytest.raises(InvalidSetting, match=rf"^{field}: must be a whole number\.$"):
        parse(ConnectionChange, {field: True})


def test_a_config_is_kept_in_the_forms_of_its_types() -> None:
    given = {"search_lag_minutes": "30", "reconciliation_hours": "12", "backward_sync_limit_date": None}
    kept = {"search_lag_minutes": 30, "reconciliation_hours": 12.0, "backward_sync_limit_date": None}
    assert checked_config(HUBSPOT, given) == kept


APP = {"client_id": "app", "client_secret": "secret"}
GRANTED = {"client_access": APP, "refresh_token": "granted"}


@pytest.mark.parametrize(
    ("stored", "given", "after"),
    [
        (GRANTED, {"refresh_token": "renewed"}, {**GRANTED, "refresh_token": "renewed"}),
        (
            GRANTED,
            {"client_access": {"client_secret": "new"}},
            {**GRANTED, "client_access": {**APP, "client_secret": "new"}},
        ),
        (GRANTED, {"client_access": APP, "refresh_token": None}, {"client_access": APP}),
        (GRANTED, {"access_token": "static"}, {"access_token": "static"}),
        ({"access_token": "static"}, GRANTED, GRANTED),
        ({"access_token": "static"}, {"access_token": "******"}, {"access_token": "static"}),
        ({}, GRANTED, GRANTED),
    ],
)
def test_what_is_not_given_of_credentials_stays(
    stored: dict[str, Any], given: dict[str, Any], after: dict[str, Any]
) -> None:
    assert changed_auth(HUBSPOT, stored, given) == after


def test_half_of_another_way_in_is_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"^auth: give either access_token, or refresh_token"):
        changed_auth(HUBSPOT, {"access_token": "static"}, {"refresh_token": "granted"})
