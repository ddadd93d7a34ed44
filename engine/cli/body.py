"""The body of a request about a connection, put together from a file and from options."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.contract import InvalidSetting


def body_in(file: Path | None) -> dict[str, Any]:
    """The JSON object in a file, or on standard input for `-`; empty without a file.

    Raises:
        InvalidSetting: it cannot be read, or is no JSON object.
    """
    if file is None:
        return {}
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        body = json.loads(text.removeprefix("\ufeff"))  # PowerShell begins its files with a byte order mark
    except OSError as error:
        raise InvalidSetting("--file", f"{file} cannot be read ({error.strerror}).") from None
    except json.JSONDecodeError as error:
        raise InvalidSetting(
            "--file", f"{file} is no JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        ) from None
    except UnicodeDecodeError:
        raise InvalidSetting("--file", f"{file} is no text in UTF-8.") from None
    except RecursionError:
        raise InvalidSetting("--file", f"{file} is nested too deeply.") from None
    if not isinstance(body, dict):
        raise InvalidSetting("--file", f"{file} must hold a JSON object.")
    return body


def with_options(body: dict[str, Any], config: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The body with what options say put over it; an option that was not given is None and says nothing."""
    merged = {**body, **_said(fields)}
    if config := _said(config):
        given = body.get("config")
        merged["config"] = {**(given if isinstance(given, dict) else {}), **config}
    return merged


def with_schema(body: dict[str, Any]) -> dict[str, Any]:
    """The body of a new connection, as it is.

    Raises:
        InvalidSetting: nothing names the schema.
    """
    if not body.get("config"):
        raise InvalidSetting("--schema", "is required, unless a --file has config.schema.")
    return body


def settings(schema: str | None, arguments: Sequence[str] | None) -> dict[str, Any]:
    """The config that options give.

    Raises:
        InvalidSetting: one has no `=`, or there are two schemas.
    """
    given = pairs(arguments)
    if schema is not None and given.get("schema", schema) != schema:
        raise InvalidSetting("--config", f"gives another schema than --schema {schema}.")
    return {"schema": schema, **given}


def pairs(arguments: Sequence[str] | None) -> dict[str, str]:
    """KEY=VALUE arguments as a dictionary.

    Raises:
        InvalidSetting: one has no `=`.
    """
    split = [argument.partition("=") for argument in arguments or ()]
    for key, equals, _ in split:
        if not equals:
            raise InvalidSetting("--config", f"'{key}' must be KEY=VALUE.")
    return {key: value for key, _, value in split}


def _said(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
