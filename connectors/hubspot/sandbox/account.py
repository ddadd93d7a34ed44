"""The account: a small world of records, associations, properties, people, tokens and limits, and the ways to change it.

Every public method may be called from any thread; each is one step that no request sees half of.
"""

from __future__ import annotations

import functools
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar, cast

import msgspec

from connectors.hubspot.sandbox import object_types
from connectors.hubspot.sandbox.base import Base
from connectors.hubspot.sandbox.data import properties_of
from connectors.hubspot.sandbox.data.people import owners
from connectors.hubspot.sandbox.data.pipelines import deal_pipelines
from connectors.hubspot.sandbox.faults import Fault, Faults
from connectors.hubspot.sandbox.http import not_found
from connectors.hubspot.sandbox.limits import Limits
from connectors.hubspot.sandbox.links import Links, LinkTypes, Neighbours
from connectors.hubspot.sandbox.oauth import ALL_SCOPES, OAuth
from connectors.hubspot.sandbox.properties import Property, Value
from connectors.hubspot.sandbox.query import CAP, MAX_PAGE
from connectors.hubspot.sandbox.records import Entry
from connectors.hubspot.sandbox.store import Store
from connectors.hubspot.sandbox.times import SECOND, Clock, milliseconds

TOKEN = "pat-na1-5a4db0c5-0000-4000-8000-000000000000"  # noqa: S105 - opens nothing but a sandbox
CLIENT_ID = "5a4db0c5-0000-4000-8000-000000000001"
CLIENT_SECRET = "5a4db0c5-0000-4000-8000-000000000002"  # noqa: S105 - likewise

F = TypeVar("F", bound=Callable[..., Any])


