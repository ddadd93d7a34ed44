from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.connections.card_token import CardClosed, CardToken
from engine.settings import Settings
from engine.state.secrets import Vault

TOKEN = CardToken("7f3a", "card", datetime(2026, 11, 24, 10, 30, tzinfo=UTC))


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault(Settings(home=tmp_path_factory.mktemp("home")))


def claims(text: str) -> dict[str, object]:
    part = text.split(".")[1]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def test_a_token_says_which_card_and_until_when_and_can_stand_in_an_address(vault: Vault) -> None:
    text = TOKEN.signed(vault)
    assert CardToken.read(text, vault) == TOKEN
    assert claims(text) == {"sub": "7f3a", "jti": "card", "exp": 1795516200}
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_another_penstock_makes_other_tokens(vault: Vault, tmp_path: Path) -> None:
    foreign = TOKEN.signed(Vault(Settings(home=tmp_path)))
    with pytest.raises(CardClosed, match="not made here"):
        CardToken.read(foreign, vault)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_token_that_was_changed_anywhere_is_none(vault: Vault, data: st.DataObject) -> None:
    text = TOKEN.signed(vault)
    at = data.draw(st.integers(0, len(text) - 2))  # the last character holds bits that mean nothing
    other = data.draw(st.characters().filter(lambda character: character != text[at]))
    with pytest.raises(CardClosed):
        CardToken.read(text[:at] + other + text[at + 1 :], vault)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "ä.ö.ü", "\0", "e30.e30.e30", "." * 5000])
def test_what_is_no_token_is_none(vault: Vault, text: str) -> None:
    with pytest.raises(CardClosed) as closed:
        CardToken.read(text, vault)
    assert closed.value.why == "invalid"
