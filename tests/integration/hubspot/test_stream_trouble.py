"""What goes wrong between HubSpot and us costs time, or one stream, but never a row."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.mirror import LONG_AFTER, MirrorMaker, Waits, made_account

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault, FaultKind

TITLES = {"contacts": "lastname", "companies": "name", "deals": "dealname"}
LIST, SEARCH, BATCH = "/crm/objects/2026-03/contacts", "/contacts/search", "/contacts/batch/read"
ASSOCIATIONS, PROPERTIES, OWNERS = "/crm/associations/", "/crm/properties/", "/crm/owners"


def small(**options: Any) -> Account:
    return made_account(**{"contacts": 250, "companies": 20, "deals": 30, "properties": 15, **options})


@dataclass(frozen=True)
class Trouble:
    """Faults, and the waits they have to lead to: at least so long, once for each."""

    faults: tuple[Fault, ...]
    waited: tuple[float, ...] = ()
    held: tuple[str, ...] = ()


def at(path: str) -> dict[str, Any]:
    """A fault's place; the list's path is the beginning of others that are asked with POST."""
    return {"path": path, "method": "GET" if path in {LIST, PROPERTIES, OWNERS} else "POST"}


def status(code: int, path: str = LIST, **options: Any) -> Fault:
    return Fault(status=code, **at(path), **options)


def limited(policy: str, path: str, **options: Any) -> Fault:
    return Fault(status=429, policy=policy, **at(path), **options)


TROUBLES = {
    "ten-secondly limit": Trouble((limited("TEN_SECONDLY_ROLLING", LIST, times=3),), (1.0,) * 3, ("ten-secondly",) * 3),
    "ten-secondly limit without Retry-After": Trouble(
        (status(429, body={"policyName": "TEN_SECONDLY_ROLLING"}),), (10.0,), ("ten-secondly",)
    ),
    "search limit": Trouble((limited("SECONDLY", SEARCH, times=3),), (1.0,) * 3, ("search",) * 3),
    "search limit without Retry-After": Trouble((status(429, SEARCH, body={"policyName": "SECONDLY"}),), (1.0,), ("search",)),
    "a limit that does not say which": Trouble((status(429, ASSOCIATIONS, body="slow down"),), (10.0,), ("associations",)),
    "locked": Trouble((status(423, BATCH),), (2.0,)),
    "migration, soon over": Trouble((status(477, retry_after=7),), (7.0,)),
    "gateways": Trouble((status(502), status(503, SEARCH), status(504, ASSOCIATIONS), status(524, BATCH)), (0.3,) * 4),
    "a server that is down or out of reach": Trouble((status(521), status(523, OWNERS)), (0.3,) * 2),
    "a 401 to a good token": Trouble((status(401, times=2),), (0.3, 0.7)),
    "a 530 to a good token": Trouble((status(530, times=3),), (0.3, 0.7, 1.5)),
    "bad gateway for a while": Trouble((status(502, times=6),), (0.3, 0.7, 1.5, 3.0, 6.0, 12.0)),
    "internal errors with a body": Trouble((status(500), status(500, PROPERTIES), status(500, OWNERS)), (0.3,) * 3),
    "nonsense with status 200": Trouble((status(200, body="<html>maintenance</html>"), status(200, SEARCH, body=[1])), (0.3,) * 2),
    "an error with status 200": Trouble(
        tuple(status(200, path, body={"status": "error", "message": "internal error"}) for path in (LIST, BATCH, ASSOCIATIONS)),
        (0.3,) * 3,
    ),
    "cut off": Trouble(tuple(Fault(FaultKind.TRUNCATE, **at(p)) for p in (LIST, SEARCH, BATCH, ASSOCIATIONS)), (0.3,) * 4),
    "reset": Trouble(tuple(Fault(FaultKind.RESET, **at(p)) for p in (LIST, SEARCH, BATCH, ASSOCIATIONS)), (0.3,) * 4),
    "hanging": Trouble((Fault(FaultKind.HANG, **at(LIST), seconds=0.3), Fault(FaultKind.HANG, **at(SEARCH), seconds=0.3))),
    "slow": Trouble((Fault(FaultKind.SLOW, **at(LIST), seconds=0.5),)),
}  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_trouble_that_passes_is_waited_for(mirror: MirrorMaker, waits: Waits, trouble: Trouble) -> None:
    made = mirror(small())
    made.account.touch("contacts", 30)  # so that the historical sync reads by search and batch too
    for fault in trouble.faults:
        made.account.fault(fault)
    made.sync()
    made.assert_same()
    assert not made.account.faults._waiting, "a fault met no request"
    asked = sorted(wait for wait in waits.slept if wait >= 0.3)
    assert len(asked) == max(len(trouble.waited), len(asked) if not trouble.waited else 0)
    assert all(wait >= least for wait, least in zip(asked, sorted(trouble.waited), strict=False))
    assert tuple(policy for policy, _ in waits.held) == trouble.held


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch, waits: Waits
) -> None:
    monkeypatch.setattr("connectors.hubspot.transport.TIMEOUT", 0.5)
    made = mirror(small())
    made.account.fault(Fault(FaultKind.HANG, **at(LIST), seconds=60))
    made.account.fault(Fault(FaultKind.HANG, **at(ASSOCIATIONS), seconds=60))
    began = time.monotonic()
    made.sync()
    assert time.monotonic() - began < 30
    made.assert_same()


@pytest.mark.parametrize("seed", range(3))
def test_a_line_that_fails_now_and_then_loses_nothing(mirror: MirrorMaker, waits: Waits, seed: int) -> None:
    made = mirror(small(contacts=2500, fault_rate=0.08, seed=seed))
    made.sync()
    made.account.advance(LONG_AFTER)
    for object_type in ("contacts", "companies", "deals"):
        made.account.shuffle(object_type, seed=seed, updates=12, creates=2, archives=2, merges=2)
    made.sync()
    made.assert_same()


LASTING = {
    "refused": (status(400, times=99), "failed", "source_refused"),
    "not found": (status(404, times=99), "failed", "source_refused"),
    "gateway": (status(502, times=99), "failed", "source_unavailable"),
    "cut off": (Fault(FaultKind.TRUNCATE, **at(LIST), times=99), "failed", "source_unavailable"),
    "ten-secondly limit": (limited("TEN_SECONDLY_ROLLING", LIST, times=999), "failed", "source_unavailable"),
    "locked": (status(423, times=99), "failed", "source_unavailable"),
    "migration without an end in sight": (status(477, times=999), "failed", "source_unavailable"),
    "migration for an hour": (status(477, times=99, retry_after=3600), "rescheduled", "quota_spent"),
    "daily limit": (limited("DAILY", LIST, times=99), "rescheduled", "quota_spent"),
    "credentials": (status(401, times=999), "failed", "credentials_rejected"),
    "a 530 to a good token": (status(530, times=999), "failed", "source_unavailable"),
}  # fmt: skip


@pytest.mark.parametrize("lasting", LASTING.values(), ids=LASTING)
@pytest.mark.parametrize("skip", [0, 5], ids=["at the first page", "in the middle"])
def test_trouble_that_lasts_ends_the_sync_and_the_next_one_goes_on(
    mirror: MirrorMaker, waits: Waits, lasting: tuple[Fault, str, str], skip: int
) -> None:
    fault, outcome, code = lasting
    made = mirror(small(contacts=1500))
    made.account.fault(replace(fault, skip=skip))
    ended = made.sync(outcome)
    assert ended.error_code == code
    assert ended.error
    assert "Traceback" not in ended.error
    assert made.account.calls < 150
    if outcome == "rescheduled":
        assert ended.retry_at is not None
        assert ended.retry_at > datetime.now(UTC) + timedelta(seconds=50)
    made.account.clear_faults()
    made.sync()
    made.assert_same()


UNREACHABLE = {
    "a name that nobody knows": ("https://hubspot.invalid", "the name hubspot.invalid cannot be resolved"),
    "nobody listens": ("http://127.0.0.1:9", "127.0.0.1:9 takes no connections"),
    "no TLS": ("https://{}", "TLS with"),
}


@pytest.mark.parametrize(("url", "said"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_a_hubspot_that_cannot_be_reached_fails_the_sync_with_the_reason(
    mirror: MirrorMaker, waits: Waits, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    made = mirror(small())
    with monkeypatch.context() as patch:
        patch.setenv("PENSTOCK_HUBSPOT_API_URL", url.format(made.url.removeprefix("http://")))
        ended = made.sync("failed")
    assert ended.error_code == "source_unavailable"
    assert said in (ended.error or "")
    assert 35 < sum(waits.slept) < 70, "about a minute of tries, whatever the jitter"
    made.sync()
    made.assert_same()


def test_setup_tests_do_not_keep_a_person_waiting_for_a_hubspot_that_is_away(
    mirror: MirrorMaker, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = mirror(small())
    made.rig.connections.test(made.schema)
    with monkeypatch.context() as patch:
        patch.setenv("PENSTOCK_HUBSPOT_API_URL", "http://127.0.0.1:9")
        found = made.rig.connections.test(made.schema)
    assert "127.0.0.1:9 takes no connections" in found[0].message
    assert sum(waits.slept) < 10
    assert made.rig.connections.get(made.schema).setup_state == "connected"


@pytest.mark.parametrize(
    "category", [{"category": "INTERNAL_ERROR"}, {"category": "VALIDATION_ERROR"}, {}], ids=["hiccup", "final", "none"]
)
@pytest.mark.parametrize(("near", "far"), [("deals", "contacts"), ("contacts", "deals")])
def test_an_association_read_that_fails_for_one_record_says_nothing_about_it(
    mirror: MirrorMaker, waits: Waits, category: dict[str, str], near: str, far: str
) -> None:
    """In a multi-status answer a record without associations is an error; so is one that could not be looked up."""
    account = small()
    made = mirror(account)
    made.sync()
    account.advance(LONG_AFTER)
    record = next(record for record in account.ids(near) if account.neighbours(near, record, far))
    account.touch(near, [record])
    context = {"fromObjectId": [str(record)]}
    error = {"status": "error", "message": "There was a problem with this input.", "context": context, **category}
    body = {"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [error]}
    account.fault(Fault(status=207, path=f"{ASSOCIATIONS}2026-03/{near}/{far}", body=body))
    made.sync()
    made.assert_same()


REFUSALS = {
    "400, as one was archived while associations are paged": (
        Fault(
            status=400, path=f"{ASSOCIATIONS}2026-03/contacts/deals", body={"message": "There was a problem."}, skip=1
        ),
        {"association_page": 1},
    ),
    "404 for many records": (Fault(status=404, path=BATCH, body={"message": "resource not found"}), {}),
}


@pytest.mark.parametrize(("fault", "options"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_of_a_whole_batch_is_not_believed_at_once(
    mirror: MirrorMaker, waits: Waits, fault: Fault, options: dict[str, int]
) -> None:
    account = small(**options)
    made = mirror(account)
    made.sync()
    account.advance(LONG_AFTER)
    account.touch("contacts", 150)
    account.fault(replace(fault))
    made.sync()
    made.assert_same()


def test_a_batch_read_that_fails_for_one_record_is_tried_again(mirror: MirrorMaker, waits: Waits) -> None:
    account = small()
    made = mirror(account)
    made.sync()
    account.advance(LONG_AFTER)
    contact = account.ids("contacts")[5]
    account.update("contacts", contact, {"lastname": "changed"})
    error = {
        "status": "error",
        "category": "INTERNAL_ERROR",
        "message": "internal error",
        "context": {"ids": [str(contact)]},
    }
    body = {"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [error]}
    account.fault(Fault(status=207, path=BATCH, body=body))
    made.sync()
    made.assert_same()
