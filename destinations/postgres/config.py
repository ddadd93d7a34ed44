"""What a person says about a PostgreSQL to load into."""

from __future__ import annotations

from typing import Any, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from engine.contract import Method, SshServer


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
    connection_type: Method = Field("Directly", description="How the server is reached: Directly, or by what way.")
    tunnel_host: str | None = Field(None, description="The SSH server, for connection_type SshTunnel.")
    tunnel_port: int = Field(default=22, ge=1, le=65535, description="The SSH server's port.")
    tunnel_user: str | None = Field(None, description="The user on the SSH server.")

    @model_validator(mode="after")
    def _is_consistent(self) -> PostgresConfig:
        if self.always_encrypted and self.sslmode in {"disable", "allow", "prefer"}:
            msg = f"give either always_encrypted or sslmode {self.sslmode}, not both"
            raise ValueError(msg)
        if bool(self.tunnel_host) != bool(self.tunnel_user):
            msg = "tunnel_host and tunnel_user go together"
            raise ValueError(msg)
        if self.connection_type == "SshTunnel" and self.tunnel is None:
            msg = "tunnel_host and tunnel_user are required with connection_type SshTunnel"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _is_complete(self) -> PostgresConfig:
        fields = type(self).model_fields
        others = [name for name in _INSTEAD_OF_URL if getattr(self, name) != fields[name].default]
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
    def tunnel(self) -> SshServer | None:
        """The SSH server that a tunnel goes through, if one is named."""
        if self.tunnel_host is None or self.tunnel_user is None:
            return None
        return SshServer(self.tunnel_host, self.tunnel_port, self.tunnel_user)

    @property
    def where(self) -> str:
        """Host, port and database, for messages."""
        parameters = self.parameters()
        host = parameters.get("host") or parameters.get("hostaddr") or "localhost"
        return f"{host}:{parameters.get('port') or 5432}/{parameters.get('dbname') or parameters.get('user') or ''}"


_INSTEAD_OF_URL = ("host", "port", "database", "user", "password", "sslmode", "always_encrypted")
"""What a URL says as well."""


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
