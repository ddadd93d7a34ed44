from __future__ import annotations

from connectors.hubspot.sandbox.account import Account


def test_first(mirror) -> None:
    m = mirror(Account(contacts=300, companies=60, deals=90, properties=110))
    m.sync()
    m.assert_same()
