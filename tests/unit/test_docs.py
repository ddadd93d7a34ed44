"""What the documentation says is complete and true: commands, settings, fields, tables, links."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from pydantic_settings import BaseSettings
from typer.main import get_command

from connectors.hubspot.associations import association_table
from connectors.hubspot.config import ClientAccess, HubSpotAuth, HubSpotConfig
from connectors.hubspot.costs import table
from connectors.hubspot.layout import Layout
from connectors.hubspot.messages import merges_table
from connectors.hubspot.objects import OBJECT_TYPES, RELATIONS
from connectors.hubspot.reference import DEAL_PIPELINES, OWNERS, PROPERTIES
from engine import plugins
from engine.cli.app import app
from engine.cli.credentials import VARIABLES
from engine.connections.body import ConnectCardConfig, ConnectionBody
from engine.contract import SYNCED, Table
from engine.settings import Settings, variable
from engine.state.models import Base

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

GROUPS = {"penstock connections", "penstock db", "penstock keys"}
JOINS = {"|", "&&", ";", ">", "<"}
OTHER_VARIABLES = {"PENSTOCK_TEST_DATABASE_URL"}
OTHER_RELATIONS = {"alembic_version", "service"}  # made by a library; systemd's penstock.service


@cache
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def sections(page: Path) -> dict[str, str]:
    """The text under each heading up to the next one, by the heading without its backquotes."""
    _, *parts = re.split(r"^#+ (.+)$", text(page), flags=re.MULTILINE)
    return {heading.replace("`", ""): body for heading, body in zip(parts[::2], parts[1::2], strict=True)}


def first_column(body: str) -> list[str]:
    """What stands in backquotes in the first column of a section's tables."""
    cells = (line.split("|")[1] for line in body.splitlines() if line.startswith("|"))
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


# Commands


@cache
def commands() -> Mapping[str, set[str]]:
    """The options of every command, by its words; those that plug-ins bring along too."""
    demo = typer.Typer(add_completion=False)
    demo.command()(plugins.demo())
    found = dict(_commands(get_command(app), "penstock"))
    found["penstock sandbox hubspot"] = _options(get_command(plugins.sandbox("hubspot")))
    found["penstock demo"] = _options(get_command(demo))
    return found


def _commands(command: Any, path: str) -> Iterator[tuple[str, set[str]]]:
    yield path, _options(command)
    for name, each in getattr(command, "commands", {}).items():
        yield from _commands(each, f"{path} {name}")


def _options(command: Any) -> set[str]:
    shown = (p for p in command.params if p.param_type_name == "option" and not p.hidden)
    return {name for p in shown for name in (*p.opts, *p.secondary_opts)} - {"--help"}


def test_every_command_and_option_is_in_the_reference_and_no_other() -> None:
    told = {
        name: set(re.findall(r"`(--[a-z-]+)", body)) - {"--help"}
        for name, body in sections(DOCS / "reference/commands.md").items()
        if name.startswith("penstock")
    }
    assert told == {name: options for name, options in commands().items() if name not in GROUPS}


@EVERY_PAGE
def test_commands_on_a_page_can_be_typed(page: Path) -> None:
    for line in command_lines(text(page)):
        for words in after_penstock(line):
            name, options = read_command(words)
            known = commands()[name] | {"--help"}
            assert options <= known, f"{line!r}: {name} has no {options - known}"


def command_lines(markdown: str) -> Iterator[str]:
    """Every shell line of a page, and whatever else begins with the command, in a block or in backquotes."""
    for language, block in re.findall(r"^ *```(\w*)\n(.*?)^ *```", markdown, flags=re.MULTILINE | re.DOTALL):
        lines = block.replace("\\\n", " ").splitlines()
        yield from (line for line in lines if language == "sh" or re.match(r" *penstock [a-z-]", line))
    prose = re.sub(r"^ *```.*?^ *```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"`(penstock [^`]+)`", prose)


def after_penstock(line: str) -> Iterator[list[str]]:
    """The words that follow each call of the command in a line; users, services and images have that name as well."""
    words = ["", *shlex.split(line, comments=True)]
    for number, (before, word) in enumerate(itertools.pairwise(words), start=2):
        following = list(itertools.takewhile(lambda each: each not in JOINS, words[number:]))
        is_called = before in {"", "--", "penstock", *JOINS} or before.endswith(")")
        if is_called and re.fullmatch(r"(.*/bin/)?penstock", word) and following[:1] not in ([], ["penstock"]):
            yield following


def read_command(words: list[str]) -> tuple[str, set[str]]:
    name = "penstock"
    for word in words:
        if f"{name} {word}" not in commands():
            break
        name += f" {word}"
    assert name != "penstock" or words[0].startswith("--"), f"there is no command {words}"
    return name, {word.partition("=")[0] for word in words if word.startswith("--")}


# Settings


def variables() -> dict[str, object]:
    """Every setting's variable, with its default."""
    models: list[type[BaseSettings]] = [
        Settings,
        *(plugins.source_plugin(service).settings for service in plugins.services()),
    ]
    return {variable(model, name): field.default for model in models for name, field in model.model_fields.items()}


def test_every_setting_is_in_the_reference_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(PENSTOCK_\w+)` \| ([^|]+) \|", text(DOCS / "reference/settings.md"), re.MULTILINE))
    assert rows.keys() == variables().keys()
    for name, default in variables().items():
        if default is not None:
            wanted = str(default).lower() if isinstance(default, bool) else str(default)
            assert rows[name].strip("`") == wanted, name


