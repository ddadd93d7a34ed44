"""Credentials at rest: sealed with a key that is not in the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from engine.contract import InvalidSetting
from engine.files import why_unreadable
from engine.settings import Settings

KEY_VARIABLE = "PENSTOCK_SECRET_KEY"
_FORM = "must be a key as `openssl rand -base64 32` prints it (32 bytes in base64); several go with commas between."


class Vault:
    """Seals dictionaries into text and opens them again.

    The key comes from PENSTOCK_SECRET_KEY (the first of several seals, all of them open: that is how a key is
    changed), else from the file secret.key under PENSTOCK_HOME, which is made when it is not there.

    Raises:
        InvalidSetting: the key is no key, or its file cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        key_file = settings.home / "secret.key"
        if settings.secret_key is not None:
            self._origin = KEY_VARIABLE
            keys = settings.secret_key.get_secret_value()
        else:
            self._origin = str(key_file)
            keys = _key_in(key_file)
        try:
            # openssl prints the standard base64 alphabet, Fernet reads the one for URLs
            texts = [key.strip().translate(_URL_SAFE) for key in keys.split(",")]
            self._fernet = MultiFernet([Fernet(key) for key in texts])
        except ValueError:
            raise InvalidSetting(self._origin, _FORM) from None
        self._keys = [base64.urlsafe_b64decode(key) for key in texts]

    def seal(self, secrets: Mapping[str, Any]) -> str:
        """The dictionary as text that only the key opens."""
        return self._fernet.encrypt(json.dumps(dict(secrets)).encode()).decode()

    def open(self, sealed: str) -> dict[str, Any]:
        """The dictionary that was sealed.

        Raises:
            InvalidSetting: it was sealed with another key.
        """
        try:
            opened = self._fernet.decrypt(sealed)
        except InvalidToken:
            raise InvalidSetting(
                self._origin,
                "This key does not open what is stored in the database. Bring the key of the first machine "
                "(its `secret.key` or PENSTOCK_SECRET_KEY), or enter the credentials again "
                "(`penstock connections update`).",
            ) from None
        secrets: dict[str, Any] = json.loads(opened)
        return secrets

    def sign(self, purpose: str, message: bytes) -> bytes:
        """A signature (HMAC-SHA256) that only the key makes; one for another purpose does not fit."""
        return _signature(self._keys[0], purpose, message)

    def has_signed(self, purpose: str, message: bytes, signature: bytes) -> bool:
        """Whether this is the message's signature, by any of the keys."""
        return any(hmac.compare_digest(_signature(key, purpose, message), signature) for key in self._keys)


_URL_SAFE = str.maketrans("+/", "-_")


def _signature(key: bytes, purpose: str, message: bytes) -> bytes:
    derived = hmac.digest(key, f"penstock {purpose}".encode(), hashlib.sha256)
    return hmac.digest(derived, message, hashlib.sha256)


def _key_in(path: Path) -> str:
    """The key in the file, made with it if need be; of several processes that make it at once one wins."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = path.with_name(f".{path.name}.{os.getpid()}")
            new.touch(mode=0o600, exist_ok=True)
            new.write_bytes(Fernet.generate_key() + b"\n")
            try:
                path.hardlink_to(new)
            except FileExistsError:
                pass
            finally:
                new.unlink()
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(
            "PENSTOCK_HOME",
            f"The key file {path} cannot be read or made ({why_unreadable(error)}). Set {KEY_VARIABLE} instead.",
        ) from None
