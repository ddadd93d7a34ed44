from __future__ import annotations

import hashlib
import threading
import uuid
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import make_url, text

from engine.contract import Conflict
from engine.settings import Settings
from engine.state import upgrade
from engine.state.database import Database, open_database
from engine.state.models import SCHEMA, Base

NOT_OURS = ("procrastinate_", "alembic_version", "cursors", "rejects")
"""Procrastinate makes its own tables; a destination keeps its own in the schema of the same name."""

PINNED = {
    "0001_state.sql": "81d16ab84aa5b0424c20c162a61beff3a329ad828af1ffd12cb96011ac4af7c9",
    "0002_reconcile.sql": "5a71a1b46d925e1eefd9b42b1d656017f8a958912e2fe31b6ccc621b573d85d4",
    "0003_api.sql": "585a8ca0a5166211c69432403c6addfbb7c0101be1d6d6da00461f69311289eb",
    "0005_connect_cards.sql": "bb633693c397a48a813375b0efd0638035b6206db004c65ea34c27f66ed930d4",
    "0006_schemas.sql": "0d1d47463a4f00bda3a570e7364a0d4b3559dea2ef05b7c4dc7bd229849774f0",
    "0007_networking.sql": "74bafc312202e76e0b7a5dbc1a5654c3084da379e63e1ad43dca7d4f3460edec",
    "0008_reconcile_once.sql": "97dda7faa15ef6b5e5989c754dd3c40308f78c00555dcbedb3d892fe6eb0aa46",
    "0009_mend.sql": "46ca9b6fe2c6d8867cbd72b0d4cf9eb173f888b433ab44f84099b0fbb2825ec7",
    "0010_finished_at.sql": "05b71581ef2615064c552129107a6f57a378a34d14e46e7903338e0e89f2b18c",
}
"""The SHA-256 of every migration's script: databases have run it."""

CATALOG = """
    SELECT 'constraint' AS kind, conrelid::regclass || ' ' || conname AS name, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint WHERE connamespace = 'penstock'::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT 'index', indrelid::regclass || ' ' || indexrelid::regclass, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE relnamespace = 'penstock'::regnamespace
    UNION ALL
    SELECT 'table', relname, relpersistence::text || coalesce(obj_description(oid, 'pg_class'), '')
    FROM pg_class WHERE relnamespace = 'penstock'::regnamespace AND relkind = 'r'
    UNION ALL
    SELECT 'column', attrelid::regclass || '.' || attname,
        concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity::text,
            pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = 'penstock'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    ORDER BY 1, 2
"""


def ours(name: str | None) -> bool:
    return name is None or not name.removeprefix(f"{SCHEMA}.").startswith(NOT_OURS)


def catalog(database: Database) -> set[tuple[Any, ...]]:
    with database.transaction() as connection:
        return {tuple(row) for row in connection.execute(text(CATALOG)) if ours(row.name)}


def test_models_and_migrations_agree(database: Database) -> None:
    def include(name: str | None, kind: str, _parents: object) -> bool:
        return name == SCHEMA if kind == "schema" else ours(name)

    options = {"include_schemas": True, "include_name": include, "compare_type": True, "compare_server_default": True}
    with database.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []


def test_models_and_migrations_agree_down_to_checks_indexes_and_comments(database: Database) -> None:
    migrated = catalog(database)
    assert len(migrated) > 100
    with database.transaction() as connection:
        connection.execute(text(f"DROP SCHEMA {SCHEMA} CASCADE"))
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
        Base.metadata.create_all(connection)
    assert catalog(database) ^ migrated == set()


def test_every_table_and_view_says_what_it_is(database: Database) -> None:
    with database.transaction() as connection:
        silent = connection.scalars(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = 'penstock'::regnamespace AND relkind IN ('r', 'v')"
                " AND obj_description(oid, 'pg_class') IS NULL"
            )
        ).all()
    assert [name for name in silent if ours(name)] == []


