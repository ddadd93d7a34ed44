"""A person with a Connect Card, in a real browser, against the sandbox HubSpot's consent page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from support.card import Stage

from connectors.hubspot.sandbox.faults import Fault, FaultKind

Open = Callable[..., Page]

HUBSPOT = re.compile("HubSpot$")
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


def to_hubspot(page: Page) -> None:
    page.get_by_role("button", name=HUBSPOT).click()
    expect(page.get_by_role("button", name="Connect app")).to_be_visible()


def grant(page: Page) -> None:
    to_hubspot(page)
    page.get_by_role("button", name="Connect app").click()


def headline(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def lacking(path: str, scope: str) -> Fault:
    body = {"category": "MISSING_SCOPES", "errors": [{"context": {"requiredGranularScopes": [scope]}}]}
    return Fault(FaultKind.STATUS, times=100, status=403, path=path, body=body)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_person_connects_an_account_and_goes_back_to_the_site(stage: Stage, visit: Open, *, javascript: bool) -> None:
    made = stage.create()
    page = visit(made["connect_card"]["uri"], java_script_enabled=javascript)
    expect(page.get_by_role("heading", name="What will be read")).to_be_visible()
    for title in ("Contacts", "Companies", "Deals", "Owners"):
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    stage.hubspot.fault(Fault(FaultKind.LATENCY, times=5, seconds=0.4, path="/crm/"))
    grant(page)
    headline(page, "Testing the connection …")
    expect(page.get_by_role("listitem").first).to_contain_text("Connecting to HubSpot")
    headline(page, "HubSpot is connected")
    read = [f"Passed: Reading {kind}" for kind in ("contacts", "companies", "deals", "owners")]
    expect(page.get_by_role("listitem")).to_contain_text(["Passed: Connecting to HubSpot", *read])
    assert stage.stored().setup_state == "connected"
    with page.expect_request(lambda request: ":9/" in request.url) as left:
        pass  # by itself, in a moment
    assert left.value.url == f"http://127.0.0.1:9/back?from=card&id={made['id']}&outcome=connected"
    assert "auth=" not in str(left.value.headers)


def test_an_account_is_connected_with_the_keyboard_alone(stage: Stage, visit: Open) -> None:
    page = visit(stage.card())
    focused: list[str] = []
    for _ in range(3):
        page.keyboard.press("Tab")
        focused.append(str(page.evaluate("document.activeElement.textContent.trim()")))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", f"nobody sees that {focused[-1]} has the focus"
    assert focused == ["Continue to HubSpot", "Cancel and go back to 127.0.0.1", "Tables and scopes"]
    page.keyboard.press("Enter")
    expect(page.get_by_text("crm.objects.deals.read")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Connect app")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    headline(page, "HubSpot is connected")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Go on to 127.0.0.1"


def measured(page: Page, script: str) -> float:
    """What a script finds on a page, whose text can be seen before its style sheet is there."""
    page.wait_for_load_state()
    found: float = page.evaluate(script)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(stage: Stage, visit: Open, scheme: str) -> None:
    long = "https://a-rather-long-name-of-a-department.a-rather-long-name-of-a-company.example.com/back"
    uri = stage.card(schema="a" * 63, connect_card_config={"redirect_uri": long})
    page = visit(uri, color_scheme=scheme, **PHONE)

    def fits() -> None:
        width = measured(page, "document.documentElement.scrollWidth")
        assert width == 360, f"{page.title()} is {width} pixels wide"

    fits()
    page.get_by_text("Tables and scopes").click()
    fits()
    to_hubspot(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_be_visible()
    fits()
    to_hubspot(page)
    stage.hubspot.fault(lacking("/deals", "crm.objects.deals.read"))
    page.get_by_role("button", name="Connect app").click()
    headline(page, "HubSpot is connected in part")
    fits()
    page.goto(f"{uri}x")
    headline(page, "There is nothing here")
    fits()


def test_colours_can_be_told_from_their_ground(stage: Stage, visit: Open) -> None:
    """The ratio of WCAG's level AA, of every text on the page, light and dark."""
    for scheme in ("light", "dark"):
        page = visit(stage.card(schema=scheme), color_scheme=scheme)
        to_hubspot(page)
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert measured(page, LOWEST_CONTRAST) >= 4.5


