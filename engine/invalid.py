"""Pydantic's findings as one sentence for the person who wrote the setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from engine.contract import InvalidSetting


def invalid_setting(error: ValidationError, *, prefix: str = "", known: Sequence[str] = ()) -> InvalidSetting:
    """The first finding, as an error whose field is the path as the user wrote it.

    `prefix` is what the validated part is called by its user; `known` are the names a misspelt one is held against.
    The value itself is never repeated: it may be a secret.
    """
    finding = error.errors(include_url=False, include_input=False)[0]
    steps = [str(step) for step in finding["loc"]]
    return said(finding, ".".join([prefix, *steps] if prefix else steps), known=known)


def said(finding: Mapping[str, Any], path: str, *, known: Sequence[str] = ()) -> InvalidSetting:
    """One finding of pydantic's, about what its user calls `path`."""
    return InvalidSetting(path, _reason(finding["type"], finding["msg"], finding.get("ctx") or {}, known))


_IN_WORDS = {
    "missing": "is required.",
    "bool_parsing": "must be true or false.",
    "bool_type": "must be true or false.",
    "int_parsing": "must be a whole number.",
    "int_from_float": "must be a whole number.",
    "int_type": "must be a whole number.",
    "string_type": "must be text.",
    "string_too_short": "must not be empty.",
    "too_short": "must not be empty.",
    "dict_type": "must be a JSON object.",
    "model_type": "must be a JSON object.",
    "model_attributes_type": "must be a JSON object.",
}


def _reason(kind: str, message: str, context: dict[str, object], known: Sequence[str]) -> str:
    match kind:
        case "extra_forbidden":
            return f"There is no such setting. Known: {', '.join(known)}." if known else "There is no such setting."
        case "literal_error":
            return f"must be {str(context['expected']).replace(chr(39), '')}."
        case "value_error":
            return f"{str(context['error']).removesuffix('.')}."
        case "greater_than_equal":
            return f"must be {context['ge']} or more."
        case "less_than_equal":
            return f"must be {context['le']} or less."
        case _:
            return _IN_WORDS.get(kind, f"{message.removeprefix('Input ').removesuffix('.')}.")
