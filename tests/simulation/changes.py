"""What happens in HubSpot: announced, or without a word."""

from __future__ import annotations

import random
from typing import Any

from simulation.values import ODD_TEXTS, value
from simulation.world import PAIRS, TITLES, TYPES, World

from connectors.hubspot.sandbox.schema import SYSTEM
from connectors.hubspot.sandbox.times import iso

FEW = 4
"""So many records of a type stay live, whatever happens."""
_LONG = "a_property_whose_name_fills_all_of_what_a_database_takes_"
_NAMES = ("tier", "Tier", "tierOne", "tier_one", "tier_1", "tier1", "größe", f"{_LONG}end", f"{_LONG}other_end", _LONG)
"""Names of custom properties, most of which are one column's name by the rules of naming."""
_KINDS = ("string", "number", "bool", "date", "datetime", "enumeration")


def create(world: World, rng: random.Random) -> str:
    object_type = rng.choice(TYPES)
    record_id = world.account.create(object_type, _values(world, rng, object_type, 3))
    for near, far in PAIRS:
        if near == object_type and world.live(far) and rng.random() < 0.7:
            world.account.associate(near, record_id, far, rng.choice(world.live(far)))
    return f"{object_type} {record_id} is created"


def update(world: World, rng: random.Random) -> str:
    object_type = rng.choice(TYPES)
    record_id = _pick(world, rng, object_type)
    values = _values(world, rng, object_type, rng.randrange(1, 4))
    world.account.update(object_type, record_id, values)
    return f"{object_type} {record_id} is updated: {_shown(values)}"


def update_again(world: World, rng: random.Random) -> str:
    """The same record several times, some milliseconds apart."""
    object_type = rng.choice(TYPES)
    record_id = _pick(world, rng, object_type)
    for _ in range(3):
        world.account.update(object_type, record_id, _values(world, rng, object_type, 1))
        world.account.advance(0.002)
    return f"{object_type} {record_id} is updated three times"


def touch(world: World, rng: random.Random) -> str:
    """A bulk edit: many records get one modification date."""
    object_type = rng.choice(TYPES)
    ids = world.live(object_type)
    touched = rng.sample(ids, len(ids) if rng.random() < 0.4 else rng.randrange(1, len(ids) + 1))
    world.account.touch(object_type, touched)
    return f"{len(touched)} {object_type} are touched in one millisecond"


def archive(world: World, rng: random.Random) -> str:
    object_type = rng.choice(TYPES)
    picked = _spare(world, rng, object_type, rng.choice((1, 1, 3)))
    for record_id in picked:
        world.account.archive(object_type, record_id)
    return f"{object_type} {picked} are archived"


def restore(world: World, rng: random.Random) -> str:
    object_type = rng.choice(TYPES)
    ids = world.archived(object_type)
    if not ids:
        return "nothing is there to be restored"
    record_id = rng.choice(ids)
    world.account.restore(object_type, record_id)
    return f"{object_type} {record_id} is restored"


def restore_and_archive(world: World, rng: random.Random) -> str:
    """Archived anew: only the time of it tells."""
    object_type = rng.choice(TYPES)
    ids = world.archived(object_type)
    if not ids:
        return "nothing is there to be restored"
    record_id = rng.choice(ids)
    world.account.restore(object_type, record_id)
    world.account.advance(5)
    world.account.archive(object_type, record_id)
    return f"{object_type} {record_id} is restored and archived again"


def merge(world: World, rng: random.Random) -> str:
    """Two records become one, which may go on to be merged."""
    object_type = rng.choice(TYPES)
    said = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        pair = _spare(world, rng, object_type, 2)
        if len(pair) < 2:
            break
        winner = world.account.merge(object_type, *pair)
        said.append(f"{pair[0]} and {pair[1]} become {winner}")
        world.account.advance(rng.choice((0, 1)))
        if rng.random() < 0.5 and len(world.live(object_type)) > FEW:
            other = rng.choice([record_id for record_id in world.live(object_type) if record_id != winner])
            said.append(f"{winner} and {other} become {world.account.merge(object_type, winner, other)}")
    return f"{object_type} are merged: {', '.join(said) or 'none'}"


def gdpr_delete(world: World, rng: random.Random) -> str:
    picked = _spare(world, rng, "contacts", 1)
    for record_id in picked:
        world.account.gdpr_delete(record_id)
    return f"contacts {picked} are deleted for good"


def purge(world: World, rng: random.Random) -> str:
    object_type = rng.choice(TYPES)
    ids = world.archived(object_type)
    if not ids:
        return "nothing is there to be purged"
    record_id = rng.choice(ids)
    world.account.purge(object_type, record_id)
    return f"archived {object_type} {record_id} is purged"


