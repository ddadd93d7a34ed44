"""What a person says about the server, what the server says to that, and that no password is repeated."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from postgres_harness import Harness
from psycopg import sql
from pydantic import ValidationError

from destinations.postgres import plugin
from destinations.postgres.config import PostgresConfig
from destinations.postgres.errors import connection_failed, translated
from engine.contract import (
    Column,
    ColumnType,
    DestinationError,
    DestinationRefused,
    DestinationUnavailable,
    InvalidSetting,
    Rows,
    Table,
    TestStatus,
)

SECRET = "s3cr3t-planted"
FIELDS = {"host": "db.example.com", "database": "warehouse", "user": "penstock", "password": SECRET}


@pytest.mark.parametrize(
    ("given", "where"),
    [
        (FIELDS, "db.example.com:5432/warehouse"),
        ({**FIELDS, "port": 6543, "sslmode": "require"}, "db.example.com:6543/warehouse"),
        ({"url": f"postgresql://penstock:{SECRET}@db.example.com:6543/warehouse"}, "db.example.com:6543/warehouse"),
        ({"url": f"postgresql://penstock:{SECRET}@[::1]/warehouse"}, "::1:5432/warehouse"),
        ({"url": f"postgresql://penstock:{SECRET}@/warehouse?host=/run/postgresql"}, "/run/postgresql:5432/warehouse"),
    ],
)
def test_a_server_is_named_by_url_or_by_fields(given: dict[str, Any], where: str) -> None:
    config = PostgresConfig(**given)
    assert config.where == where
    assert config.parameters()["password"] == SECRET
    assert SECRET not in repr(config)
    assert SECRET not in config.model_dump_json()
    assert PostgresConfig(**config.model_dump()) == config


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "host, database, user"),
        ({**FIELDS, "user": None}, "user"),
        ({**FIELDS, "port": 70000}, "port"),
        ({**FIELDS, "sslmode": "yes"}, "sslmode"),
        ({**FIELDS, "pasword": SECRET}, "pasword"),
        ({**FIELDS, "url": f"postgresql://u:{SECRET}@h/d"}, "not both"),
        ({"url": f"postgresql://u:p@{SECRET}@h/d"}, "percent-encoded"),
        ({"url": f"postgresql://u:p/{SECRET}@h/d"}, "percent-encoded"),
        ({"url": f"postgresql://u:1/{SECRET}@h/d"}, "percent-encoded"),
        ({"url": f"mysql://u:{SECRET}@h/d"}, "postgresql://"),
        ({"url": f"host=h password={SECRET}"}, "postgresql://"),
    ],
)
def test_what_cannot_be_is_named_without_the_password(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PostgresConfig(**given)
    assert named in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            'connection to server at "h", port 5432 failed: FATAL:  password authentication failed for user "u"',
            DestinationRefused,
        ),
        ('connection to server at "h", port 5432 failed: FATAL:  database "d" does not exist', DestinationRefused),
        (
            'connection to server at "h", port 5432 failed: FATAL:  no pg_hba.conf entry for host "1.2.3.4"',
            DestinationRefused,
        ),
        (
            'connection to server at "h", port 5432 failed: FATAL:  the database system is starting up',
            DestinationUnavailable,
        ),
        (
            'connection to server at "h", port 5432 failed: FATAL:  sorry, too many clients already',
            DestinationUnavailable,
        ),
        (
            'connection to server at "h", port 5432 failed: Connection refused\n\tIs the server running?',
            DestinationUnavailable,
        ),
        ("connection timeout expired", DestinationUnavailable),
    ],
)
def test_a_refusal_is_told_from_an_absence(said: str, expected: type[DestinationError]) -> None:
    error = connection_failed(psycopg.OperationalError(said), "h:5432/d")
    assert type(error) is expected
    assert "h:5432/d" in str(error)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"path": "/nowhere"}, DestinationRefused),
        ({"netloc": f"u:{SECRET}@127.0.0.1:1", "query": ""}, DestinationUnavailable),
        ({"netloc": f"u:{SECRET}@host.invalid", "query": ""}, DestinationUnavailable),
    ],
)
def test_opening_names_the_server_that_fails(
    postgres_server: str, change: dict[str, str], expected: type[DestinationError]
) -> None:
    url = urlsplit(postgres_server)._replace(**change).geturl()
    destination = plugin.connect(plugin.config(url=url))
    with pytest.raises(expected) as caught:
        destination.open("hubspot")
    assert SECRET not in str(caught.value)
    first, *others = destination.setup_tests()
    assert (first.title, first.status, first.message) == ("Connecting to host", TestStatus.FAILED, str(caught.value))
    assert {test.status for test in others} == {TestStatus.SKIPPED}


@pytest.mark.parametrize("schema", ["hubspot", "_h2", "public", "x" * 63])
def test_takes_a_schema(harness: Harness, schema: str) -> None:
    harness.destination.validate_schema_name(schema)
    harness.destination.open(schema).close()


@pytest.mark.parametrize(
    "schema",
    ["Hub", "2h", "hub-spot", "hub spot", 'a"b', "hüb", "x" * 64, "pg_x", "penstock", "information_schema", "a\n"],
)
def test_refuses_a_schema(harness: Harness, schema: str) -> None:
    with pytest.raises(InvalidSetting, match=r"config\.schema"):
        harness.destination.open(schema)


@pytest.fixture
def guest(harness: Harness) -> Iterator[tuple[sql.Identifier, str]]:
    """A user who may do nothing yet, and the URL by which that user connects."""
    name = f"guest_{secrets.token_hex(4)}"
    user = sql.Identifier(name)
    harness.person.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(user, sql.Literal(SECRET)))
    database = sql.Identifier(harness.person.info.dbname)
    harness.person.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    harness.person.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, user))
    url = urlsplit(harness.url)
    yield user, url._replace(netloc=f"{name}:{SECRET}@{url.netloc.rpartition('@')[2]}").geturl()
    harness.person.execute(sql.SQL("DROP OWNED BY {}").format(user))
    harness.person.execute(sql.SQL("DROP ROLE {}").format(user))


def test_a_missing_privilege_is_named_with_the_grant_that_gives_it(
    harness: Harness, guest: tuple[sql.Identifier, str]
) -> None:
    user, url = guest
    destination = plugin.connect(plugin.config(url=url))
    checks = {test.title: test for test in destination.setup_tests()}
    assert checks["Checking permissions"].status is TestStatus.FAILED
    assert "GRANT CREATE, TEMPORARY ON DATABASE" in checks["Checking permissions"].message
    with pytest.raises(DestinationRefused, match="GRANT CREATE ON DATABASE"):
        destination.open("hubspot")
    harness.destination.open("hubspot").close()
    with pytest.raises(DestinationRefused, match="penstock"):
        destination.open("hubspot")
    database = sql.Identifier(harness.person.info.dbname)
    harness.person.execute("DROP SCHEMA penstock, hubspot CASCADE")
    harness.person.execute(sql.SQL("GRANT CREATE, TEMPORARY ON DATABASE {} TO {}").format(database, user))
    assert {test.status for test in destination.setup_tests()} == {TestStatus.PASSED}
    destination.open("hubspot").close()


def test_schemas_may_be_made_beforehand_for_a_user_who_may_make_none(
    harness: Harness, guest: tuple[sql.Identifier, str]
) -> None:
    user, url = guest
    database = sql.Identifier(harness.person.info.dbname)
    harness.person.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(database, user))
    harness.person.execute(
        sql.SQL(
            "CREATE SCHEMA penstock; CREATE SCHEMA hubspot; GRANT CREATE, USAGE ON SCHEMA penstock, hubspot TO {}"
        ).format(user)
    )
    destination = plugin.connect(plugin.config(url=url))
    assert {test.status for test in destination.setup_tests()} == {TestStatus.PASSED}
    with closing(destination.open("hubspot")) as session:
        session.prepare(Table("thing", (Column("id", ColumnType.BIGINT),), ("id",)))
        session.write(Rows("thing", ("id",), [("1",)]))
        assert session.commit("things", {}).inserted == 1
    with pytest.raises(DestinationRefused, match="may not make the schema other"):
        destination.open("other")


def test_a_user_whose_transactions_are_read_only_is_told_so(
    harness: Harness, guest: tuple[sql.Identifier, str]
) -> None:
    user, url = guest
    harness.person.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(user))
    checks = {test.title: test for test in plugin.connect(plugin.config(url=url)).setup_tests()}
    assert checks["Checking permissions"].status is TestStatus.FAILED
    assert "Turn default_transaction_read_only off" in checks["Checking permissions"].message


def test_a_line_that_is_cut_is_told_in_one_sentence(harness: Harness) -> None:
    with psycopg.connect(harness.url) as connection:
        with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as line:
            line.shutdown(socket.SHUT_RDWR)
        with (
            pytest.raises(DestinationUnavailable, match=r"^PostgreSQL at here broke off: [^\n]+\.$"),
            translated("here"),
        ):
            connection.execute("SELECT 1")


def test_a_database_in_another_encoding_is_pointed_out(postgres_server: str) -> None:
    name = sql.Identifier(f"latin_{secrets.token_hex(4)}")
    with psycopg.connect(postgres_server, autocommit=True) as server:
        options = sql.SQL("TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
        server.execute(sql.SQL("CREATE DATABASE {} {}").format(name, options))
        url = urlsplit(postgres_server)._replace(path=f"/{name.as_string().strip(chr(34))}").geturl()
        checks = {test.title: test for test in plugin.connect(plugin.config(url=url)).setup_tests()}
        server.execute(sql.SQL("DROP DATABASE {}").format(name))
    assert checks["Checking encoding"].status is TestStatus.FAILED
    assert "LATIN1" in checks["Checking encoding"].message
