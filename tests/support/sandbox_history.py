"""Random histories of the sandbox HubSpot."""

from __future__ import annotations

import random

from connectors.hubspot.sandbox.account import Account


def change_something(account: Account, object_type: str, rng: random.Random) -> str:
    """Make one change picked at random to records of a type, and say which kind it was."""
    live, archived = account.ids(object_type), account.ids(object_type, archived=True)
    text = {account.store(object_type).kind.title: rng.choice(("Lima", "Paris", "", None))}
    kind = rng.choice(("create", "update", "recalculate", "touch", "archive", "restore", "purge", "merge"))
    if kind == "create" or len(live) < 5:
        account.create(object_type, text)
        return "create"
    match kind:
        case "update":
            account.update(object_type, rng.choice(live), text)
        case "recalculate":
            account.recalculate(object_type, rng.choice(live), text)
        case "touch":
            account.touch(object_type, rng.sample(live, 3))
        case "archive":
            account.archive(object_type, rng.choice(live))
        case "restore" if archived:
            account.restore(object_type, rng.choice(archived))
        case "purge":
            account.purge(object_type, rng.choice(live + archived))
        case "merge":
            account.merge(object_type, *rng.sample(live, 2))
    return kind
