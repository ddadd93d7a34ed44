"""Lists of texts as PostgreSQL's arrays."""

from __future__ import annotations

import psycopg
from psycopg import adapt, postgres


class Texts(list[str | None]):
    """The cells of one column, in canonical form; as a parameter, an array of texts."""

    __slots__ = ()


class TextsDumper(adapt.Dumper):
    """Writes the array in one go; psycopg's own way with lists looks each element up."""

    oid = postgres.types["text"].array_oid

    def dump(self, obj: Texts) -> bytes:
        """The array as PostgreSQL reads it.

        Raises:
            psycopg.DataError: a NUL is in it.
            UnicodeEncodeError: half of a surrogate pair is.
        """
        cells = ",".join(["NULL" if text is None else _quoted(text) for text in obj])
        if "\0" in cells:
            raise psycopg.DataError("a text of PostgreSQL has no NUL")
        return f"{{{cells}}}".encode()


def _quoted(text: str) -> str:
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
