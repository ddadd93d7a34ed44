"""The names of tables and columns: the rules by which Fivetran's own connectors rename, plus an end to collisions.

Renaming follows the published helper of Fivetran's connector SDK, so that queries written for its tables keep working.
Where that helper would let two source names fall together, or PostgreSQL would cut a name at 63 bytes, a
stable suffix keeps them apart.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping

MAX_BYTES = 63
"""PostgreSQL cuts identifiers at NAMEDATALEN - 1 bytes, silently."""

_NOT_WORD = re.compile(r"[^A-Za-z0-9_]")
_BORDERS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[0-9])(?=[A-Za-z])|(?<=[A-Za-z])(?=[0-9])")
_UNDERSCORES = re.compile(r"_{2,}")


def renamed(name: str) -> str:
    """A source's name in snake case: `firstName` -> `first_name`, `address2` -> `address_2`, `a__b` -> `a_b`.

    Idempotent. Marks are stripped from letters; what is no ASCII letter, digit or underscore becomes an underscore.
    """
    ascii_ = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    words = _BORDERS.sub("_", _NOT_WORD.sub("_", ascii_)).lower()
    return _UNDERSCORES.sub("_", words) or "_"


def unique_names(
    names: Iterable[str], *, prefix: str = "", taken: Iterable[str] = (), claimed: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A destination name for each source name: `prefix` and the renamed name, all different and within 63 bytes.

    `claimed` has the names that were given before: a source name keeps its own, and nobody gets another's, also when
    that one is gone. Apart from that, the name a source name gets depends only on it and on the names it collides
    with, not on their order. In a collision a name that needs no renaming keeps it; the others carry a suffix hashed
    from the source name.
    """
    claimed = claimed or {}
    sources = sorted(set(names))
    result = {source: claimed[source] for source in sources if source in claimed}
    wanted = {source: prefix + renamed(source) for source in sources if source not in claimed}
    by_name: dict[str, list[str]] = {}
    for source, name in wanted.items():
        by_name.setdefault(name, []).append(source)
    used = {*taken, *claimed.values()}
    contested: list[str] = []
    for name, claimants in by_name.items():
        fits = len(name.encode()) <= MAX_BYTES and name not in used
        owner = next((c for c in claimants if prefix + c == name), claimants[0] if len(claimants) == 1 else None)
        for source in claimants:
            if fits and source == owner:
                result[source] = name
            else:
                contested.append(source)
    used.update(result.values())
    for source in contested:
        result[source] = _suffixed(wanted[source], source, used)
        used.add(result[source])
    return result


def _suffixed(name: str, source: str, used: set[str]) -> str:
    digest = hashlib.sha256(source.encode()).hexdigest()
    for length in range(8, len(digest) + 1):
        candidate = f"{name[: MAX_BYTES - length - 1].rstrip('_')}_{digest[:length]}"
        if candidate not in used:
            return candidate
    msg = f"no free name for {source!r}"
    raise ValueError(msg)
