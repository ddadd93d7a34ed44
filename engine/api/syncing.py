"""/v1/connections/{id}/sync and /resync: start syncs. None of them waits for the sync."""

from __future__ import annotations

from fastapi import APIRouter, Response

from engine.api.envelope import success
from engine.api.openapi import answers
from engine.api.reading import Body
from engine.api.services import Served
from engine.connections.body import ResyncBody, SyncBody, TablesBody, parse
from engine.contract import InvalidSetting

router = APIRouter(tags=["syncs"])


@router.post("/{connection_id}/sync", summary="Start a sync", **answers(None, 404, 409, body=SyncBody, optional=True))
def sync(connection_id: str, raw: Body, serve: Served) -> Response:
    """Sync now. A running sync is that sync, or with `force` is stopped and followed by another one."""
    connection = serve.control.sync(connection_id, force=parse(SyncBody, raw).force)
    return success(f"Sync has been successfully triggered for connection with id '{connection.id}'")


@router.post(
    "/{connection_id}/force", summary="Start a sync (old name)", **answers(None, 404, 409, body=SyncBody, optional=True)
)
def force(connection_id: str, raw: Body, serve: Served) -> Response:
    """The old name of `sync`; it stops nothing either."""
    return sync(connection_id, raw, serve)


@router.post(
    "/{connection_id}/resync",
    summary="Read everything again",
    **answers(None, 404, 409, body=ResyncBody, optional=True),
)
def resync(connection_id: str, raw: Body, serve: Served) -> Response:
    """Read everything, or some tables, again, over the data that is there."""
    connection = serve.control.resync(connection_id, parse(ResyncBody, raw).scope)
    return success(f"Re-sync has been triggered successfully for connection with id '{connection.id}'")


@router.post(
    "/{connection_id}/schemas/tables/resync", summary="Read tables again", **answers(None, 404, 409, body=TablesBody)
)
def resync_tables(connection_id: str, raw: Body, serve: Served) -> Response:
    """Read some tables again, over the data that is there."""
    serve.control.resync(connection_id, parse(TablesBody, raw).root)
    return success("Re-sync has been triggered successfully")


@router.get("/{connection_id}/state", summary="Look at a state", **answers(None, 404, 409))
@router.patch("/{connection_id}/state", summary="Change a state", **answers(None, 404, 409))
def state(connection_id: str, serve: Served) -> Response:
    """Always 400: of the kinds of sources that there are, none lets its cursors be read or written."""
    connection = serve.connections.get(connection_id)
    raise InvalidSetting("", f"A connection of the kind '{connection.service}' has no state to be read or written.")


@router.post(
    "/{connection_id}/schemas/{schema}/tables/{table}/resync", summary="Read a table again", **answers(None, 404, 409)
)
def resync_table(connection_id: str, schema: str, table: str, serve: Served) -> Response:
    """Read one table again, over the data that is there."""
    serve.control.resync_table(connection_id, schema, table)
    return success("Re-sync has been triggered successfully")
