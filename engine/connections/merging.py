"""What is stored, with what a change gives over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.settings import MASK


def merged(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is not given stays, also within an object. Null takes a setting away, a mask given back changes nothing."""
    result = dict(stored)
    for name, value in given.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            before = stored.get(name)
            result[name] = merged(before if isinstance(before, Mapping) else {}, value)
        elif value != MASK:
            result[name] = value
    return result
