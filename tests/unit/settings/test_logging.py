from __future__ import annotations

import json
import logging as stdlib_logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import SecretStr

from engine.logging import configure, redact
from engine.settings import Settings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """The logging configuration is put back afterwards."""
    root = stdlib_logging.getLogger()
    before = root.handlers, root.level
    yield
    root.handlers, root.level = before
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("stream", "deals", "deals"),
        ("records", 7, 7),
        ("access_token", "abc", "******"),
        ("Authorization", "Bearer abc", "******"),
        ("client_secret", "abc", "******"),
        ("password", "abc", "******"),
        ("anything", SecretStr("abc"), "******"),
        ("auth", {"refresh_token": "abc", "account": "a"}, {"refresh_token": "******", "account": "a"}),
        ("given", [{"token": "abc"}], [{"token": "******"}]),
        ("where", "postgresql://user:abc@host/db", "postgresql://user:******@host/db"),
        ("exception", "ValueError: b'Bearer abc-1'", "ValueError: b'Bearer ******'"),
        ("token", None, None),
    ],
)
def test_redacts_secrets_by_type_key_and_form(key: str, value: object, shown: object) -> None:
    assert redact(None, "info", {key: value}) == {key: shown}


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_secret_reaches_the_log(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure(Settings(log_format=log_format))
    log, local = structlog.stdlib.get_logger("test"), "planted"
    log.info("connected", token=local, config={"password": "planted"}, key=SecretStr("planted"))
    stdlib_logging.getLogger("library").warning("cannot reach %s", "postgresql://u:planted@h/d")
    try:
        _fail(local)
    except RuntimeError:
        log.exception("failed")
    logged = capsys.readouterr()
    assert "planted" not in logged.err + logged.out
    assert all(word in logged.err for word in ("connected", "cannot reach", "RuntimeError"))


def test_json_logs_are_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(log_format="json", log_level="warning"))
    structlog.stdlib.get_logger("test").info("quiet")
    structlog.stdlib.get_logger("test").warning("sync_failed", connection="crm")
    (line,) = capsys.readouterr().err.splitlines()
    written = json.loads(line)
    assert (
        written.items() >= {"event": "sync_failed", "connection": "crm", "level": "warning", "logger": "test"}.items()
    )
    assert written["timestamp"].endswith("Z")


def _fail(token: str) -> None:
    raise RuntimeError(len(token))
