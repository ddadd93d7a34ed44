"""What can be wrong at the destination: each ends a sync with a sentence that says what to do, and the next one mends it."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.rig import Rig
from support.server import Server

from destinations.postgres import connect
from engine.sync.progress import Progress, SyncOutcome

FIRST, ALL = list(range(30)), list(range(60))


@pytest.fixture
def synced(rig: Rig) -> Rig:
    """A stream whose first half is read."""
    rig.connect(pages=3, size=10)
    assert rig.sync().outcome == "succeeded"
    return rig


def refused(rig: Rig, outcome: SyncOutcome, says: str) -> None:
    """The sync failed, nothing of what it read is there, and a person was told what to do."""
    assert (outcome.outcome, outcome.error_code, outcome.retry_at) == ("failed", "destination_refused", None)
    assert re.search(says, outcome.error or ""), outcome.error
    assert rig.syncs()[-1]["error"] == outcome.error
    assert rig.one("SELECT message FROM penstock.events WHERE kind = 'sync_failed'")["message"] == outcome.error


def mended(rig: Rig) -> None:
    """The next sync reads what the failed one could not load."""
    assert rig.sync().outcome == "succeeded"
    assert rig.loaded() == ALL


RAISES = (
    "CREATE FUNCTION test.fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE '{}' USING ERRCODE = '{}'; END $$;"
)
WHEN = "CREATE TRIGGER fault BEFORE INSERT ON test.a FOR EACH STATEMENT EXECUTE FUNCTION test.fault()"
NOT_EMPTY = (
    "ALTER TABLE test.a ADD COLUMN mine text NOT NULL DEFAULT 'x'; ALTER TABLE test.a ALTER COLUMN mine DROP DEFAULT"
)

FAULTS = {
    "a full disk": (
        RAISES.format("could not extend file", "53100") + WHEN,
        r"The disk of PostgreSQL at \S+ is full: could not extend file\. Make room there\.",
        "DROP TRIGGER fault ON test.a",
    ),
    "a trigger of one's own": (
        RAISES.format("not on a Sunday", "P0001") + WHEN,
        r"refused: not on a Sunday\.",
        "DROP TRIGGER fault ON test.a",
    ),
    "a column of one's own that may not be empty": (
        NOT_EMPTY,
        r"test\.a\.mine in .* or let it be empty: ALTER TABLE test\.a ALTER COLUMN mine DROP NOT NULL\.",
        "ALTER TABLE test.a ALTER COLUMN mine DROP NOT NULL",
    ),
    "a unique index of one's own": (
        "CREATE UNIQUE INDEX mine ON test.a ((length(name) > 0)) WHERE id >= 30",
        r"mine of test\.a in .*: duplicate key .* Drop that constraint",
        "DROP INDEX test.mine",
    ),
    "a constraint of one's own": (
        "ALTER TABLE test.a ADD CONSTRAINT mine CHECK (id < 30)",
        r"mine of test\.a in .* check constraint .* Drop that constraint",
        "ALTER TABLE test.a DROP CONSTRAINT mine",
    ),
    "a view over a column that has to be widened": (
        "ALTER TABLE test.a ALTER COLUMN name TYPE varchar(10); CREATE VIEW test.report AS SELECT name FROM test.a",
        r"Cannot widen test\.a \(name to text\)\. Drop the view test\.report, run the sync, then make it again\.",
        "DROP VIEW test.report",
    ),
    "a column that is computed": (
        "ALTER TABLE test.a DROP COLUMN name, ADD COLUMN name text GENERATED ALWAYS AS ('n' || id::text) STORED",
        r"is computed there, but the source has one of its name: column \"name\" .* Rename it\.",
        "ALTER TABLE test.a RENAME COLUMN name TO mine",
    ),
    "a table without its primary key": (
        "ALTER TABLE test.a DROP CONSTRAINT a_pkey",
        r"test\.a has no primary key, but \(id\) is needed\. Rename the table, so that it is made anew, or give it that key",
        "ALTER TABLE test.a ADD PRIMARY KEY (id)",
    ),
    "a view in a table's place": (
        "ALTER TABLE test.a RENAME TO old_a; CREATE VIEW test.a AS SELECT * FROM test.old_a",
        r"test\.a is not a table\. Rename it, or load into another schema\.",
        "DROP VIEW test.a",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_sync_ends_with_what_to_do_about(synced: Rig, fault: str) -> None:
    break_it, says, mend_it = FAULTS[fault]
    synced.configure(pages=6)
    synced.execute(break_it)
    refused(synced, synced.sync(), says)
    synced.execute(mend_it)
    mended(synced)


HARMLESS = {
    "a column of one's own": "ALTER TABLE test.a ADD COLUMN mine text",
    "a column of one's own with a default": "ALTER TABLE test.a ADD COLUMN mine text NOT NULL DEFAULT 'x'",
    "a computed column of one's own": "ALTER TABLE test.a ADD COLUMN mine text GENERATED ALWAYS AS (upper(name)) STORED",
    "an index of one's own": "CREATE INDEX ON test.a (lower(name))",
    "a view": "CREATE VIEW test.report AS SELECT * FROM test.a",
    "a table that refers to it": "CREATE TABLE test.mine (a bigint REFERENCES test.a)",
    "a narrower type": "ALTER TABLE test.a ALTER COLUMN name TYPE varchar(10)",
    "a dropped column": "ALTER TABLE test.a DROP COLUMN name",
    "a dropped marker": "ALTER TABLE test.a DROP COLUMN _fivetran_deleted",
    "another owner": "CREATE ROLE somebody; ALTER TABLE test.a OWNER TO somebody",
}


@pytest.mark.parametrize("change", HARMLESS)
def test_a_sync_is_not_stopped_by(synced: Rig, change: str) -> None:
    synced.configure(pages=6)
    try:
        synced.execute(HARMLESS[change])
        mended(synced)
    finally:
        synced.execute("DROP SCHEMA test CASCADE")
        synced.execute("DROP ROLE IF EXISTS somebody")


def test_a_column_that_a_property_takes_over_is_widened_and_filled(synced: Rig) -> None:
    synced.execute("ALTER TABLE test.a DROP COLUMN name, ADD COLUMN name integer")
    synced.execute("UPDATE test.a SET name = id")
    synced.configure(pages=6)
    mended(synced)
    names = synced.rows("SELECT name FROM test.a WHERE id IN (7, 37) ORDER BY id")
    assert names == [{"name": "7"}, {"name": "a-37"}]
    assert (
        "a.name widened from integer to text"
        in synced.rows("SELECT message FROM penstock.events WHERE kind = 'schema_changed' ORDER BY id DESC")[0][
            "message"
        ]
    )


@pytest.mark.parametrize(
    ("fault", "says", "remedy"),
    [
        (
            "REVOKE INSERT ON test.a FROM {}",
            r"permission denied for table a\. Grant the destination's user that privilege",
            "GRANT INSERT ON test.a TO {}",
        ),
        (
            "REVOKE USAGE ON SCHEMA test FROM {}",
            r"permission denied for schema test\. Grant the destination's user that privilege",
            "GRANT USAGE ON SCHEMA test TO {}",
        ),
        (
            "ALTER ROLE {} SET default_transaction_read_only = on",
            r"is read-only: .* Name the primary server as the destination's host\.",
            "ALTER ROLE {} RESET default_transaction_read_only",
        ),
    ],
)
def test_what_is_taken_away_from_the_user_is_asked_for(rig: Rig, fault: str, says: str, remedy: str) -> None:
    url = urlsplit(rig.database.url.get_secret_value())
    role = f"loader_{url.path.lstrip('/')}"
    rig.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    try:
        rig.execute(f"GRANT CREATE, TEMPORARY ON DATABASE {url.path.lstrip('/')} TO {role}")
        rig.execute(f"GRANT CREATE, USAGE ON SCHEMA penstock TO {role}")
        host = f"{role}:secret@{url.netloc.rpartition('@')[2]}"
        rig.execute(
            "UPDATE penstock.destinations SET config = %s", rig.vault.seal({"url": url._replace(netloc=host).geturl()})
        )
        rig.connect(pages=3, size=10)
        assert rig.sync().outcome == "succeeded"
        rig.configure(pages=6)
        rig.execute(fault.format(role))
        refused(rig, rig.sync(), says)
        rig.execute(remedy.format(role))
        mended(rig)
    finally:
        rig.execute(f"DROP OWNED BY {role}")
        rig.execute(f"DROP ROLE {role}")


def test_a_lock_of_somebody_else_ends_a_sync_with_the_name_of_who_holds_it(
    synced: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "LOCK_TIMEOUT", "50ms")
    synced.configure(pages=6)
    with synced.person() as somebody, somebody.transaction():
        somebody.execute("SET LOCAL application_name = 'nightly report'")
        somebody.execute("LOCK TABLE test.a")
        pid = somebody.info.backend_pid
        refused(
            synced, synced.sync(), rf"holds a lock on test\.a: process {pid} \(user \S+, nightly report, .* since 2"
        )
    mended(synced)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_ends_a_sync_that_goes_on_with_the_next(embedded_rig: Rig, mode: str) -> None:
    rig = embedded_rig
    rig.connect(pages=6, size=10, seconds=0.05)
    restarted: list[bool] = []

    def restart(progress: Progress) -> None:
        if progress.read and not restarted:
            restarted.append(True)
            Server(rig.settings.home).restart(mode)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("engine.sync.reader.AT_LEAST_EVERY", 0.0)
        outcome = rig.sync(watch=restart)
    assert (outcome.outcome, outcome.error_code) == ("failed", "destination_unavailable")
    assert outcome.retry_at is not None
    there = len(rig.loaded())
    assert 0 < there < len(ALL)
    assert rig.sync().progress.read == len(ALL) - there
    assert rig.loaded() == ALL


@contextmanager
def small_disk(rig: Rig) -> Iterator[Path]:
    """A file system of a quarter of a megabyte that the server may write to."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    with tempfile.TemporaryDirectory(prefix="penstock-disk-") as folder:
        Path(folder).chmod(0o755)
        disk = Path(folder) / "disk"
        disk.mkdir()
        owner = (rig.settings.home / "postgres").stat().st_uid
        options = f"size=256k,uid={owner},mode=700"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], check=False, capture_output=True
        )
        if mounted.returncode != 0:
            pytest.skip("a small disk cannot be mounted here")
        try:
            yield disk
        finally:
            subprocess.run(["umount", disk], check=True)


def test_a_disk_that_is_really_full_ends_a_sync_and_the_next_one_goes_on(embedded_rig: Rig) -> None:
    rig = embedded_rig
    rig.connect(pages=3, size=10)
    rig.sync()
    with small_disk(rig) as disk:
        rig.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        rig.execute("ALTER TABLE test.a SET TABLESPACE small")
        rig.configure(pages=200, size=100)
        outcome = rig.sync()
        refused(rig, outcome, r"The disk of PostgreSQL at \S+ is full: .* No space left on device\. Make room there\.")
        before = rig.loaded()
        assert before[: len(FIRST)] == FIRST
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        assert rig.sync().outcome == "succeeded"
        assert len(rig.loaded()) > len(before)
        rig.execute("ALTER TABLE test.a SET TABLESPACE pg_default")
        rig.execute("DROP TABLESPACE small")
