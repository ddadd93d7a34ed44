"""The properties of contacts, sixty of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping

from connectors.hubspot.sandbox.data import words
from connectors.hubspot.sandbox.properties import (
    Cycle,
    Property,
    boolean,
    calendar_day,
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


def _plain(name: str | None) -> str:
    letters = unicodedata.normalize("NFKD", name or "info").encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in letters if letter.isalpha())


def _email(cycles: Mapping[str, Cycle]) -> Callable[[int], str]:
    firsts = [_plain(name) for name in cycles["firstname"]]
    lasts = [_plain(name) for name in cycles["lastname"]]
    domains = words.DOMAINS
    return lambda n: f"{firsts[n % len(firsts)]}.{lasts[n % len(lasts)]}.{n}@{domains[n % len(domains)]}"


def _phone(_: Mapping[str, Cycle]) -> Callable[[int], str]:
    return lambda n: f"+1 555 {n * 7919 % 10_000_000:07d}"


PROPERTIES: tuple[Property, ...] = (
    datetime("createdate", "Create Date", None, read_only=True),
    datetime("lastmodifieddate", "Last Modified Date", None, read_only=True),
    number("hs_object_id", "Record ID", read_only=True),
    datetime("hs_lastmodifieddate", "Object last modified date/time", None, read_only=True),
    text("hs_merged_object_ids", "Merged Contact IDs", read_only=True),
    text("hs_calculated_merged_vids", "Merged vids with timestamps", calculated=True, read_only=True),
    text("email", "Email", own=_email, unique=True),
    text("firstname", "First Name", one_of((*words.FIRST_NAMES, ""))),
    text("lastname", "Last Name", one_of((*words.LAST_NAMES, None))),
    Property("phone", "Phone Number", "phone_number", "phonenumber", own=_phone),
    text("company", "Company Name", sparse(one_of(words.COMPANY_NAMES))),
    text("jobtitle", "Job Title", sparse(one_of(words.JOBS))),
    number("annualrevenue", "Annual Revenue", sparse(decimal(10_000, 9_000_000), filled=0.3)),
    datetime("first_conversion_date", "First Conversion Date", sparse(moment, filled=0.4)),
    choice("lifecyclestage", "Lifecycle Stage", words.STAGES, one_of(words.STAGES)),
    choice("hs_lead_status", "Lead Status", words.LEAD_STATUSES),
    choice("hubspot_owner_id", "Contact Owner", words.OWNER_IDS),
    datetime("hubspot_owner_assigneddate", "Owner Assigned Date", sparse(moment)),
    text("address", "Street Address", one_of((*words.STREETS, None))),
    text("city", "City", one_of(words.CITIES), together="place"),
    text("state", "State/Region", one_of(words.STATES), together="place"),
    text("country", "Country/Region", one_of(words.COUNTRIES), together="place"),
    text("zip", "Postal Code", one_of(words.POSTCODES), together="place"),
    Property("mobilephone", "Mobile Phone Number", "phone_number", "phonenumber"),
    text("website", "Website URL", sparse(one_of([f"https://www.{domain}" for domain in words.DOMAINS]), filled=0.3)),
    text("salutation", "Salutation", sparse(one_of(("Ms", "Mr", "Dr", "Mx")), filled=0.2)),
    text("twitterhandle", "Twitter Username"),
    date("date_of_birth", "Date of birth", sparse(calendar_day, filled=0.2)),
    Property("message", "Message", "string", "textarea", draw=sparse(one_of(words.SENTENCES), filled=0.2)),
    text("hs_email_domain", "Email Domain", one_of(words.DOMAINS), calculated=True),
    boolean("hs_email_optout", "Unsubscribed from all email"),
    number("hs_email_open", "Marketing emails opened", sparse(whole(0, 400))),
    number("hs_email_click", "Marketing emails clicked", sparse(whole(0, 90))),
    number("hs_email_bounce", "Marketing emails bounced", sparse(whole(0, 5), filled=0.2)),
    datetime("hs_email_last_send_date", "Last marketing email send date", sparse(moment)),
    datetime("hs_email_last_open_date", "Last marketing email open date", sparse(moment, filled=0.4)),
    choice("hs_analytics_source", "Original Traffic Source", words.SOURCES, one_of(words.SOURCES)),
    text("hs_analytics_source_data_1", "Original Traffic Source Drill-Down 1", sparse(one_of(words.TRADES))),
    text("hs_analytics_source_data_2", "Original Traffic Source Drill-Down 2"),
    number("hs_analytics_num_visits", "Number of Sessions", whole(0, 120)),
    number("hs_analytics_num_page_views", "Number of Pageviews", whole(0, 900)),
    datetime("hs_analytics_first_timestamp", "Time First Seen", moment),
    datetime("hs_analytics_last_timestamp", "Time Last Seen", sparse(moment)),
    text(
        "hs_analytics_first_url",
        "First Page Seen",
        sparse(one_of([f"https://{d}/pricing?ref=a&b=%20" for d in words.DOMAINS])),
    ),
    number("num_notes", "Number of Sales Activities", sparse(whole(0, 60), filled=0.5)),
    number("num_contacted_notes", "Number of times contacted", sparse(whole(0, 40), filled=0.5)),
    datetime("notes_last_contacted", "Last Contacted", sparse(moment, filled=0.4)),
    datetime("notes_last_updated", "Last Activity Date", sparse(moment, filled=0.5)),
    datetime("notes_next_activity_date", "Next Activity Date", sparse(moment, filled=0.1)),
    number("num_associated_deals", "Number of Associated Deals", sparse(whole(0, 6), filled=0.3), calculated=True),
    number("total_revenue", "Total Revenue", sparse(decimal(100, 90_000), filled=0.2), calculated=True),
    number("recent_deal_amount", "Recent Deal Amount", sparse(decimal(100, 90_000), filled=0.2), calculated=True),
    datetime("recent_deal_close_date", "Recent Deal Close Date", sparse(moment, filled=0.2), calculated=True),
    number("hubspotscore", "HubSpot Score", whole(0, 100), calculated=True),
    number("hs_predictivecontactscore_v2", "Likelihood to close", decimal(0, 1), calculated=True),
    number("num_conversion_events", "Number of Form Submissions", whole(0, 9), calculated=True),
    text("recent_conversion_event_name", "Recent Conversion", sparse(one_of(words.TRADES), filled=0.3)),
    boolean("hs_is_unworked", "Contact unworked", calculated=True),
    choice("hs_language", "Preferred language", ("en", "de", "fr", "es", "ja", "pt-br")),
    choice("hs_marketable_status", "Marketing contact status", ("true", "false")),
)
