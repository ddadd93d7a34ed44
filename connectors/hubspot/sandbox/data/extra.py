"""Custom properties in any number, with the awkward values that real accounts have."""

from __future__ import annotations

import random

from connectors.hubspot.sandbox import times
from connectors.hubspot.sandbox.data import words
from connectors.hubspot.sandbox.properties import (
    Property,
    Value,
    boolean,
    calendar_day,
    choice,
    date,
    datetime,
    decimal,
    moment,
    number,
    one_of,
    sparse,
    text,
    whole,
)

_LONG = "custom_field_whose_name_is_longer_than_any_database_would_like_it_to_be"


def _list_of_ids(rng: random.Random, _: int) -> Value:
    return ";".join(str(rng.randrange(10**11, 10**12)) for _ in range(rng.choice((1, 1, 2, 3))))


def _epoch(rng: random.Random, until: int) -> Value:
    return str(until - rng.randrange(3 * 365) * times.DAY)


def custom_property(position: int) -> Property:
    """The custom property at this position, counted from 0; the first dozen show one awkwardness each."""
    name = f"custom_{position + 1:04d}"
    label = f"Custom {position + 1}"
    made = (
        lambda: number(f"{name}_ids", label, sparse(_list_of_ids, filled=0.3)),  # a number that holds a list
        lambda: text(f"{_LONG}_{position}_a", label, sparse(one_of(words.TRADES))),  # equal in the first 63 bytes
        lambda: text(f"{_LONG}_{position}_b", label, sparse(one_of(words.TRADES))),
        lambda: date(f"{name}_date", label, sparse(_epoch)),  # a date in epoch milliseconds
        lambda: datetime(f"{name}_datetime", label, sparse(_epoch)),
        lambda: boolean(f"{name}_bool", label, sparse(one_of(("true", "false", "Yes", "No")))),
        lambda: choice(f"{name}_choice", label, ("a", "b", "c"), sparse(one_of(("a", "a;b", "b;c", "gone")))),
        lambda: number(f"{name}_decimal", label, sparse(decimal(-1000, 1000))),
        lambda: number(f"{name}_whole", label, sparse(one_of(("17", "67340.0", "1.5E7", "", "9007199254740993")))),
        lambda: text(f"{name}_text", label, sparse(one_of(words.SENTENCES))),
        lambda: date(f"{name}_day", label, sparse(calendar_day)),
        lambda: datetime(f"{name}_moment", label, sparse(moment)),
    )
    plain = (
        lambda: text(name, label, sparse(one_of(words.TRADES))),
        lambda: number(name, label, sparse(whole(0, 1000))),
        lambda: date(name, label, sparse(calendar_day)),
        lambda: boolean(name, label),
    )
    makers = made if position < len(made) else plain
    return makers[position % len(makers)]()