def associate(world: World, rng: random.Random) -> str:
    near, far = rng.choice(PAIRS)
    one, other = _pick(world, rng, near), _pick(world, rng, far)
    kinds = [kind.type_id for kind in world.account.links.types.between(near, far)]
    picked = rng.sample(kinds, rng.randrange(1, len(kinds) + 1))
    world.account.associate(near, one, far, other, *picked)
    return f"{near} {one} is associated with {far} {other} by {picked}"


def associate_many(world: World, rng: random.Random) -> str:
    near, far = rng.choice(PAIRS)
    if rng.random() < 0.5:
        near, far = far, near
    one, others = _pick(world, rng, near), world.live(far)
    picked = rng.sample(others, min(len(others), 12))
    for other in picked:
        world.account.associate(near, one, far, other)
    return f"{near} {one} is associated with {len(picked)} {far}"


def dissociate(world: World, rng: random.Random) -> str:
    near, far = rng.choice(PAIRS)
    linked = [record_id for record_id in world.live(near) if world.account.neighbours(near, record_id, far)]
    if not linked:
        return "nothing is associated"
    one = rng.choice(linked)
    other, types = rng.choice(list(world.account.neighbours(near, one, far).items()))
    type_id = rng.choice((None, rng.choice(sorted(types))))
    world.account.dissociate(near, one, far, other, type_id)
    return f"{near} {one} and {far} {other} lose {type_id or 'their association'}"


def label(world: World, rng: random.Random) -> str:
    near, far = rng.choice(PAIRS)
    text = f"Label {world.number()}"
    this, _ = world.account.define_label(near, far, text, f"Inverse {text}")
    for _ in range(3):
        world.account.associate(near, _pick(world, rng, near), far, _pick(world, rng, far), this)
    return f"the label {text!r} ({this}) of {near} with {far} comes up"


def associate_and_tell(world: World, rng: random.Random) -> str:
    """Associations that change together with a record at either end."""
    near, far = rng.choice(PAIRS)
    one, other = _pick(world, rng, near), _pick(world, rng, far)
    kinds = [kind.type_id for kind in world.account.links.types.between(near, far)]
    world.account.associate(near, one, far, other, rng.choice(kinds))
    # a new primary one takes the place of another, of which only the near end knows
    alone = len(world.account.neighbours(near, one, far)) == 1
    told = (far, other) if alone and rng.random() < 0.5 else (near, one)
    world.account.update(*told, _values(world, rng, told[0], 1))
    return f"{near} {one} is associated with {far} {other}, and {told[0]} {told[1]} is updated"


def dissociate_and_tell(world: World, rng: random.Random) -> str:
    near, far = rng.choice(PAIRS)
    one = _pick(world, rng, near)
    neighbours = list(world.account.neighbours(near, one, far))
    if not neighbours:
        return "nothing is associated"
    other = rng.choice(neighbours)
    world.account.dissociate(near, one, far, other)
    told = rng.choice(((near, one), (far, other)))
    world.account.update(*told, _values(world, rng, told[0], 1))
    return f"{near} {one} and {far} {other} lose their association, and {told[0]} {told[1]} is updated"


def restore_and_tell(world: World, rng: random.Random) -> str:
    object_type = rng.choice(TYPES)
    ids = world.archived(object_type)
    if not ids:
        return "nothing is there to be restored"
    record_id = rng.choice(ids)
    world.account.restore(object_type, record_id)
    world.account.update(object_type, record_id, _values(world, rng, object_type, 1))
    return f"{object_type} {record_id} is restored and updated"


def recalculate(world: World, rng: random.Random) -> str:
    object_type = rng.choice(TYPES)
    names = {
        definition["name"]: definition["type"]
        for definition in world.account.store(object_type).schema.definitions()
        if definition["calculated"] and not definition["name"].startswith("hs_calculated_merged")
    }
    if not names:
        return "nothing is calculated"
    picked = rng.sample(sorted(names), min(len(names), 2))
    ids = world.live(object_type)
    ids = rng.sample(ids, min(len(ids), rng.choice((1, 5, len(ids)))))
    for record_id in ids:
        values = {name: value(rng, names[name], odd=0.03) for name in picked}
        world.account.recalculate(object_type, record_id, values)
    return f"{picked} of {len(ids)} {object_type} are calculated anew"


def add_property(world: World, rng: random.Random) -> str:
    """A new one or one that was removed; with values at once, which touch no record."""
    object_type, name, kind = rng.choice(TYPES), rng.choice(_NAMES), rng.choice(_KINDS)
    if name in world.account.store(object_type).schema:
        return f"{object_type} have {name!r} already"
    values = [value(rng, kind, odd=0.1) for _ in range(5)] if rng.random() < 0.6 else [None]
    more: dict[str, Any] = {"options": ("a", "b", "c")} if kind == "enumeration" else {}
    calculated = rng.random() < 0.2
    world.account.add_property(object_type, name, kind, values=values, calculated=calculated, **more)
    return f"{object_type} get the {kind} {name!r}{' with values' if any(values) else ''}"


