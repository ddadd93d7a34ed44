"""Names this destination takes, and the lock that goes with each."""

from __future__ import annotations

import hashlib
import re

from engine.contract import InvalidSetting
from engine.contract.naming import MAX_BYTES

BOOKKEEPING = "penstock"
"""The schema of this destination's own tables."""

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]*")


def check_schema_name(schema: str) -> None:
    """Raise `InvalidSetting` (field `config.schema`) unless the schema can be made and read without quotes."""
    if not _SCHEMA.fullmatch(schema):
        reason = "must start with a letter or underscore and hold only lower-case letters, digits and underscores."
    elif len(schema) > MAX_BYTES:
        reason = f"has {len(schema)} characters; PostgreSQL takes {MAX_BYTES} at most."
    elif schema.startswith("pg_") or schema in {"information_schema", BOOKKEEPING}:
        reason = "is reserved; choose another name."
    else:
        return
    raise InvalidSetting("config.schema", f"'{schema}' {reason}")


def lock_key(name: str) -> int:
    """The advisory lock that stands for this name: a signed 64-bit number, the same on every machine."""
    digest = hashlib.sha256(f"{BOOKKEEPING}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
