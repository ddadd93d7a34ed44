from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_a_key_is_made_listed_and_revoked(penstock: Run) -> None:
    assert "There are no keys yet." in penstock("keys", "list").out
    made = json.loads(penstock("keys", "create", "--name", "airflow", "--json").out)
    assert (made["name"], made["scopes"]) == ("airflow", ["read", "write"])
    assert len(made["secret"]) >= 40
    ended = penstock("keys", "create", "--read-only")
    assert "it is not shown again" in ended.err
    listed = json.loads(penstock("keys", "list", "--json").out)
    assert [(key["name"], key["scopes"], key["revoked_at"]) for key in listed] == [
        ("airflow", ["read", "write"], None),
        ("", ["read"], None),
    ]
    assert made["secret"] not in penstock("keys", "list", "--json").out + penstock("keys", "list").out
    assert penstock("keys", "revoke", made["key"]).out == f"Revoked '{made['key']}'.\n"
    assert json.loads(penstock("keys", "list", "--json").out)[0]["revoked_at"]
    unknown = penstock("keys", "revoke", "nope")
    assert (unknown.code, unknown.err) == (
        2,
        "penstock: There is no key 'nope'. `penstock keys list` shows them all.\n",
    )
