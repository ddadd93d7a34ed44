"""What a person says about a PostgreSQL to load into."""

from __future__ import annotations

from typing import Any, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class PostgresConfig(BaseModel):
    """Either `url`, or `host` with the rest."""

    # A rejected value may hold a password: pydantic must not repeat it.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: SecretStr | None = Field(None, description="postgresql://user:password@host:port/database?sslmode=…")
    host: str | None = Field(None, description="A host name, an address, or the folder of a Unix socket.")
    port: int = Field(default=5432, ge=1, le=65535, description="The port.")
    database: str | None = Field(None, description="The database.")
    user: str | None = Field(None, description="The user that loads.")
    password: SecretStr | None = Field(None, description="The user's password.")
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = Field(
        None, description="How TLS is used, in libpq's words."
    )
    always_encrypted: bool = Field(default=False, description="Never without TLS: at least sslmode require.")
    auth_method: Literal["PASSWORD"] = Field("PASSWORD", description="How the user is known: by password only.")
    connection_type: Literal["Directly", "PrivateLink", "SshTunnel", "ProxyAgent"] = Field(
        "Directly", description="Directly; the others are not available in this version and refused."
    )
    tunnel_host: str | None = Field(None, description="Not available in this version.")
    tunnel_port: int | None = Field(None, description="Not available in this version.")
    tunnel_user: str | None = Field(None, description="Not available in this version.")

    @model_validator(mode="after")
    def _is_reached_directly(self) -> PostgresConfig:
        if self.connection_type != "Directly" or any((self.tunnel_host, self.tunnel_port, self.tunnel_user)):
            msg = "connection_type: only Directly is available in this version, without tunnel_host, _port and _user"
            raise ValueError(msg)
        if self.always_encrypted and self.sslmode in {"disable", "allow", "prefer"}:
            msg = f"give either always_encrypted or sslmode {self.sslmode}, not both"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _is_complete(self) -> PostgresConfig:
        fields = type(self).model_fields
        others = [name for name in fields if name != "url" and getattr(self, name) != fields[name].default]
        if self.url is None:
            missing = [name for name in ("host", "database", "user") if not getattr(self, name)]
            if missing:
                msg = f"give url, or host, database and user (missing: {', '.join(missing)})"
                raise ValueError(msg)
        elif others:
            msg = f"give either url or {', '.join(others)}, not both"
            raise ValueError(msg)
        elif not _is_plausible(self.url.get_secret_value()):
            msg = "url must read postgresql://user:password@host:port/database, special characters percent-encoded"
            raise ValueError(msg)
        return self

    def parameters(self) -> dict[str, Any]:
        """The connection parameters as libpq names them. Holds the password."""
        if self.url is not None:
            return conninfo_to_dict(self.url.get_secret_value())
        return {
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.user,
            "password": self.password.get_secret_value() if self.password else None,
            "sslmode": self.sslmode or ("require" if self.always_encrypted else None),
        }

    @property
    def where(self) -> str:
        """Host, port and database, for messages."""
        parameters = self.parameters()
        host = parameters.get("host") or parameters.get("hostaddr") or "localhost"
        return f"{host}:{parameters.get('port') or 5432}/{parameters.get('dbname') or parameters.get('user') or ''}"


def _is_plausible(url: str) -> bool:
    """Whether libpq reads it as meant: after an unescaped @ or / the rest of a password would be host, port or database."""
    try:
        parameters = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return False
    ports = str(parameters.get("port", "5432")).split(",")
    return (
        "://" in url
        and all(port.isdecimal() for port in ports)
        and "@" not in f"{parameters.get('host', '')}{parameters.get('dbname', '')}"
    )