LOWEST_CONTRAST = """() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (; element; element = element.parentElement) {
      const colour = channels(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const ratio = element => {
    const [a, b] = [light(channels(getComputedStyle(element).color)), light(ground(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const written = [...document.body.querySelectorAll("*")]
    .filter(e => [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.textContent.trim()));
  return Math.min(...written.map(ratio));
}"""


def test_a_person_who_refuses_can_try_again_or_go_back(stage: Stage, visit: Open) -> None:
    made = stage.create()
    page = visit(made["connect_card"]["uri"])
    to_hubspot(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("Access was not given")
    back = page.get_by_role("link", name="Back to 127.0.0.1").get_attribute("href")
    assert back == f"http://127.0.0.1:9/back?from=card&id={made['id']}&outcome=refused"
    assert (stage.stored().auth, stage.stored().setup_state) == (None, "incomplete")
    grant(page)
    headline(page, "HubSpot is connected")


def test_a_missing_scope_is_told_and_can_be_added(stage: Stage, visit: Open) -> None:
    page = visit(stage.card())
    to_hubspot(page)
    stage.hubspot.fault(lacking("/deals", "crm.objects.deals.read"))
    page.get_by_role("button", name="Connect app").click()
    headline(page, "HubSpot is connected in part")
    expect(page.get_by_role("listitem").filter(has_text="Reading deals")).to_contain_text("crm.objects.deals.read")
    assert "outcome=limited" in str(page.get_by_role("link", name="Go on to").get_attribute("href"))
    assert stage.stored().setup_state == "connected"
    stage.hubspot.clear_faults()
    grant(page)
    headline(page, "HubSpot is connected")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(FaultKind.RESET, path="/token"), "HubSpot gave no answer: the connection broke off."),
        (Fault(FaultKind.STATUS, path="/token", status=502), "HubSpot answered with HTTP 502 and no token."),
        (
            Fault(
                FaultKind.STATUS, path="/token", status=400, body={"status": "EXPIRED_AUTH_CODE", "message": "too old"}
            ),
            "(EXPIRED_AUTH_CODE: too old). Start again",
        ),
        (
            Fault(FaultKind.STATUS, path="/token", status=400, body={"status": "BAD_CLIENT_SECRET"}),
            "The app's client secret is wrong: whoever runs Penstock has to correct it.",
        ),
    ],
)
def test_a_code_that_is_not_exchanged_is_told_and_can_be_asked_for_again(
    stage: Stage, visit: Open, fault: Fault, told: str
) -> None:
    page = visit(stage.card())
    to_hubspot(page)
    stage.hubspot.fault(fault)
    page.get_by_role("button", name="Connect app").click()
    expect(page.get_by_role("alert")).to_contain_text(told)
    assert "code=" not in page.url
    assert stage.stored().auth is None
    grant(page)
    headline(page, "HubSpot is connected")


def test_going_back_to_consent_a_second_time_does_no_harm(stage: Stage, visit: Open) -> None:
    page = visit(stage.card())
    grant(page)
    headline(page, "HubSpot is connected")
    auth = stage.stored().auth
    page.go_back()
    page.get_by_role("button", name="Connect app").click()
    headline(page, "HubSpot is connected")
    assert stage.stored().auth == auth


def test_an_expired_card_says_so(stage: Stage, visit: Open) -> None:
    uri = stage.card()
    with stage.database.transaction() as changing:
        changing.exec_driver_sql("UPDATE penstock.connect_cards SET expires_at = now() - interval '1 minute'")
    page = visit(uri)
    headline(page, "This link has expired")
    expect(page.get_by_text("Ask whoever gave you the link for a new one.")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)


def test_a_card_that_expires_on_the_way_says_so(stage: Stage, visit: Open) -> None:
    page = visit(stage.card())
    to_hubspot(page)
    with stage.database.transaction() as changing:
        changing.exec_driver_sql("UPDATE penstock.connect_cards SET expires_at = now() - interval '1 minute'")
    page.get_by_role("button", name="Connect app").click()
    headline(page, "This link has expired")
    assert stage.stored().auth is None
