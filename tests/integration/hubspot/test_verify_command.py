"""`penstock verify`: what it prints, how it ends, and that it leaves nothing behind however it ends."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
import structlog
from support.mirror import LONG_AFTER, Mirror, MirrorMaker, made_account
from support.rig import eventually
from support.verifying import RARE, everything, found, left_behind, of_table, verified

from destinations.postgres import plugin
from destinations.postgres.verification import PostgresVerification
from engine import settings
from engine.cli import main
from engine.contract import Batch, Conflict, Loaded, Rows
from engine.sync import verify as module
from engine.sync.load import ROWS
from engine.sync.progress import Progress


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "sleep", lambda _seconds: None)


@pytest.fixture
def synced(mirror: MirrorMaker) -> Mirror:
    made = mirror(made_account(contacts=250, companies=12, deals=20, properties=15), **RARE)
    made.sync()
    made.account.advance(LONG_AFTER)
    return made


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def penstock(synced: Mirror, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The command, on the mirror's engine."""
    monkeypatch.setenv("PENSTOCK_HOME", str(synced.rig.settings.home))
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", synced.rig.database.url.get_secret_value())
    root = logging.getLogger()
    handlers, level = root.handlers, root.level

    def run(*arguments: str) -> Ended:
        settings.settings.cache_clear()
        capsys.readouterr()
        code = main(arguments)
        return Ended(code, *capsys.readouterr())

    yield run
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    settings.settings.cache_clear()


def test_equal_sides_are_code_0(penstock: Run, synced: Mirror) -> None:
    ended = penstock("verify", synced.schema)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].split() == ["TABLE", "ROWS", "MISSING", "EXTRA", "DIFFERENT", "REJECTED", "PENDING"]
    assert ["contact", "250", "0", "0", "0", "0", "0"] in [line.split() for line in lines]
    assert lines[-1].startswith(f"'{synced.schema}' is equal to its source: ")
    document = json.loads(penstock("verify", synced.schema, "--json").out)
    assert (document["name"], document["equal"], document["unread"]) == (synced.schema, True, [])


def test_differences_are_code_1_with_examples_and_what_to_do_next(penstock: Run, synced: Mirror) -> None:
    first, second, third = synced.account.ids("contacts")[:3]
    city = synced.row("contact", second)["property_jobtitle"]
    synced.rig.execute(f"DELETE FROM {synced.schema}.contact WHERE id = %s", first)
    synced.rig.execute(f"UPDATE {synced.schema}.contact SET property_jobtitle = 'Ulm' WHERE id = %s", second)
    synced.rig.execute(f"UPDATE {synced.schema}.contact SET _fivetran_deleted = true WHERE id = %s", third)
    ended = penstock("verify", synced.schema)
    assert ended.code == 1
    assert ended.err == "3 rows differ. They may have changed only now: they are looked at again in a minute.\n"
    lines = ended.out.splitlines()
    assert ["contact", "250", "2", "0", "1", "0", "0"] in [line.split() for line in lines]
    assert f"contact id={first} is missing" in lines
    assert f"contact id={second} is different; property_jobtitle is 'Ulm', not '{city}'" in lines
    assert "contact differs in property_jobtitle in 1 rows." in lines
    assert lines[-2].endswith(f"differs from its source in 3 rows. Next: penstock sync {synced.schema} --reconcile")
    assert lines[-1].endswith(f"penstock sync {synced.schema} --force-historical")
    ended = penstock("verify", synced.schema, "--json")
    document = json.loads(ended.out)
    assert (ended.code, document["equal"]) == (1, False)
    (contacts,) = [table for table in document["tables"] if table["table"] == "contact"]
    assert contacts["examples"][0] == {
        "kind": "different",
        "key": {"id": str(second)},
        "stored": {"property_jobtitle": "Ulm"},
        "source": {"property_jobtitle": city},
    }
    assert {name: contacts[name] for name in ("missing", "extra", "different")} == {
        "missing": 2,
        "extra": 0,
        "different": 1,
    }


def test_an_unknown_name_is_code_2(penstock: Run) -> None:
    ended = penstock("verify", "nope")
    assert (ended.code, ended.err) == (
        2,
        "penstock: There is no connection 'nope'. `penstock connections list` shows them all.\n",
    )


