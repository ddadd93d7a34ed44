from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from engine.contract import InvalidSetting
from engine.settings import Settings, listing, load, origin


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"PENSTOCK_{name}".upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_any_setting_everything_has_a_value() -> None:
    settings = load(Settings)
    assert settings.home == Path("~/.penstock").expanduser()
    assert settings.database_url is None
    assert (settings.bind, settings.log_format, settings.workers) == ("127.0.0.1:8484", "console", 2)


def test_environment_goes_before_the_env_file_goes_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("PENSTOCK_WORKERS=3\nPENSTOCK_LOG_FORMAT=json\n")
    monkeypatch.setenv("PENSTOCK_WORKERS", "5")
    monkeypatch.setenv("PENSTOCK_BIND", "")  # empty is as good as not set
    settings = load(Settings)
    assert (settings.workers, settings.log_format, settings.bind) == (5, "json", "127.0.0.1:8484")
    assert [origin(Settings, field) for field in ("workers", "log_format", "bind")] == [
        "environment",
        ".env",
        "default",
    ]


def test_home_may_be_told_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_HOME", "~/elsewhere")
    assert load(Settings).home == Path.home() / "elsewhere"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("PENSTOCK_LOG_FORMAT", "xml", "must be console or json."),
        ("PENSTOCK_LOG_LEVEL", "loud", "must be debug, info, warning or error."),
        ("PENSTOCK_WORKERS", "many", "must be a whole number."),
        ("PENSTOCK_WORKERS", "0", "must be 1 or more."),
        ("PENSTOCK_WORKERS", "65", "must be 64 or less."),
        ("PENSTOCK_SCHEDULE_OFFSET", "perhaps", "must be true or false."),
        ("PENSTOCK_BIND", "8484", "must be HOST:PORT, such as 127.0.0.1:8484."),
        ("PENSTOCK_BIND", "localhost:99999", "must be HOST:PORT, such as 127.0.0.1:8484."),
    ],
)
def test_a_bad_value_is_told_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSetting) as refused:
        load(Settings)
    assert str(refused.value) == f"{variable}: {told}"


def test_secrets_are_masked_in_the_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", "postgresql://u:hunter2@h/d")
    listed = {each["name"]: each for each in listing([Settings])}
    assert listed["PENSTOCK_DATABASE_URL"]["value"] == "******"
    assert listed["PENSTOCK_DATABASE_URL"]["source"] == "environment"
    assert listed["PENSTOCK_SECRET_KEY"]["value"] == ""
    assert listed["PENSTOCK_SCHEDULE_OFFSET"]["value"] == "true"
    assert all(each["description"] for each in listed.values())


def test_a_secret_does_not_print() -> None:
    assert "hunter2" not in repr(Settings(database_url=SecretStr("postgresql://u:hunter2@h/d")))


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "http://localhost:8484"),
        ({"bind": "0.0.0.0:80"}, "http://localhost:80"),
        ({"bind": "10.1.2.3:8484"}, "http://10.1.2.3:8484"),
        ({"bind": "[::]:8484", "tls_certificate": Path("cert.pem")}, "https://localhost:8484"),
        ({"public_url": "https://penstock.example.com/elt/"}, "https://penstock.example.com/elt"),
    ],
)
def test_browsers_reach_the_daemon_at_its_public_address(given: dict[str, Any], address: str) -> None:
    assert Settings(**given).address == address


@pytest.mark.parametrize("value", ["penstock.example.com", "ftp://example.com", "https://", "https://example.com/?a=b"])
def test_a_public_address_must_be_one(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PENSTOCK_PUBLIC_URL", value)
    with pytest.raises(InvalidSetting, match=r"^PENSTOCK_PUBLIC_URL: must be a web address"):
        load(Settings)


def test_an_env_file_that_is_no_text_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"PENSTOCK_BIND=\xff\n")
    with pytest.raises(InvalidSetting, match=r"^\.env: cannot be read \(no text\)\.$"):
        load(Settings)
