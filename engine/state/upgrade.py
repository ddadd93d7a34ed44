"""Bringing the state schema to the version that this program knows."""

from __future__ import annotations

from importlib.metadata import version as package_version
from importlib.resources import as_file, files

from sqlalchemy import Connection, text

from engine.contract import Conflict
from engine.state.models import SCHEMA

LOCK = 0x70656E73746F636B
"""Key of the advisory lock under which one process at a time changes the schema ("penstock" in ASCII)."""


def known_versions() -> list[str]:
    """The versions of the schema that this program knows, oldest first."""
    names = (entry.name for entry in files("migrations.versions").iterdir())
    return sorted(name[:4] for name in names if name.endswith(".py") and name[:4].isdigit())


def current_version(connection: Connection) -> str | None:
    """The version of the schema in the database; None when it has none yet."""
    if connection.scalar(text("SELECT to_regclass(:table)"), {"table": f"{SCHEMA}.alembic_version"}) is None:
        return None
    version: str | None = connection.scalar(text(f"SELECT version_num FROM {SCHEMA}.alembic_version"))  # noqa: S608 - a constant
    return version


def check(connection: Connection) -> None:
    """Hold that the database's schema is the one this program was written for.

    Raises:
        Conflict: it is older or newer; the message tells what to do.
    """
    current, known = current_version(connection), known_versions()
    if current == known[-1]:
        return
    if current is not None and current not in known:
        raise Conflict(
            f"The state database is at version {current}; penstock {package_version('penstock')} knows none after "
            f"{known[-1]}. Install the newer penstock that made it."
        )
    raise Conflict(f"The state database is at version {current}, older than {known[-1]}. Run `penstock db upgrade`.")


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest version, with procrastinate's tables in it, within the caller's transaction.

    Processes that do so at once wait for one another; what is up to date already is left as it is.

    Raises:
        Conflict: the database is newer than this program.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    current = current_version(connection)
    if current is not None and current not in known_versions():
        check(connection)
    _migrate(connection)
    _add_queue(connection)


def _migrate(connection: Connection) -> None:
    # Alembic takes long to import and is needed once in a database's life
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    with as_file(files("migrations")) as folder:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        command.upgrade(config, "head")


def _add_queue(connection: Connection) -> None:
    if connection.scalar(text("SELECT to_regclass(:table)"), {"table": f"{SCHEMA}.procrastinate_jobs"}) is not None:
        return
    from procrastinate.schema import SchemaManager  # noqa: PLC0415 - as above

    # its script names no schema: everything goes where the search path points
    connection.execute(text(f"SET LOCAL search_path TO {SCHEMA}"))
    connection.exec_driver_sql(SchemaManager.get_schema(), execution_options={"no_parameters": True})
    connection.execute(text("SET LOCAL search_path TO DEFAULT"))