def _step(method: F) -> F:
    """Make a method one step under the account's lock."""

    @functools.wraps(method)
    def locked(self: Account, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return method(self, *args, **kwargs)

    return cast("F", locked)


class Account:
    """One HubSpot account. Record types go by any of HubSpot's names for them, ids are numbers.

    Args:
        contacts: How many generated contacts there are; likewise companies and deals.
        properties: How many properties contacts have.
        seed: The same seed gives the same records, on the same day or with the same `until`.
        sparse_ids: Ids of eleven digits with uneven gaps; otherwise 1, 2, 3 for each type.
        until: Where the dates of generated records end (by default the beginning of today, UTC).
        stands_at: The moment at which the account's clock stands until it is moved (by default it is the real one).
        token: The static token that has all scopes.
        client_id: The OAuth app; likewise `client_secret`.
        expires_in: Seconds that an access token lives.
        rotate_refresh_tokens: Whether each refresh gives a new refresh token and ends the old one.
        limit: Requests per ten seconds and token, None for no limit; likewise `search_limit` per second, `daily_limit`.
        retry_after: Whether a 429 says when to come back.
        index_lag: Seconds until search knows of a change.
        latency: Seconds by which each answer is late.
        fault_rate: The share of requests that meet a random fault.
        association_page: Associations on one page, per record.
    """

    def __init__(
        self,
        *,
        contacts: int = 100,
        companies: int = 20,
        deals: int = 30,
        properties: int = 60,
        seed: int = 1,
        sparse_ids: bool = True,
        until: datetime | None = None,
        stands_at: datetime | None = None,
        token: str = TOKEN,
        client_id: str = CLIENT_ID,
        client_secret: str = CLIENT_SECRET,
        expires_in: int = 1800,
        rotate_refresh_tokens: bool = False,
        limit: int | None = None,
        search_limit: int | None = None,
        daily_limit: int | None = None,
        retry_after: bool = True,
        index_lag: float = 0.0,
        latency: float = 0.0,
        fault_rate: float = 0.0,
        association_page: int = 500,
    ) -> None:
        self.lock = threading.RLock()
        self.clock = Clock(milliseconds(stands_at) if stands_at else None)
        now = self.clock.now
        end = milliseconds(until or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0))
        self.until = end
        self.token = token
        self.association_page = association_page
        self.record_page, self.search_page, self.search_cap = 100, MAX_PAGE, CAP
        self.short_pages = False
        self.out_of_order = False
        self.oauth = OAuth(client_id, client_secret, expires_in=expires_in, rotate=rotate_refresh_tokens, now=now)
        self.oauth.add_static(token, set(ALL_SCOPES))
        self.limits = Limits(limit, search_limit, daily_limit, retry_after=retry_after, now=now)
        self.faults = Faults(rate=fault_rate, latency=latency, seed=seed)
        self.owners = owners(end)
        self.pipelines = deal_pipelines(end)
        counts = {object_types.CONTACTS: contacts, object_types.COMPANIES: companies, object_types.DEALS: deals}
        self.stores: dict[str, Store] = {}
        for kind, count in counts.items():
            base = Base(count, until=end, first_id=kind.first_id, sparse=sparse_ids)
            definitions = properties_of(kind, contact_properties=properties)
            self.stores[kind.name] = Store(kind, definitions, base, seed=seed, until=end, now=now)
        self.links = Links({name: store.records.base for name, store in self.stores.items()}, LinkTypes())
        self.calls = 0
        """Requests to the API so far."""
        self.configure(index_lag=index_lag)

    def store(self, object_type: str) -> Store:
        """The records of a type.

        Raises:
            Refused: 404 for a type that the account does not have.
        """
        kind = object_types.BY_NAME.get(object_type.lower())
        if kind is None:
            raise not_found(f"Unable to infer object type from: {object_type}")
        return self.stores[kind.name]

    # Records

    @_step
    def ids(self, object_type: str, *, archived: bool = False) -> list[int]:
        """The ids of all live (or all archived) records, ascending."""
        records = self.store(object_type).records
        return [record_id for record_id, _, _ in (records.archived_from(0) if archived else records.live_from(0))]

    @_step
    def get(self, object_type: str, record_id: int) -> dict[str, Any] | None:
        """A live or archived record as `truth` tells it, under exactly this id; None when there is none."""
        store = self.store(object_type)
        entry = store.records.entry(record_id)
        return msgspec.json.decode(self._whole(store, entry)) if entry else None

    @_step
    def create(self, object_type: str, properties: Mapping[str, Value] | None = None) -> int:
        """A new record; its id is above all others."""
        return self.store(object_type).create(properties or {}).id

    @_step
    def update(self, object_type: str, record_id: int, properties: Mapping[str, Value]) -> None:
        """Change properties and the modification date."""
        self.store(object_type).update(record_id, properties)

    @_step
    def recalculate(self, object_type: str, record_id: int, properties: Mapping[str, Value]) -> None:
        """Change properties but not the modification date, as HubSpot does with calculated ones."""
        self.store(object_type).update(record_id, properties, quietly=True)

    @_step
    def touch(self, object_type: str, record_ids: Iterable[int] | int) -> int:
        """Give records (or so many of the first ones) one and the same new modification date, returned in milliseconds."""
        store = self.store(object_type)
        ids = record_ids
        if isinstance(ids, int):
            ids = [record_id for record_id, _, _ in islice(store.records.live_from(0), ids)]
        return store.touch(ids)

    @_step
    def archive(self, object_type: str, record_id: int) -> None:
        """Move a record to the recycling bin. Its modification date stays."""
        self.store(object_type).archive(record_id)

    @_step
    def restore(self, object_type: str, record_id: int) -> None:
        """Take a record out of the recycling bin. Its modification date stays."""
        self.store(object_type).restore(record_id)

    @_step
    def purge(self, object_type: str, record_id: int) -> None:
        """Remove a record without a trace, as happens ninety days after it was archived."""
        self.store(object_type).remove(record_id)

    @_step
    def gdpr_delete(self, contact_id: int) -> None:
        """Remove a contact without a trace, at a person's request."""
        self.store("contacts").remove(self.store("contacts").resolve(contact_id))

    @_step
    def merge(self, object_type: str, primary_id: int, other_id: int) -> int:
        """Merge two records; the id of the new one, to which both lead."""
        store = self.store(object_type)
        ancestors = (store.live(primary_id).id, store.live(other_id).id)
        merged = store.merge(*ancestors)
        self.links.inherit(store.kind.name, merged.id, ancestors)
        return merged.id

    @_step
    def shuffle(
        self, object_type: str, *, seed: int, updates: int = 0, creates: int = 0, archives: int = 0, merges: int = 0
    ) -> dict[str, list[int]]:
        """Change records picked at random, if there are enough; the same seed on the same account picks the same."""
        store = self.store(object_type)
        rng = random.Random(seed)  # noqa: S311 - a repeatable history
        picked = iter(store.sample(rng, updates + archives + 2 * merges))
        name = store.kind.title
        changed: dict[str, list[int]] = {
            "updated": list(islice(picked, updates)),
            "archived": list(islice(picked, archives)),
            "merged": [
                self.merge(object_type, one, other) for one, other in islice(zip(picked, picked, strict=False), merges)
            ],
            "created": [store.create({name: f"created {rng.randrange(10**9)}"}).id for _ in range(creates)],
        }
        for record_id in changed["updated"]:
            store.update(record_id, {name: f"changed {rng.randrange(10**9)}"})
        for record_id in changed["archived"]:
            store.archive(record_id)
        return changed

    def truth(self, object_type: str) -> Iterator[bytes]:
        """Every record, the live ones and then the archived ones, each as a line of JSON.

        All properties, and the associations to live records as `{"companies": [{"id": "1", "typeIds": [1, 279]}]}`.
        Changes made meanwhile may or may not be seen.
        """
        store = self.store(object_type)
        for entries in (store.records.live_from(0), store.records.archived_from(0)):
            for entry in entries:
                with self.lock:
                    line = self._whole(store, entry)
                yield line + b"\n"

    def _whole(self, store: Store, entry: Entry) -> bytes:
        associations = {
            name: [
                {"id": str(other), "typeIds": sorted(types)}
                for other, types in self.neighbours(store.kind.name, entry[0], name).items()
            ]
            for name in self.stores
            if name != store.kind.name
        }
        whole = store.renderer.template(store.schema.names())
        return whole.write(entry, b',"associations":' + msgspec.json.encode(associations))

    # Associations

    @_step
    def neighbours(self, from_type: str, record_id: int, to_type: str) -> Neighbours:
        """The live records associated with a live one, each with its type ids in this direction; ids ascending."""
        one, other = self.store(from_type), self.store(to_type)
        if not one.records.is_live(record_id):
            return {}
        linked = self.links.of(one.kind.name, record_id, other.kind.name)
        return {other_id: types for other_id, types in linked.items() if not other.records.is_gone(other_id)}

    @_step
    def associate(self, from_type: str, from_id: int, to_type: str, to_id: int, *type_ids: int) -> None:
        """Associate two live records, with these types besides the unlabeled one. No modification date changes."""
        one, other = self.store(from_type), self.store(to_type)
        name, to_name = one.kind.name, other.kind.name
        types = {self.links.types.unlabeled(name, to_name), *type_ids}
        self.links.add(name, one.live(from_id).id, to_name, other.live(to_id).id, types)

    @_step
    def dissociate(self, from_type: str, from_id: int, to_type: str, to_id: int, type_id: int | None = None) -> None:
        """Take one type from an association, or end it. No modification date changes."""
        one, other = self.store(from_type).kind.name, self.store(to_type).kind.name
        self.links.remove(one, from_id, other, to_id, None if type_id is None else {type_id})

    @_step
    def define_label(self, from_type: str, to_type: str, label: str, inverse_label: str = "") -> tuple[int, int]:
        """A user-defined association label; its type ids from the one side and from the other."""
        one, other = self.store(from_type).kind.name, self.store(to_type).kind.name
        return self.links.types.define(one, other, label, inverse_label or label)

    # Properties

    @_step
    def add_property(
        self,
        object_type: str,
        name: str,
        property_type: str = "string",
        *,
        values: Sequence[Value] = (None,),
        **more: Any,
    ) -> None:
        """Add a property. Generated records have `values` by turns at once, with no new modification date."""
        field_types = {"string": "text", "datetime": "date", "enumeration": "select", "bool": "booleancheckbox"}
        details: dict[str, Any] = {"label": name, "field_type": field_types.get(property_type, property_type), **more}
        definition = Property(name, type=property_type, custom=True, **details)
        self.store(object_type).schema.add(definition, now=self.clock.now(), cycle=values)

    @_step
    def change_property(
        self, object_type: str, name: str, *, values: Sequence[Value] | None = None, **changes: Any
    ) -> None:
        """Change a definition (`type`, `label`, `options`, ...) or the values that generated records have."""
        self.store(object_type).schema.change(name, now=self.clock.now(), cycle=values, **changes)

    @_step
    def remove_property(self, object_type: str, name: str) -> None:
        """Archive a property; records do not show it any more."""
        self.store(object_type).schema.archive(name, now=self.clock.now())

    # Access, limits, faults

    @_step
    def grant(self, scopes: Iterable[str] = ALL_SCOPES) -> dict[str, Any]:
        """OAuth tokens as if a person had consented: what the token endpoint would answer."""
        return self.oauth.grant(set(scopes))

    @_step
    def add_token(self, text: str, scopes: Iterable[str] = ALL_SCOPES) -> None:
        """Let another static token in."""
        self.oauth.add_static(text, set(scopes))

    @_step
    def revoke(self, token: str) -> None:
        """End a token; with a refresh token, all that came from it."""
        self.oauth.revoke(token)

    @_step
    def expire_access_tokens(self) -> None:
        """Let every OAuth access token be expired. Refresh tokens stay."""
        self.oauth.expire()

    @_step
    def remove_scope(self, scope: str) -> None:
        """Take a scope from all tokens."""
        for scopes in self.oauth.scope_sets():
            scopes.discard(scope)

    @_step
    def add_scope(self, scope: str) -> None:
        """Give a scope to all tokens."""
        for scopes in self.oauth.scope_sets():
            scopes.add(scope)

    @_step
    def fault(self, fault: Fault) -> None:
        """Let a fault wait for its requests."""
        self.faults.add(fault)

    @_step
    def clear_faults(self) -> None:
        """Nothing goes wrong any more."""
        self.faults.clear()

    # Behaviour

    @_step
    def advance(self, seconds: float) -> None:
        """Move the account's clock: tokens run out, the index catches up, a day begins."""
        self.clock.advance(seconds)

    @_step
    def configure(self, **settings: Any) -> None:
        """Change how the account behaves from now on.

        Takes the constructor's `limit`, `search_limit`, `daily_limit`, `retry_after`, `index_lag`, `latency`,
        `fault_rate`, `association_page`, `expires_in` and `rotate_refresh_tokens`, and besides them
        `index_lag_spread` (seconds by which the index lag of one change can be longer than that of another),
        `record_page`, `search_page` and `search_cap` (the most records on a page or in a batch, results of a search on a
        page, and in all, so that few records make a large account),
        `short_pages` (lists and searches give half of what fits, with a cursor to the rest),
        `out_of_order` (the results on a page of a search come in any order) and
        `lexicographic_ids` (search compares record ids as text).

        Raises:
            TypeError: there is no such setting.
        """
        for name, value in settings.items():
            if name == "index_lag":
                for store in self.stores.values():
                    store.index.lag = round(value * SECOND)
            elif name == "index_lag_spread":
                for store in self.stores.values():
                    store.index.spread = round(value * SECOND)
            elif name == "lexicographic_ids":
                for store in self.stores.values():
                    store.search.lexicographic = value
            elif name in _SETTINGS:
                owner, attribute = _SETTINGS[name]
                setattr(getattr(self, owner) if owner else self, attribute, value)
            else:
                raise TypeError(f"There is no setting '{name}'.")


_SETTINGS = {
    "limit": ("limits", "ten_secondly"),
    "search_limit": ("limits", "search"),
    "daily_limit": ("limits", "daily"),
    "retry_after": ("limits", "retry_after"),
    "latency": ("faults", "latency"),
    "fault_rate": ("faults", "rate"),
    "expires_in": ("oauth", "expires_in"),
    "rotate_refresh_tokens": ("oauth", "rotate"),
    "association_page": ("", "association_page"),
    "record_page": ("", "record_page"),
    "search_page": ("", "search_page"),
    "search_cap": ("", "search_cap"),
    "short_pages": ("", "short_pages"),
    "out_of_order": ("", "out_of_order"),
}
"""Where each setting of `configure` lives: the part of the account, and its attribute."""