@EVERY_PAGE
def test_variables_on_a_page_exist(page: Path) -> None:
    known = {*variables(), *VARIABLES.values(), *OTHER_VARIABLES}
    assert set(re.findall(r"PENSTOCK_[A-Z_]*[A-Z]", text(page))) <= known


# The connection's body


def fields(model: type[BaseModel], prefix: str = "") -> set[str]:
    return {f"{prefix}{field.alias or name}" for name, field in model.model_fields.items()}


def test_every_field_of_a_connection_is_in_the_reference_and_no_other() -> None:
    page = sections(DOCS / "reference/connection.md")
    told = {field for name, body in page.items() if name != "How it is" for field in first_column(body)}
    assert told == {
        *fields(ConnectionBody),
        "config.schema",
        *fields(HubSpotConfig, "config."),
        *fields(HubSpotAuth, "auth."),
        *fields(ClientAccess, "auth.client_access."),
        *fields(ConnectCardConfig, "connect_card_config."),
    }


def test_what_it_costs_is_what_the_rules_give() -> None:
    page = (DOCS / "explanation" / "what-it-costs.md").read_text(encoding="utf-8")
    for row in table([1_000, 10_000, 100_000, 1_000_000, 10_000_000], [5, 60, 360, 1440]):
        assert f"| {' | '.join(row)} |\n" in page


# Tables


def hubspot_tables() -> dict[str, Table]:
    """Every table of a HubSpot connection; of records' tables the columns that do not depend on the account."""
    tables = [
        *(table for stream in (OWNERS, DEAL_PIPELINES, PROPERTIES) for table in stream.tables),
        *(Layout.of(object_type, [], 1).table for object_type in OBJECT_TYPES),
        *(association_table(relation) for relation in RELATIONS),
        *(merges_table(object_type) for object_type in OBJECT_TYPES if object_type.merges_table),
    ]
    return {table.name: table for table in tables}


@pytest.mark.parametrize("name", sorted(hubspot_tables()))
def test_every_table_of_hubspot_is_in_the_reference_as_it_is(name: str) -> None:
    table = hubspot_tables()[name]
    body = sections(DOCS / "reference/tables.md")[name]
    rows = re.findall(r"^\| `(\w+)` \| ([\w ]+) \| ?(.*) \|$", body, re.MULTILINE)
    columns = {column.name: column.type.value for column in table.columns}
    assert {column: type_ for column, type_, _ in rows} == columns | dict.fromkeys(table.deleted_aliases, "boolean")
    assert tuple(column for column, _, told in rows if told.startswith("**key**")) == table.primary_key


def test_the_reference_has_no_other_tables_of_hubspot() -> None:
    page = DOCS / "reference/tables.md"
    told = {name for name, body in sections(page).items() if "| column | type |" in body}
    assert told == set(hubspot_tables())
    assert SYNCED in text(page)


def state_relations() -> dict[str, set[str]]:
    """The columns of every table and view in the schema penstock, as models and SQL scripts have them."""
    found = {table.name: {column.name for column in table.columns} for table in Base.metadata.sorted_tables}
    scripts = [
        *sorted(ROOT.glob("migrations/versions/*.sql")),
        ROOT / "destinations/postgres/sql/create_bookkeeping.sql",
    ]
    statement = re.compile(
        r"^CREATE (?:(?:OR REPLACE )?VIEW|TABLE IF NOT EXISTS) penstock\.(\w+)(.*?);$", re.MULTILINE | re.DOTALL
    )
    for name, body in (match.groups() for script in scripts for match in statement.finditer(text(script))):
        pattern = r'^    \S.*?([a-z_]+)"?,?$' if body.startswith(" AS") else r"^    ([a-z_]+) "
        found[name] = set(re.findall(pattern, body, re.MULTILINE))
    return found


def test_every_state_table_and_column_is_in_the_reference_and_no_other() -> None:
    page = sections(DOCS / "reference/state.md")
    told = {name: set(first_column(body)) for name, body in page.items() if "| column |" in body}
    assert told == state_relations()


@EVERY_PAGE
def test_state_tables_on_a_page_exist(page: Path) -> None:
    told = set(re.findall(r"\bpenstock\.([a-z_]+)\b(?!\.)", text(page)))
    assert told <= {*state_relations(), *OTHER_RELATIONS}


# Links


@EVERY_PAGE
def test_links_on_a_page_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def anchors(page: Path) -> Iterable[str]:
    headings = re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_leads_to_every_page() -> None:
    linked = {DOCS / path for path in re.findall(r"\]\(([^)#\s]+)", text(DOCS / "README.md"))}
    pages = {
        page
        for folder in ("tutorial", "howto", "reference", "explanation", "behaviour")
        for page in (DOCS / folder).glob("*.md")
    }
    assert pages <= linked


@EVERY_PAGE
def test_files_of_the_repository_on_a_page_exist(page: Path) -> None:
    for path in re.findall(r"`((?:engine|connectors|destinations|migrations|tests|docs)/[\w./-]+)`", text(page)):
        assert (ROOT / path).exists(), path
