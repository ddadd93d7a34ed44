"""Credentials from the command line: from files, standard input, the environment or a prompt, never from arguments.

What stands in an argument can be read by every user of the machine, in the list of processes.
"""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path
from typing import Any

from engine.contract import InvalidSetting
from engine.files import why_unreadable

VARIABLES = {
    "access_token": "PENSTOCK_ACCESS_TOKEN",
    "client_id": "PENSTOCK_CLIENT_ID",
    "client_secret": "PENSTOCK_CLIENT_SECRET",
    "refresh_token": "PENSTOCK_REFRESH_TOKEN",
}
"""Where `connections create` looks for what no option gives."""


def given(
    access_token_file: Path | None,
    client_id: str | None,
    client_secret_file: Path | None,
    refresh_token_file: Path | None,
) -> dict[str, str]:
    """The credentials that the options give.

    Raises:
        InvalidSetting: a file cannot be read, or is empty.
    """
    found = {
        "client_id": client_id,
        "access_token": _secret("--access-token-file", "Access token", access_token_file),
        "client_secret": _secret("--client-secret-file", "Client secret", client_secret_file),
        "refresh_token": _secret("--refresh-token-file", "Refresh token", refresh_token_file),
    }
    return {name: value for name, value in found.items() if value is not None}


def from_environment() -> dict[str, str]:
    """The credentials that the environment gives."""
    return {name: os.environ[variable] for name, variable in VARIABLES.items() if os.environ.get(variable)}


def asked() -> dict[str, str]:
    """An access token from a prompt; nothing when nobody is there to be asked."""
    return {"access_token": _prompt("Access token")} if sys.stdin.isatty() else {}


def as_auth(credentials: dict[str, str]) -> dict[str, Any] | None:
    """The `auth` of a connection's body; None when there are no credentials."""
    auth: dict[str, Any] = {
        name: credentials[name] for name in ("access_token", "refresh_token") if name in credentials
    }
    app = {name: credentials[name] for name in ("client_id", "client_secret") if name in credentials}
    if app:
        auth["client_access"] = app
    return auth or None


def _secret(option: str, label: str, file: Path | None) -> str | None:
    if file is None:
        return None
    if str(file) == "-":
        value = _prompt(label) if sys.stdin.isatty() else sys.stdin.readline().strip()
    else:
        try:
            value = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSetting(option, f"{file} cannot be read ({why_unreadable(error)}).") from None
    if not value:
        raise InvalidSetting(option, "is empty.")
    return value


def _prompt(label: str) -> str:
    return getpass(f"{label}: ").strip()
