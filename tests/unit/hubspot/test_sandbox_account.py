"""The account and the ways to change it, called as tests call them."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime

import pytest
from support.sandbox_history import change_something

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.http import Refused

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def account() -> Account:
    return Account(contacts=50, companies=10, deals=20, until=UNTIL)


def value(account: Account, object_type: str, record_id: int, name: str) -> str | None:
    record = account.get(object_type, record_id)
    assert record is not None
    found: str | None = record["properties"][name]
    return found


def test_the_same_seed_gives_the_same_account() -> None:
    def told(seed: int) -> list[bytes]:
        return list(Account(contacts=40, seed=seed, until=UNTIL).truth("contacts"))

    assert told(7) == told(7) != told(8)


def test_values_are_text_or_null_and_some_are_empty(account: Account) -> None:
    values = [v for i in account.ids("contacts") for v in account.get("contacts", i)["properties"].values()]  # type: ignore[index]
    assert {type(v) for v in values} == {str, type(None)}
    assert "" in values


def test_contacts_have_as_many_properties_as_asked_for() -> None:
    account = Account(contacts=3, properties=2000)
    record = account.get("contacts", account.ids("contacts")[0])
    assert record is not None
    names = list(record["properties"])
    assert len(names) == 2000
    cut = [name.encode()[:63] for name in names]
    assert len(set(cut)) == 1999, "two names are equal in the first 63 bytes"


def test_an_update_moves_the_modification_date_and_a_recalculation_does_not(account: Account) -> None:
    one, other, *_ = account.ids("contacts")
    before = value(account, "contacts", one, "lastmodifieddate"), value(account, "contacts", other, "lastmodifieddate")
    account.update("contacts", one, {"city": "Lima"})
    account.recalculate("contacts", other, {"hubspotscore": "99"})
    assert value(account, "contacts", one, "city") == "Lima"
    assert value(account, "contacts", one, "lastmodifieddate") != before[0]
    assert value(account, "contacts", other, "hubspotscore") == "99"
    assert value(account, "contacts", other, "lastmodifieddate") == before[1]


def test_touch_gives_all_records_one_millisecond(account: Account) -> None:
    account.touch("deals", 20)
    assert len({value(account, "deals", i, "hs_lastmodifieddate") for i in account.ids("deals")}) == 1


def test_archive_and_restore_leave_the_record_as_it_was(account: Account) -> None:
    record_id = account.ids("companies")[3]
    before = account.get("companies", record_id)
    account.archive("companies", record_id)
    archived = account.get("companies", record_id)
    assert archived is not None
    assert archived["archived"]
    assert archived["archivedAt"]
    assert record_id not in account.ids("companies")
    assert account.ids("companies", archived=True) == [record_id]
    account.restore("companies", record_id)
    assert account.get("companies", record_id) == before
    assert account.ids("companies", archived=True) == []


@pytest.mark.parametrize("archived_first", [False, True])
def test_a_purged_record_leaves_no_trace(account: Account, archived_first: bool) -> None:
    record_id = account.ids("contacts")[0]
    if archived_first:
        account.archive("contacts", record_id)
    account.purge("contacts", record_id)
    assert account.get("contacts", record_id) is None
    assert record_id not in account.ids("contacts") + account.ids("contacts", archived=True)


def test_a_merge_makes_a_new_record_with_the_history_of_all_that_went_into_it(account: Account) -> None:
    a, b, c, *_ = account.ids("contacts")
    account.update("contacts", a, {"twitterhandle": ""})
    account.update("contacts", b, {"twitterhandle": "bee"})
    first = account.merge("contacts", a, b)
    second = account.merge("contacts", first, c)
    assert not {a, b, c, first} & set(account.ids("contacts"))
    assert second == max(account.ids("contacts"))
    assert value(account, "contacts", second, "hs_merged_object_ids") == f"{a};{b};{first};{c}"
    assert value(account, "contacts", second, "twitterhandle") == "bee"
    vids = (value(account, "contacts", second, "hs_calculated_merged_vids") or "").split(";")
    assert [vid.split(":")[0] for vid in vids] == [str(a), str(b), str(first), str(c)]
    account.update("contacts", a, {"city": "Quito"})
    assert value(account, "contacts", second, "city") == "Quito"


def test_a_merged_record_inherits_the_associations_and_keeps_one_primary_company(account: Account) -> None:
    contacts, companies = account.ids("contacts"), account.ids("companies")
    one, other = contacts[0], contacts[1]
    merged = account.merge("contacts", one, other)
    links = account.neighbours("contacts", merged, "companies")
    assert sorted(links) == sorted({companies[0], companies[7919 % 10]})
    assert [company for company, types in links.items() if 1 in types] == [companies[0]]
    back = account.neighbours("companies", companies[0], "contacts")
    assert merged in back
    assert one not in back


def test_a_new_primary_company_takes_the_place_of_the_old_one(account: Account) -> None:
    contact, companies = account.ids("contacts")[0], account.ids("companies")
    account.associate("contacts", contact, "companies", companies[5], 1)
    links = account.neighbours("contacts", contact, "companies")
    assert links[companies[5]] == {1, 279}
    assert 1 not in links[companies[0]]
    assert 2 not in account.neighbours("companies", companies[0], "contacts")[contact]


def test_associations_of_archived_records_do_not_show_until_they_are_restored(account: Account) -> None:
    deal = account.ids("deals")[0]
    company = next(iter(account.neighbours("deals", deal, "companies")))
    account.archive("companies", company)
    assert account.neighbours("deals", deal, "companies") == {}
    account.restore("companies", company)
    assert list(account.neighbours("deals", deal, "companies")) == [company]


def test_a_dissociated_pair_is_gone_from_both_sides(account: Account) -> None:
    deal = account.ids("deals")[0]
    company = next(iter(account.neighbours("deals", deal, "companies")))
    account.dissociate("companies", company, "deals", deal)
    assert account.neighbours("deals", deal, "companies") == {}


def test_a_user_defined_label_has_an_id_for_each_direction(account: Account) -> None:
    there, back = account.define_label("deals", "contacts", "Decision maker", "Decides")
    deal, contact = account.ids("deals")[0], account.ids("contacts")[40]
    account.associate("deals", deal, "contacts", contact, there)
    assert account.neighbours("deals", deal, "contacts")[contact] == {3, there}
    assert account.neighbours("contacts", contact, "deals")[deal] == {4, back}


def test_properties_come_go_and_change_their_type(account: Account) -> None:
    record_id = account.ids("contacts")[1]
    account.add_property("contacts", "shoe_size", "number", values=("44", "45"))
    assert value(account, "contacts", record_id, "shoe_size") == "45"
    account.change_property("contacts", "shoe_size", type="string", values=("large",))
    assert value(account, "contacts", record_id, "shoe_size") == "large"
    definition = account.store("contacts").schema.definition("shoe_size")
    assert definition is not None
    assert definition["type"] == "string"
    account.remove_property("contacts", "shoe_size")
    record = account.get("contacts", record_id)
    assert record is not None
    assert "shoe_size" not in record["properties"]
    with pytest.raises(Refused, match="does not exist"):
        account.update("contacts", record_id, {"shoe_size": "1"})


def test_a_shuffle_changes_what_it_says(account: Account) -> None:
    changed = account.shuffle("contacts", seed=3, updates=5, creates=2, archives=4, merges=3)
    assert {name: len(ids) for name, ids in changed.items()} == {"updated": 5, "archived": 4, "merged": 3, "created": 2}
    live = set(account.ids("contacts"))
    assert len(live) == 50 - 4 - 2 * 3 + 3 + 2
    assert live >= {*changed["updated"], *changed["merged"], *changed["created"]}
    assert account.ids("contacts", archived=True) == sorted(changed["archived"])


def test_counts_hold_through_any_history(account: Account) -> None:
    rng = random.Random(5)
    kinds = set()
    records = account.store("companies").records
    for _ in range(400):
        kinds.add(change_something(account, "companies", rng))
        live = account.ids("companies")
        assert records.live_count == len(live)
        assert records.archived_count == len(account.ids("companies", archived=True))
        assert live == sorted(set(live))
    assert len(kinds) == 8


def test_changes_from_many_threads_are_all_there(account: Account) -> None:
    def work() -> None:
        for _ in range(100):
            account.create("contacts", {"city": "Accra"})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(account.ids("contacts")) == 450


def test_an_unknown_setting_is_refused(account: Account) -> None:
    with pytest.raises(TypeError, match="There is no setting 'lag'"):
        account.configure(lag=1)
