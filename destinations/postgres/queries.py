"""The statements of `sql/`, by the name of their file, and the pieces they are put together from."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from psycopg import sql


@cache
def query(name: str) -> sql.SQL:
    """The statement in `sql/NAME.sql`; its `{placeholders}` are filled with `.format`, its `%(parameters)s` when run."""
    text = files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    return sql.SQL(text)


def type_name(type_: str) -> sql.SQL:
    """A type as the server itself writes it (`format_type`), which is SQL already."""
    return sql.SQL(type_)


def identifiers(names: Iterable[str], alias: str | None = None) -> sql.Composed:
    """Quoted column names, behind an alias where there is one, parted by commas."""
    quoted = (sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in names)
    return sql.SQL(", ").join(quoted)
