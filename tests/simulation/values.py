"""Values that HubSpot accepts and databases stumble over, by property type."""

from __future__ import annotations

import random

ODD_TEXTS = (
    "",
    "\0",
    "a\0b",
    "half \ud83d of a pair",
    "\ude00 the other half",
    "\U0001f600 whole",
    "back\\slash \\N \\. tab\tand\nnew\r\nlines",
    "'quoted' \"twice\"",
    "NULL",
    "null",
    " padded ",
    "1;2",
    "é" * 40_000,
    "x" * 65_536,
)
_ODD = {
    "number": ("", "1;2", "67340.0", "1e3", "-0.50", "12345678901234567890123", "0.1234567890123456789", "n/a", "1,5"),
    "bool": ("", "TRUE", "Yes", "no", "1"),
    "date": ("", "1572480000000", "2024-02-30", "0000-00-00", "2024-06-01T10:00:00Z", "99999999999999999", "soon"),
    "datetime": (
        "",
        "1572480000123",
        "2024-02-29",
        "2024-06-01 10:00:00",
        "2024-06-01T10:00:00+02:00",
        "253402300800000",
    ),
    "enumeration": ("", "a;b;c", "no_such_option"),
    "string": ODD_TEXTS,
}


def value(rng: random.Random, kind: str, *, odd: float = 0.25) -> str | None:
    """A value of a property of this type: mostly as it should be."""
    if rng.random() < 0.1:
        return None
    if rng.random() < odd:
        return rng.choice(_ODD.get(kind, ODD_TEXTS))
    plain: dict[str, str] = {
        "number": str(rng.choice((rng.randrange(1000), round(rng.uniform(-1e6, 1e6), 2)))),
        "bool": rng.choice(("true", "false")),
        "date": f"20{rng.randrange(10, 40)}-0{rng.randrange(1, 10)}-1{rng.randrange(10)}",
        "datetime": f"2024-0{rng.randrange(1, 10)}-1{rng.randrange(10)}T0{rng.randrange(10)}:30:00.{rng.randrange(1000):03d}Z",
    }
    return plain.get(kind, f"value {rng.randrange(10**6)}")