def remove_property(world: World, rng: random.Random) -> str:
    object_type, name = _custom(world, rng)
    if not name:
        return "there is no property to be removed"
    world.account.remove_property(object_type, name)
    return f"{object_type} lose {name!r}"


def retype_property(world: World, rng: random.Random) -> str:
    object_type, name = _custom(world, rng)
    if not name:
        return "there is no property to be retyped"
    kind = rng.choice(_KINDS)
    world.account.change_property(object_type, name, type=kind)
    return f"{name!r} of {object_type} becomes a {kind}"


def describe_property(world: World, rng: random.Random) -> str:
    object_type, name = _custom(world, rng)
    if not name:
        return "there is no property to be described"
    text = rng.choice(ODD_TEXTS[:8])
    world.account.change_property(object_type, name, label=text, options=tuple(rng.sample("abcdef", 3)))
    return f"{name!r} of {object_type} is labelled {text!r}"


def owners(world: World, rng: random.Random) -> str:
    with world.account.lock:
        known = world.account.owners
        now = iso(world.account.clock.now())
        match rng.choice(("new", "gone", "archive", "rename", "teams")):
            case "new":
                number = 990_000 + world.number()
                known.append({**known[1], "id": str(number), "email": f"{number}@example.com", "userId": number})
                return f"owner {number} comes"
            case "gone" if len(known) > FEW:
                return f"owner {known.pop(rng.randrange(len(known)))['id']} is gone without a trace"
            case "archive":
                position = rng.randrange(len(known))
                archived = not known[position]["archived"]
                known[position] = {**known[position], "archived": archived, "updatedAt": now}
                return f"owner {known[position]['id']} is {'archived' if archived else 'back'}"
            case "rename":
                position = rng.randrange(len(known))
                known[position] = {**known[position], "firstName": rng.choice(ODD_TEXTS[:8]), "updatedAt": now}
                return f"owner {known[position]['id']} has another name"
            case _:
                position = rng.randrange(len(known))
                team = {"id": "6201", "name": "Sales North", "primary": rng.random() < 0.5}
                known[position] = {**known[position], "teams": rng.choice(([], [team]))}
                return f"owner {known[position]['id']} has other teams"


def pipelines(world: World, rng: random.Random) -> str:
    with world.account.lock:
        known = world.account.pipelines
        match rng.choice(("new", "gone", "rename", "stage")):
            case "new":
                number = str(world.number())
                stages = [{**stage, "id": f"{stage['id']}_{number}"} for stage in known[0]["stages"]]
                known.append({**known[0], "id": number, "label": f"Pipeline {number}", "stages": stages})
                return f"pipeline {number} comes"
            case "gone" if len(known) > 1:
                return f"pipeline {known.pop()['id']} is gone"
            case "rename":
                known[0] = {**known[0], "label": rng.choice(ODD_TEXTS[:8])}
                return "a pipeline is renamed"
            case _:
                stages = list(known[0]["stages"])
                gone = stages.pop(rng.randrange(len(stages))) if len(stages) > 1 else None
                stages.append({**stages[0], "id": f"stage {world.number()}"})
                known[0] = {**known[0], "stages": stages}
                return f"a stage comes and {gone['id'] if gone else 'none'} goes"


def _pick(world: World, rng: random.Random, object_type: str) -> int:
    return rng.choice(world.live(object_type))


def _spare(world: World, rng: random.Random, object_type: str, count: int) -> list[int]:
    """Some live records that can be done without."""
    ids = world.live(object_type)
    return rng.sample(ids, max(0, min(count, len(ids) - FEW)))


def _values(world: World, rng: random.Random, object_type: str, count: int) -> dict[str, str | None]:
    """Values for the title and for some properties that people may write."""
    writable = {
        definition["name"]: definition["type"]
        for definition in world.account.store(object_type).schema.definitions()
        if not definition["calculated"]
        and definition["name"] not in SYSTEM | {"email", "hubspot_owner_id"}
        and not definition["name"].startswith("hs_merged")
    }
    custom = [name for name in writable if name in _NAMES]
    names = {rng.choice(custom if custom and rng.random() < 0.5 else sorted(writable)) for _ in range(count)}
    values: dict[str, str | None] = {name: value(rng, writable[name]) for name in sorted(names)}
    if rng.random() < 0.2 and "hubspot_owner_id" in world.account.store(object_type).schema:
        values["hubspot_owner_id"] = rng.choice(world.account.owners)["id"]
    return {TITLES[object_type]: f"title {rng.randrange(10**6)}", **values}


def _custom(world: World, rng: random.Random) -> tuple[str, str | None]:
    """A property that people may change, if there is one."""
    object_type = rng.choice(TYPES)
    names = [name for name in _NAMES if name in world.account.store(object_type).schema]
    return object_type, rng.choice(names) if names else None


def _shown(values: dict[str, str | None]) -> str:
    return ", ".join(f"{name} = {repr(text)[:40]}" for name, text in values.items())
