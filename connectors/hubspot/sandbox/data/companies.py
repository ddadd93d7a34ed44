"""The properties of companies."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.hubspot.sandbox.data import words
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


def _name(_: Mapping[str, Cycle]) -> Callable[[int], str]:
    names, trades = words.COMPANY_NAMES, words.TRADES
    return lambda n: f"{names[n % len(names)]} {trades[n // len(names) % len(trades)]} {n}"


def _domain(_: Mapping[str, Cycle]) -> Callable[[int], str]:
    return lambda n: f"company-{n}.example"


PROPERTIES: tuple[Property, ...] = (
    datetime("createdate", "Create Date", None, read_only=True),
    datetime("hs_lastmodifieddate", "Last Modified Date", None, read_only=True),
    number("hs_object_id", "Record ID", read_only=True),
    text("hs_merged_object_ids", "Merged Company IDs", read_only=True),
    text("name", "Company name", own=_name),
    text("domain", "Company Domain Name", own=_domain),
    Property("description", "Description", "string", "textarea", draw=sparse(one_of(words.SENTENCES), filled=0.4)),
    choice("industry", "Industry", words.INDUSTRIES),
    text("address", "Street Address", one_of((*words.STREETS, None))),
    text("address2", "Street Address 2", sparse(one_of(("Floor 2", "Suite 40", "c/o Reception")), filled=0.2)),
    text("city", "City", one_of(words.CITIES), together="place"),
    text("state", "State/Region", one_of(words.STATES), together="place"),
    text("country", "Country/Region", one_of(words.COUNTRIES), together="place"),
    text("zip", "Postal Code", one_of(words.POSTCODES), together="place"),
    Property(
        "phone", "Phone Number", "phone_number", "phonenumber", draw=sparse(one_of(("+49 30 5550101", "020 7946 0999")))
    ),
    text("website", "Website URL", sparse(one_of([f"www.{domain}" for domain in words.DOMAINS]))),
    number("annualrevenue", "Annual Revenue", sparse(decimal(100_000, 900_000_000))),
    number("numberofemployees", "Number of Employees", sparse(whole(1, 20_000))),
    choice("lifecyclestage", "Lifecycle Stage", words.STAGES, one_of(words.STAGES)),
    choice("type", "Type", ("PROSPECT", "PARTNER", "RESELLER", "VENDOR", "OTHER")),
    choice("hubspot_owner_id", "Company owner", words.OWNER_IDS),
    datetime("hubspot_owner_assigneddate", "Owner Assigned Date", sparse(moment)),
    text("hs_parent_company_id", "Parent Company"),
    boolean("is_public", "Is Public", sparse(one_of(("true", "false")))),
    text("founded_year", "Year Founded", sparse(whole(1900, 2025))),
    text("timezone", "Time Zone", sparse(one_of(("America/New_York", "Europe/Berlin", "Asia/Tokyo")))),
    text("linkedinbio", "LinkedIn Bio"),
    number("num_associated_contacts", "Number of Associated Contacts", whole(0, 40), calculated=True),
    number("num_associated_deals", "Number of Associated Deals", sparse(whole(0, 12)), calculated=True),
    number("hs_num_open_deals", "Number of open deals", whole(0, 4), calculated=True),
    number("total_revenue", "Total Revenue", sparse(decimal(100, 2_000_000), filled=0.3), calculated=True),
    number("recent_deal_amount", "Recent Deal Amount", sparse(decimal(100, 200_000), filled=0.3), calculated=True),
    datetime("recent_deal_close_date", "Recent Deal Close Date", sparse(moment, filled=0.3), calculated=True),
    datetime("notes_last_contacted", "Last Contacted", sparse(moment, filled=0.4)),
    datetime("notes_last_updated", "Last Activity Date", sparse(moment, filled=0.5)),
    number("num_notes", "Number of Sales Activities", sparse(whole(0, 90))),
    choice("hs_analytics_source", "Original Traffic Source", words.SOURCES, one_of(words.SOURCES)),
    datetime("hs_analytics_first_timestamp", "Time First Seen", sparse(moment)),
    boolean("hs_is_target_account", "Target Account", sparse(one_of(("true", "false")), filled=0.3)),
    date("contract_renewal_date", "Contract renewal", custom=True),
)
