"""Search: `/objects/{type}/search`."""

from __future__ import annotations

import random

import msgspec

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.http import Request, Response
from connectors.hubspot.sandbox.query import parse_query


def search(account: Account, request: Request) -> Response:
    """Live records that match, as the search index knows them."""
    store = account.store(request.params["type"])
    query = parse_query(
        request.json(),
        store.schema,
        most=account.search_page,
        cap=account.search_cap,
        lexicographic=store.search.lexicographic,
    )
    store.index.settle(account.clock.now())
    limit = max(1, query.limit // 2) if account.short_pages else query.limit
    matches = store.search.find(query)
    ids = matches.slice(query.offset, query.offset + limit)
    if account.out_of_order:
        random.Random(query.offset).shuffle(ids)  # noqa: S311 - any order will do
    template = store.renderer.template(query.properties)
    results = [template.write(entry) for record_id in ids if (entry := store.index.entry(record_id))]
    body = b'{"total":%d,"results":[%b]' % (matches.total, b",".join(results))
    after = query.offset + len(ids)
    if ids and after < matches.total:
        body += b',"paging":' + msgspec.json.encode({"next": {"after": str(after)}})
    return Response(200, body + b"}")
