"""Whatever changes in the account is in the tables after the next sync, and nothing else is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support.mirror import LONG_AFTER, Mirror, MirrorMaker, made_account

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.faults import Fault
from connectors.hubspot.sandbox.links import (
    BILLING_CONTACT,
    CONTACT_COMPANY_PRIMARY,
    DEAL_COMPANY_PRIMARY,
)

TYPES = ("contacts", "companies", "deals")
TITLES = {"contacts": "lastname", "companies": "name", "deals": "dealname"}


@dataclass
class World:
    """An account with the ids of some of its records."""

    account: Account
    contacts: list[int]
    companies: list[int]
    deals: list[int]

    def ids(self, object_type: str) -> list[int]:
        found: list[int] = getattr(self, object_type)
        return found

    def touch(self, object_type: str, record_id: int) -> None:
        """Modify a record."""
        self.account.update(object_type, record_id, {TITLES[object_type]: "touched"})

    def partner(self, from_type: str, record_id: int, to_type: str) -> int:
        """A record that this one is associated with."""
        return next(iter(self.account.neighbours(from_type, record_id, to_type)))

    def stranger(self, from_type: str, record_id: int, to_type: str) -> int:
        """A record that this one is not associated with."""
        known = self.account.neighbours(from_type, record_id, to_type)
        return next(other for other in self.ids(to_type) if other not in known)


def world(account: Account) -> World:
    return World(account, *(account.ids(object_type) for object_type in TYPES))


def small() -> Account:
    return made_account(contacts=60, companies=12, deals=20, properties=20, association_page=3)


@pytest.fixture
def synced(mirror: MirrorMaker) -> tuple[Mirror, World]:
    """Both sides equal, and a while later."""
    account = small()
    found = world(account)
    for object_type in TYPES:
        account.create(object_type)  # alone, and the newest: what was modified last is read again each time
    made = mirror(account)
    made.sync()
    account.advance(LONG_AFTER)
    return made, found


Change = Callable[[World], object]


def updated(object_type: str) -> Change:
    return lambda w: w.touch(object_type, w.ids(object_type)[3])


def created(object_type: str) -> Change:
    return lambda w: w.account.create(object_type, {TITLES[object_type]: "new"})


def archived(object_type: str) -> Change:
    return lambda w: w.account.archive(object_type, w.ids(object_type)[3])


def merged(object_type: str) -> Change:
    return lambda w: w.account.merge(object_type, *w.ids(object_type)[3:5])


def merged_twice(object_type: str) -> Change:
    def change(w: World) -> None:
        first = w.account.merge(object_type, *w.ids(object_type)[3:5])
        w.account.merge(object_type, w.ids(object_type)[5], first)

    return change


def merged_then_archived(object_type: str) -> Change:
    return lambda w: w.account.archive(object_type, w.account.merge(object_type, *w.ids(object_type)[3:5]))


def associated(near: str, far: str, touched: str) -> Change:
    def change(w: World) -> None:
        one = w.ids(near)[0]
        other = w.stranger(near, one, far)
        w.account.associate(near, one, far, other)
        w.touch(touched, one if touched == near else other)

    return change


def dissociated(near: str, far: str, touched: str) -> Change:
    def change(w: World) -> None:
        one = w.ids(near)[1]
        other = w.partner(near, one, far)
        w.account.dissociate(near, one, far, other)
        w.touch(touched, one if touched == near else other)

    return change


def labelled(near: str, far: str, touched: str) -> Change:
    def change(w: World) -> None:
        one = w.ids(near)[2]
        other = w.partner(near, one, far)
        there, _ = w.account.define_label(near, far, "Evaluator", "Evaluates")
        w.account.associate(near, one, far, other, there)
        w.touch(touched, one if touched == near else other)

    return change


def unlabelled(touched: str) -> Change:
    def change(w: World) -> None:
        one = next(
            contact
            for contact in w.contacts
            for types in w.account.neighbours("contacts", contact, "companies").values()
            if BILLING_CONTACT in types
        )
        other = w.partner("contacts", one, "companies")
        w.account.dissociate("contacts", one, "companies", other, BILLING_CONTACT)
        w.touch(touched, one if touched == "contacts" else other)

    return change


def another_primary(near: str, primary: int, touched: str) -> Change:
    def change(w: World) -> None:
        one = w.ids(near)[0]
        before, after = w.partner(near, one, "companies"), w.stranger(near, one, "companies")
        w.account.associate(near, one, "companies", after, primary)
        for company in (before, after) if touched == "companies" else ():
            w.touch("companies", company)
        if touched == near:
            w.touch(near, one)

    return change


ENDS = [("deals", "companies"), ("deals", "contacts"), ("contacts", "companies")]
CHANGES: dict[str, Change] = {
    **{
        f"{object_type} {change.__name__}": change(object_type)
        for object_type in TYPES
        for change in (updated, created, archived, merged, merged_twice, merged_then_archived)
    },
    **{
        f"{near}-{far} {change.__name__}, {touched} touched": change(near, far, touched)
        for near, far in ENDS
        for change in (associated, dissociated, labelled)
        for touched in (near, far)
    },
    **{f"label taken away, {touched} touched": unlabelled(touched) for touched in ("contacts", "companies")},
    **{
        f"{near} with another primary company, {touched} touched": another_primary(near, primary, touched)
        for near, primary in (("contacts", CONTACT_COMPANY_PRIMARY), ("deals", DEAL_COMPANY_PRIMARY))
        for touched in (near, "companies")
    },
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_arrives_with_the_next_sync(synced: tuple[Mirror, World], change: Change) -> None:
    mirror, account = synced
    change(account)
    mirror.sync()
    mirror.assert_same()


def test_a_sync_of_an_unchanged_account_writes_nothing(mirror: MirrorMaker) -> None:
    account = small()
    account.touch("contacts", 40)
    account.archive("deals", account.ids("deals")[0])
    account.merge("companies", *account.ids("companies")[:2])
    made = mirror(account)
    made.sync()
    made.assert_same()
    for _ in range(2):
        loaded = made.sync().progress.loaded
        assert (loaded.inserted, loaded.updated, loaded.deleted) == (0, 0, 0)


@pytest.mark.parametrize("object_type", TYPES)
def test_a_restored_record_is_alive_again_once_it_is_modified(mirror: MirrorMaker, object_type: str) -> None:
    made = mirror(small())
    account = made.account
    record_id = account.ids(object_type)[3]
    account.archive(object_type, record_id)
    made.sync()
    made.assert_same()
    account.advance(LONG_AFTER)
    account.restore(object_type, record_id)
    account.update(object_type, record_id, {TITLES[object_type]: "back"})
    made.sync()
    made.assert_same()


def test_an_association_comes_back_with_the_record_at_its_other_end(synced: tuple[Mirror, World]) -> None:
    mirror, w = synced
    deal = w.deals[0]
    contact = w.partner("deals", deal, "contacts")
    w.account.archive("contacts", contact)
    mirror.sync()
    assert all(row["_fivetran_deleted"] for row in mirror.rows("deal_contact", "contact_id = %s", contact))
    mirror.assert_same()
    w.account.advance(LONG_AFTER)
    w.account.restore("contacts", contact)
    w.touch("contacts", contact)
    mirror.sync()
    mirror.assert_same()


def test_what_was_merged_into_what_is_told_for_deals(synced: tuple[Mirror, World]) -> None:
    mirror, w = synced
    one, other, third = w.deals[:3]
    winner = w.account.merge("deals", one, other)
    mirror.sync()
    last = w.account.merge("deals", winner, third)
    mirror.sync()
    merges = {(row["deal_id"], row["merged_deal_id"]) for row in mirror.rows("merged_deal")}
    assert {(winner, one), (winner, other), (last, winner), (last, third), (last, one), (last, other)} == merges
    mirror.assert_same()


def test_a_modification_that_search_shows_late_still_arrives(synced: tuple[Mirror, World]) -> None:
    """The index shows a change that is older than the newest one it has shown before."""
    mirror, w = synced
    w.touch("contacts", w.contacts[0])
    mirror.sync()
    w.account.advance(-300)
    w.touch("contacts", w.contacts[1])
    w.account.advance(300)
    mirror.sync()
    mirror.assert_same()


@pytest.mark.parametrize("days", [0, 3, -3])
def test_a_change_is_paid_for_once_where_our_clock_is_wrong(mirror: MirrorMaker, days: int) -> None:
    account = Account(contacts=30, companies=0, deals=0, properties=10)
    account.advance(days * 86400)
    made = mirror(account)
    made.sync()
    account.advance(LONG_AFTER)
    account.update("contacts", account.ids("contacts")[0], {"lastname": "changed"})
    account.advance(1)
    made.sync()
    asked = made.requests()
    made.sync()
    assert [path for path in asked if "batch/read" in path and "associations" not in path] == []
    made.assert_same()


def test_a_modification_in_the_future_hides_none_that_come_before_it(mirror: MirrorMaker) -> None:
    account = Account(contacts=30, companies=0, deals=0, properties=10)
    year = 365 * 86400
    account.advance(year)
    account.touch("contacts", [account.ids("contacts")[0]])
    account.store("contacts").index.settle(account.clock.now())
    account.advance(-year)
    made = mirror(account)
    for contact in account.ids("contacts")[1:3]:
        made.sync()
        account.update("contacts", contact, {"lastname": "later, and yet before"})
    made.sync()
    made.assert_same()


def test_nothing_is_lost_to_an_index_that_lags(mirror: MirrorMaker) -> None:
    account = small()
    made = mirror(account)
    account.configure(index_lag=30)
    contacts, deals = account.ids("contacts"), account.ids("deals")
    account.update("contacts", contacts[0], {"lastname": "before the first sync"})
    made.sync()
    for round_ in range(4):
        account.advance(17)
        account.update("contacts", contacts[round_], {"lastname": f"round {round_}"})
        account.update("deals", deals[round_], {"dealname": f"round {round_}"})
        account.create("companies", {"name": f"round {round_}"})
        made.sync()
    account.advance(31)
    made.sync()
    made.assert_same()


def test_more_than_ten_thousand_records_of_one_millisecond_arrive(mirror: MirrorMaker) -> None:
    made = mirror(made_account(contacts=10_700, companies=0, deals=0, properties=10))
    account = made.account
    made.sync()
    account.advance(LONG_AFTER)
    account.touch("contacts", 10_450)
    account.advance(0.001)
    account.update("contacts", account.ids("contacts")[-1], {"lastname": "a little later"})
    ended = made.sync()
    assert ended.progress.loaded.updated == 10_451
    made.assert_same()


@pytest.mark.parametrize("setting", ["short_pages", "out_of_order", "lexicographic_ids"])
def test_ties_and_changes_survive_strange_search_pages(mirror: MirrorMaker, setting: str) -> None:
    made = mirror(made_account(contacts=900, companies=10, deals=10, properties=10, sparse_ids=False))
    account = made.account
    account.configure(**{setting: True})
    made.sync()
    made.assert_same()
    account.advance(LONG_AFTER)
    account.touch("contacts", 450)
    account.advance(1)
    for contact in account.ids("contacts")[400:420]:
        account.update("contacts", contact, {"lastname": "one by one"})
        account.advance(0.002)
    account.touch("contacts", account.ids("contacts")[600:850])
    made.sync()
    made.assert_same()


@pytest.mark.parametrize("seed", range(4))
def test_changes_while_a_sync_runs_are_there_after_the_next_one(
    mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Between any two requests records are modified, created, archived and merged."""
    made = mirror(made_account(contacts=1500, companies=60, deals=90, properties=15, association_page=7))
    account = made.account
    rng, real = random.Random(seed), account.faults.next

    def disturb(method: str, path: str) -> Fault | None:
        if rng.random() < 0.5:
            changes = dict.fromkeys(rng.sample(("updates", "creates", "archives", "merges"), 2), 1)
            account.shuffle(rng.choice(TYPES), seed=rng.randrange(10**9), **changes)
            account.advance(rng.random())
        return real(method, path)

    with monkeypatch.context() as patch:
        patch.setattr(account.faults, "next", disturb)
        made.sync()  # the historical read
        account.advance(LONG_AFTER)
        account.shuffle("contacts", seed=seed, updates=300)
        made.sync()
    made.sync()
    made.assert_same()