def test_the_first_start_makes_everything(database: Database) -> None:
    with database.transaction() as connection:
        assert upgrade.current_version(connection) == upgrade.known_versions()[-1]
        tables = connection.scalars(
            text("SELECT relname FROM pg_class WHERE relnamespace = 'penstock'::regnamespace")
        ).all()
        elsewhere = connection.scalar(
            text(
                "SELECT count(*) FROM pg_class WHERE relname ~ 'procrastinate|alembic' AND relnamespace <> 'penstock'::regnamespace"
            )
        )
        destination = connection.execute(text("SELECT service, config FROM penstock.destinations")).one()
    assert {"connections", "procrastinate_jobs", "alembic_version", "connection_status"} <= set(tables)
    assert elsewhere == 0
    assert tuple(destination) == ("postgres_warehouse", None)


def test_scripts_that_databases_have_run_are_not_changed() -> None:
    scripts = (entry for entry in files("migrations.versions").iterdir() if entry.name.endswith(".sql"))
    found = {script.name: hashlib.sha256(script.read_bytes()).hexdigest() for script in scripts}
    changed = [name for name, digest in PINNED.items() if found.get(name) != digest]
    assert not changed, (
        f"Databases have run {changed}, and never will again: restore it, and write a further migration."
    )
    new = {name: digest for name, digest in found.items() if name not in PINNED}
    assert not new, f"Add to PINNED: {new}"


def test_a_database_that_ran_other_scripts_gets_the_same_columns(database: Database) -> None:
    expected = catalog(database)
    with database.transaction() as connection:
        connection.execute(text("ALTER TABLE penstock.connections DROP COLUMN delayed_since"))
        connection.execute(text("ALTER TABLE penstock.source_tables ADD COLUMN stale boolean DEFAULT false NOT NULL"))
        connection.execute(text("UPDATE penstock.alembic_version SET version_num = '0008'"))
    with database.transaction() as connection:
        upgrade.upgrade(connection)
    assert catalog(database) ^ expected == set()


def test_upgrading_again_changes_nothing(database: Database) -> None:
    before = catalog(database)
    with database.transaction() as connection:
        upgrade.upgrade(connection)
    assert catalog(database) == before


def test_starters_at_once_do_not_collide(settings: Settings) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            open_database(settings).dispose()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test tells it
            failures.append(error)

    starters = [threading.Thread(target=start) for _ in range(4)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert failures == []


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("9999", r"at version 9999; penstock .* knows none after .*\. Install the newer penstock"),
        ("0000", r"at version 0000, older than .*\. Run `penstock db upgrade`\."),
    ],
)
def test_a_database_of_another_version_is_refused(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, version: str, told: str
) -> None:
    versions = upgrade.known_versions()
    monkeypatch.setattr(upgrade, "known_versions", lambda: ["0000", *versions])
    with database.transaction() as connection:
        connection.execute(text("UPDATE penstock.alembic_version SET version_num = :version"), {"version": version})
    with pytest.raises(Conflict, match=told):
        open_database(settings)


def test_a_newer_database_is_not_downgraded(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(text("UPDATE penstock.alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="Install the newer penstock"), database.transaction() as connection:
        upgrade.upgrade(connection)


def test_a_role_that_may_not_make_schemas_can_use_one_made_for_it(database_url: str, tmp_path: Path) -> None:
    role = sql.Identifier(f"limited_{uuid.uuid4().hex}")
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'limited'").format(role))
        owner.execute(sql.SQL("CREATE SCHEMA penstock AUTHORIZATION {}").format(role))
    url = make_url(database_url).set(username=role.as_string().strip('"'), password="limited")
    limited = Settings(home=tmp_path, database_url=SecretStr(url.render_as_string(hide_password=False)))
    database = open_database(limited)
    with database.transaction() as connection:
        assert upgrade.current_version(connection) == upgrade.known_versions()[-1]
    database.dispose()
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(role, role))
