"""What an operator sets: `PENSTOCK_*` in the environment or in a `.env` file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.contract import InvalidSetting
from engine.files import why_unreadable
from engine.invalid import invalid_setting

PREFIX = "PENSTOCK_"

MASK = "******"
"""What stands in place of a secret wherever one could be seen."""

_Model = TypeVar("_Model", bound=BaseSettings)


def _bind_address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the highest TCP port
        msg = "must be HOST:PORT, such as 127.0.0.1:8484."
        raise ValueError(msg)
    return value


_THIS_MACHINE = {"127.0.0.1", "[::1]", "0.0.0.0", "[::]"}  # noqa: S104 - nothing is bound here


def _web_address(value: str) -> str:
    address = urlsplit(value)
    if address.scheme not in {"http", "https"} or not address.hostname or address.query or address.fragment:
        msg = "must be a web address, such as https://penstock.example.com."
        raise ValueError(msg)
    return value.rstrip("/")


class Settings(BaseSettings):
    """The engine's own settings. Those of a kind of source are that plug-in's."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore")

    home: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        Path("~/.penstock"), validate_default=True, description="Where the embedded database and the key file live."
    )
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL that holds the state, as a URL. Unset: the embedded one under PENSTOCK_HOME."
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Key that seals credentials in the database; several with commas, the first one seals. "
        "Unset: the file secret.key under PENSTOCK_HOME.",
    )
    bind: Annotated[str, AfterValidator(_bind_address)] = Field(
        "127.0.0.1:8484", description="Address and port that the daemon answers HTTP on."
    )
    public_url: Annotated[str, AfterValidator(_web_address)] | None = Field(
        None, description="Where browsers reach the daemon, such as https://penstock.example.com. Unset: PENSTOCK_BIND."
    )
    tls_certificate: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        None, description="PEM file with the certificate that HTTP is answered under; its chain follows it."
    )
    tls_key: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        None, description="PEM file with the certificate's key."
    )
    webhook_private_addresses: bool = Field(False, description="Let webhooks go to private addresses, and without TLS.")
    log_format: Literal["console", "json"] = Field("console", description="console for people, json for machines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
    schedule_offset: bool = Field(
        True, description="Start scheduled syncs 0 to 60 minutes after the full hour, by group, to spread the load."
    )
    workers: int = Field(2, ge=1, le=64, description="Syncs that one process runs at a time.")

    @property
    def address(self) -> str:
        """Where browsers reach the daemon, without a slash at the end."""
        host, _, port = self.bind.rpartition(":")
        # sources take addresses without TLS for people to come back to only if the name is localhost
        named = "localhost" if host in _THIS_MACHINE else host
        return self.public_url or f"{'https' if self.tls_certificate else 'http'}://{named}:{port}"


def load(model: type[_Model]) -> _Model:
    """A settings model read from the environment.

    Raises:
        InvalidSetting: a value cannot be taken; the field is the variable's name.
    """
    try:
        return model()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(".env", f"cannot be read ({why_unreadable(error)}).") from None
    except ValidationError as error:
        wrong = invalid_setting(error)
        raise type(wrong)(variable(model, wrong.field), wrong.reason) from None


def listing(models: Iterable[type[BaseSettings]]) -> list[dict[str, str]]:
    """Every setting of the models: its variable's name, its value (a secret's is masked), its source, what it is."""
    listed = []
    for model in models:
        loaded = load(model)
        for field, described in model.model_fields.items():
            value = getattr(loaded, field)
            listed.append(
                {
                    "name": variable(model, field),
                    "value": _shown(value),
                    "source": origin(model, field),
                    "description": described.description or "",
                }
            )
    return listed


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return MASK
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def origin(model: type[BaseSettings], field: str) -> str:
    """Where a field's value comes from: environment, .env or default."""
    name = variable(model, field)
    given = {key.upper() for key, value in os.environ.items() if value}
    if name in given:
        return "environment"
    file = dotenv_values(str(model.model_config.get("env_file") or ""))
    return ".env" if name in {key.upper() for key, value in file.items() if value} else "default"


def variable(model: type[BaseSettings], field: str) -> str:
    """The environment variable that sets a field."""
    return f"{model.model_config.get('env_prefix', '')}{field}".upper()


@cache
def settings() -> Settings:
    """The engine's settings, read once in a process."""
    return load(Settings)
