"""A connected HubSpot account: its checks, what it holds, and the reading of its streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import msgspec

from connectors.hubspot import wire
from connectors.hubspot.client import FEW_TRIES, Client
from connectors.hubspot.config import HubSpotAuth, HubSpotConfig
from connectors.hubspot.crm import CrmStream
from connectors.hubspot.cursor import CrmCursor
from connectors.hubspot.layout import Layout
from connectors.hubspot.objects import OBJECT_TYPES, ObjectType
from connectors.hubspot.reference import (
    DEAL_PIPELINES,
    OWNERS,
    PROPERTIES,
    fetch_owners,
    fetch_pipelines,
    fetch_properties,
    owner_messages,
    pipeline_messages,
    property_messages,
)
from connectors.hubspot.settings import HubSpotSettings
from engine.contract import (
    AccessDenied,
    Catalog,
    Checkpoint,
    Cursor,
    Held,
    Host,
    Message,
    Notice,
    PenstockError,
    SetupTest,
    Stream,
    TestStatus,
)

WHOLE = {"version": 1}
"""The cursor of the streams that are read whole every time."""

_ANY_PAGE = msgspec.json.Decoder(wire.Page[dict[str, str | None]])


class HubSpotSource:
    """One HubSpot account, as one connection sees it."""

    def __init__(self, config: HubSpotConfig, settings: HubSpotSettings, host: Host) -> None:
        auth = HubSpotAuth.model_validate(dict(host.credentials()))
        self._client = Client(auth, settings, host)
        self._config = config
        self._host = host
        self._definitions: dict[ObjectType, list[wire.Property]] = {}
        self._denied: dict[str, AccessDenied] = {}
        self._crm: dict[str, CrmStream] = {}

    def setup_tests(self) -> Iterable[SetupTest]:
        """Whether the credentials are good, and whether each kind of thing can be read."""
        self._client.tries = FEW_TRIES
        try:
            account = self._client.account()
        except PenstockError as error:
            yield SetupTest.failed("Connecting to HubSpot", error)
            return
        yield SetupTest("Connecting to HubSpot", TestStatus.PASSED, f"HubSpot account {account.portal_id}")
        checks: dict[str, Callable[[], object]] = {
            **{f"Reading {kind.name}": partial(self._try_listing, kind) for kind in OBJECT_TYPES},
            "Reading owners": lambda: next(fetch_owners(self._client, archived=False, limit=1), None),
            "Reading deal pipelines": lambda: fetch_pipelines(self._client),
        }
        for title, check in checks.items():
            try:
                check()
            except PenstockError as error:
                denied = isinstance(error, AccessDenied)
                scopes = list(error.scopes) if isinstance(error, AccessDenied) else None
                yield SetupTest.failed(title, error, scopes, partial=denied)
            else:
                yield SetupTest(title, TestStatus.PASSED)

    def discover(self, cursors: Mapping[str, Cursor]) -> Catalog:
        """The streams and their tables; property definitions decide columns and types."""
        portal_id = self._client.account().portal_id
        streams: list[Stream] = [OWNERS, DEAL_PIPELINES]
        read = {kind: CrmCursor.load(cursors[kind.name]) for kind in OBJECT_TYPES if kind.name in cursors}
        sizes = {kind: at.records for kind, at in read.items()}
        for object_type in OBJECT_TYPES:
            try:
                self._definitions[object_type] = fetch_properties(self._client, object_type, self._config.sensitivities)
            except AccessDenied as error:
                self._denied[object_type.name] = error
            at = read.get(object_type)
            claimed = at.columns if at else None
            layout = Layout.of(object_type, self._definitions.get(object_type, ()), portal_id, claimed)
            if at:
                layout.backfill(at.with_columns(layout.names, layout.types).unfilled)
            self._crm[object_type.name] = CrmStream(self._client, layout, self._config, self._host, sizes)
            streams.append(self._crm[object_type.name].stream)
        streams.append(PROPERTIES)
        return Catalog(tuple(streams))

    def read(self, stream: Stream, cursor: Cursor | None, held: Held, *, reconcile: bool = False) -> Iterator[Message]:
        """Read a stream; `discover` has been called before."""
        if stream.name in self._denied:
            raise self._denied[stream.name]
        if stream.name in self._crm:
            yield from self._crm[stream.name].read(cursor, held, reconcile=reconcile)
            return
        if stream.name == OWNERS.name:
            yield from owner_messages(self._client, self._client.account().portal_id)
        elif stream.name == DEAL_PIPELINES.name:
            yield from pipeline_messages(self._client)
        elif len(self._denied) == len(OBJECT_TYPES):
            raise next(iter(self._denied.values()))
        elif self._denied:
            # Saying what the readable ones have would declare the others' properties gone.
            yield Notice("properties_skipped", f"Properties are not refreshed: no access to {', '.join(self._denied)}.")
        else:
            yield from property_messages(self._definitions)
        yield Checkpoint(WHOLE)

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def _try_listing(self, object_type: ObjectType) -> None:
        path = self._client.paths.listing(object_type.name)
        self._client.get(path, {"limit": "1"}, _ANY_PAGE, doing=f"listing {object_type.name}")
        fetch_properties(self._client, object_type, self._config.sensitivities)
