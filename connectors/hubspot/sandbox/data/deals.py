"""The properties of deals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.hubspot.sandbox.data import words
from connectors.hubspot.sandbox.data.pipelines import PIPELINES
from connectors.hubspot.sandbox.properties import (
    Cycle,
    Property,
    boolean,
    choice,
    date,
    datetime,
    decimal,
    moment,
    number,
    one_of,
    sparse,
    text,
    whole,
)

_STAGES = [(pipeline, stage) for (pipeline, _), stages in PIPELINES.items() for stage in stages]


def _word(value: bool) -> str:
    return "true" if value else "false"


def _name(_: Mapping[str, Cycle]) -> Callable[[int], str]:
    names, trades = words.COMPANY_NAMES, words.TRADES
    return lambda n: f"{names[n % len(names)]} - {trades[n % len(trades)]} #{n}"


PROPERTIES: tuple[Property, ...] = (
    datetime("createdate", "Create Date", None, read_only=True),
    datetime("hs_lastmodifieddate", "Last Modified Date", None, read_only=True),
    number("hs_object_id", "Record ID", read_only=True),
    text("hs_merged_object_ids", "Merged Deal IDs", read_only=True),
    text("dealname", "Deal Name", own=_name),
    number("amount", "Amount", sparse(decimal(100, 250_000), filled=0.8)),
    date("closedate_day", "Close day", custom=True),
    datetime("closedate", "Close Date", sparse(moment, filled=0.9, cleared=0.0)),
    choice(
        "pipeline",
        "Pipeline",
        [pipeline for pipeline, _ in PIPELINES],
        one_of([pipeline for pipeline, _ in _STAGES]),
        together="stage",
    ),
    choice(
        "dealstage",
        "Deal Stage",
        [stage.id for _, stage in _STAGES],
        one_of([stage.id for _, stage in _STAGES]),
        together="stage",
    ),
    number(
        "hs_deal_stage_probability",
        "Deal probability",
        one_of([stage.probability for _, stage in _STAGES]),
        together="stage",
        calculated=True,
    ),
    boolean(
        "hs_is_closed",
        "Is Deal Closed?",
        one_of([_word(s.closed) for _, s in _STAGES]),
        together="stage",
        calculated=True,
    ),
    boolean(
        "hs_is_closed_won",
        "Is Closed Won",
        one_of([_word(s.probability == "1.0") for _, s in _STAGES]),
        together="stage",
        calculated=True,
    ),
    choice("dealtype", "Deal Type", ("newbusiness", "existingbusiness")),
    Property("description", "Deal Description", "string", "textarea", draw=sparse(one_of(words.SENTENCES), filled=0.4)),
    choice("hubspot_owner_id", "Deal owner", words.OWNER_IDS),
    datetime("hubspot_owner_assigneddate", "Owner Assigned Date", sparse(moment)),
    number("hs_projected_amount", "Weighted amount", sparse(decimal(100, 200_000)), calculated=True),
    number("hs_arr", "Annual recurring revenue", sparse(decimal(100, 90_000), filled=0.3), calculated=True),
    number("hs_mrr", "Monthly recurring revenue", sparse(decimal(10, 9_000), filled=0.3), calculated=True),
    number("hs_tcv", "Total contract value", sparse(decimal(100, 900_000), filled=0.3), calculated=True),
    text("deal_currency_code", "Currency", one_of(("USD", "EUR", None))),
    choice("hs_priority", "Priority", ("low", "medium", "high")),
    choice("hs_analytics_source", "Original Traffic Source", words.SOURCES, one_of(words.SOURCES)),
    number("num_associated_contacts", "Number of Associated Contacts", whole(0, 3), calculated=True),
    number("num_notes", "Number of Sales Activities", sparse(whole(0, 50))),
    datetime("notes_last_contacted", "Last Contacted", sparse(moment, filled=0.4)),
    datetime("notes_last_updated", "Last Activity Date", sparse(moment, filled=0.5)),
    datetime(
        "hs_v2_date_entered_appointmentscheduled", "Date entered Appointment Scheduled", sparse(moment), calculated=True
    ),
    datetime("hs_v2_date_entered_closedwon", "Date entered Closed Won", sparse(moment, filled=0.2), calculated=True),
    number("days_to_close", "Days to close", sparse(whole(0, 300)), calculated=True),
    text("closed_won_reason", "Closed Won Reason", sparse(one_of(words.SENTENCES), filled=0.1)),
    text("closed_lost_reason", "Closed Lost Reason", sparse(one_of(words.SENTENCES), filled=0.1)),
    text("hs_next_step", "Next step", sparse(one_of(words.SENTENCES), filled=0.2)),
    choice("hs_manual_forecast_category", "Forecast category", ("OMIT", "PIPELINE", "BEST_CASE", "COMMIT", "CLOSED")),
    number("hs_forecast_amount", "Forecast amount", sparse(decimal(100, 200_000)), calculated=True),
    date("hs_line_item_global_term_hs_recurring_billing_start_date", "Billing start date", read_only=True),
    boolean(
        "hs_line_item_global_term_hs_recurring_billing_start_date_enabled", "Billing start date enabled", read_only=True
    ),
)