def test_credentials_that_are_rejected_are_told_as_by_a_sync(penstock: Run, synced: Mirror) -> None:
    before = everything(synced)
    synced.account.revoke(synced.account.token)
    ended = penstock("verify", synced.schema)
    assert everything(synced) == before
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"penstock: {synced.sync('failed').error}\n"
    eventually(lambda: not left_behind(synced))


def test_a_schema_that_is_being_loaded_is_left_to_the_sync(penstock: Run, synced: Mirror) -> None:
    destination = plugin.connect(plugin.config(url=synced.rig.database.url.get_secret_value()))
    with closing(destination.open(synced.schema)):
        ended = penstock("verify", synced.schema)
    assert ended.code == 2
    assert "Another sync is loading the schema" in ended.err


def test_no_sync_gets_in_between(synced: Mirror) -> None:
    def sync(_progress: Progress) -> None:
        with pytest.raises(Conflict, match="running already"):
            synced.sync()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verified(synced, sync)


@pytest.mark.parametrize("when", ["never", "to be read again"])
def test_what_was_not_read_to_its_end_is_not_verified(mirror: MirrorMaker, when: str) -> None:
    made = mirror(made_account(contacts=5, companies=0, deals=0, properties=10))
    if when != "never":
        made.sync()
        made.rig.connections.request_historical(made.schema)
    with pytest.raises(Conflict, match=f"penstock sync {made.schema}"):
        verified(made)


def test_tables_without_access_are_named_and_the_others_compared(penstock: Run, synced: Mirror) -> None:
    synced.account.remove_scope("crm.objects.contacts.read")
    synced.rig.execute(f"DELETE FROM {synced.schema}.company")
    ended = penstock("verify", synced.schema, "--json")
    document = json.loads(ended.out)
    assert ended.code == 1
    assert {table["table"]: table["missing"] for table in document["tables"] if table["missing"]} == {"company": 12}
    assert {"contact", "deal_contact", "contact_company"} <= set(document["unread"])
    assert not any(table["extra"] for table in document["tables"])
    assert any("crm.objects.contacts.read" in notice for notice in document["notices"])


@pytest.mark.parametrize("when", ["reading", "loading", "comparing"])
def test_an_interrupted_verification_leaves_nothing_behind(
    synced: Mirror, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    before = everything(synced)

    def interrupt(*_: object) -> None:
        assert left_behind(synced)
        raise KeyboardInterrupt

    def seen(progress: Progress) -> None:
        if when == "reading" and progress.streams:
            interrupt()

    with monkeypatch.context() as patch:
        if when == "loading":
            patch.setattr("destinations.postgres.verification.load", interrupt)
        if when == "comparing":
            patch.setattr("destinations.postgres.differing.Differing.find", interrupt)
        with pytest.raises(KeyboardInterrupt):
            verified(synced, seen)
    eventually(lambda: not left_behind(synced))
    assert everything(synced) == before
    synced.sync()
    assert found(verified(synced)) == {}


def test_memory_does_not_grow_with_the_data(mirror: MirrorMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    made = mirror(made_account(contacts=20_000, companies=50, deals=50, properties=12), **RARE)
    made.sync()
    made.account.advance(LONG_AFTER)
    made.rig.execute(f"UPDATE {made.schema}.contact SET property_jobtitle = 'x' WHERE id %% 2 = 0")
    held, most = 0, 0
    write, commit = PostgresVerification.write, PostgresVerification.commit

    def writing(self: PostgresVerification, batch: Batch) -> None:
        nonlocal held, most
        held += len(batch.rows) if isinstance(batch, Rows) else 0
        most = max(most, held)
        write(self, batch)

    def committing(self: PostgresVerification, stream: str, cursor: dict[str, object]) -> Loaded:
        nonlocal held
        held = 0
        return commit(self, stream, cursor)

    monkeypatch.setattr(PostgresVerification, "write", writing)
    monkeypatch.setattr(PostgresVerification, "commit", committing)
    contacts = of_table(verified(made), "contact")
    assert (contacts.rows, contacts.different) == (20_000, sum(c % 2 == 0 for c in made.account.ids("contacts")))
    assert most < 4 * ROWS
