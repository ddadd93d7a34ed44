from __future__ import annotations

import base64
import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from engine.contract import InvalidSetting
from engine.settings import Settings
from engine.state.secrets import Vault

AUTH = {"access_token": "planted", "client_access": {"client_id": "é"}}


def vault(home: Path, key: str | None = None) -> Vault:
    return Vault(Settings(home=home, secret_key=SecretStr(key) if key else None))


def test_what_is_sealed_opens_again_and_shows_nothing(tmp_path: Path) -> None:
    sealed = vault(tmp_path).seal(AUTH)
    assert "planted" not in sealed
    assert vault(tmp_path).open(sealed) == AUTH


def test_the_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    vault(tmp_path / "new" / "home")
    file = tmp_path / "new" / "home" / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["secret.key"]


def test_a_key_from_the_environment_leaves_no_file(tmp_path: Path) -> None:
    vault(tmp_path, Fernet.generate_key().decode())
    assert not list(tmp_path.iterdir())


def test_a_key_as_openssl_prints_it_is_taken(tmp_path: Path) -> None:
    key = base64.b64encode(b"\xff\xfe" + os.urandom(30)).decode()
    assert "/" in key
    assert vault(tmp_path, key).open(vault(tmp_path, f" {key}\n").seal(AUTH)) == AUTH


def test_a_changed_key_seals_anew_and_opens_what_the_old_one_sealed(tmp_path: Path) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    changed = vault(tmp_path, f"{new},{old}")
    assert changed.open(vault(tmp_path, old).seal(AUTH)) == AUTH
    assert vault(tmp_path, new).open(changed.seal(AUTH)) == AUTH


def test_another_key_is_told_and_shows_nothing(tmp_path: Path) -> None:
    sealed = vault(tmp_path, Fernet.generate_key().decode()).seal(AUTH)
    with pytest.raises(InvalidSetting, match=r"^PENSTOCK_SECRET_KEY: This key does not open") as refused:
        vault(tmp_path, Fernet.generate_key().decode()).open(sealed)
    assert sealed not in str(refused.value)


@pytest.mark.parametrize("key", ["short", "planted-not-base64!", ",", base64.b64encode(b"x" * 31).decode()])
def test_what_is_no_key_is_told_but_not_repeated(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^PENSTOCK_SECRET_KEY: must be a key") as refused:
        vault(tmp_path, key)
    assert "planted" not in str(refused.value)


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidSetting, match=r"^PENSTOCK_HOME: The key file .* Set PENSTOCK_SECRET_KEY instead\.$"):
        vault(tmp_path / "file" / "home")


def test_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        sealed = pool.map(_seal, [str(tmp_path)] * 8)
    assert [vault(tmp_path).open(each) for each in sealed] == [AUTH] * 8


def _seal(home: str) -> str:
    return vault(Path(home)).seal(AUTH)


def test_what_is_signed_was_signed_here_for_that_purpose_only(tmp_path: Path) -> None:
    old, new, other = (Fernet.generate_key().decode() for _ in range(3))
    signature = vault(tmp_path, old).sign("cards", b"a card")
    assert vault(tmp_path, old).has_signed("cards", b"a card", signature)
    assert vault(tmp_path, f"{new},{old}").has_signed("cards", b"a card", signature)
    assert not vault(tmp_path, other).has_signed("cards", b"a card", signature)
    assert not vault(tmp_path, old).has_signed("mail", b"a card", signature)
    assert not vault(tmp_path, old).has_signed("cards", b"a cart", signature)
    assert not vault(tmp_path, old).has_signed("cards", b"a card", b"")


def test_a_key_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(b"\xff" * 32)
    with pytest.raises(InvalidSetting, match=r"^PENSTOCK_HOME: The key file .* cannot be read or made \(no text\)"):
        Vault(Settings(home=tmp_path))
