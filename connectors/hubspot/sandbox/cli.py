"""The command: `python -m connectors.hubspot.sandbox`, which is also `penstock sandbox hubspot`."""

from __future__ import annotations

from typing import Annotated

import typer

from connectors.hubspot.sandbox.account import CLIENT_ID, CLIENT_SECRET, TOKEN, Account
from connectors.hubspot.sandbox.server import LOCALHOST, listening_socket, serve, url_of

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def sandbox(
    *,
    contacts: Annotated[int, typer.Option(min=0, help="Generated contacts.")] = 10_000,
    companies: Annotated[int, typer.Option(min=0, help="Generated companies.")] = 2_000,
    deals: Annotated[int, typer.Option(min=0, help="Generated deals.")] = 3_000,
    properties: Annotated[int, typer.Option(min=10, max=2000, help="Properties that contacts have.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed gives the same records on the same day.")] = 1,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = LOCALHOST,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen at; 0 takes a free one.")] = 8485,
    token: Annotated[str, typer.Option(help="The static token that is let in.")] = TOKEN,
    client_id: Annotated[str, typer.Option(help="The OAuth app's client id.")] = CLIENT_ID,
    client_secret: Annotated[str, typer.Option(help="The OAuth app's client secret.")] = CLIENT_SECRET,
    expires_in: Annotated[int, typer.Option(min=1, help="Seconds that an OAuth access token lives.")] = 1800,
    rotate_refresh_tokens: Annotated[bool, typer.Option(help="Give a new refresh token at each refresh.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Requests per 10 seconds and token. [default: no limit]")
    ] = None,
    search_limit: Annotated[
        int | None, typer.Option(min=1, help="Searches per second. [default: 5 with --limit, else no limit]")
    ] = None,
    daily_limit: Annotated[int | None, typer.Option(min=1, help="Requests per day. [default: no limit]")] = None,
    retry_after: Annotated[bool, typer.Option(help="Send Retry-After with a 429.")] = True,
    index_lag: Annotated[float, typer.Option(min=0, help="Seconds until search knows of a change.")] = 0.0,
    latency: Annotated[float, typer.Option(min=0, help="Milliseconds by which each answer is late.")] = 0.0,
    fault_rate: Annotated[float, typer.Option(min=0, max=1, help="Share of requests that meet a random fault.")] = 0.0,
    association_page: Annotated[int, typer.Option(min=1, help="Associations on one page, per record.")] = 500,
    sparse_ids: Annotated[bool, typer.Option(help="Ids of 11 digits with gaps, or else 1, 2, 3.")] = True,
) -> None:
    """Run a local HubSpot that keeps the real one's rules, with generated records."""
    if search_limit is None and limit is not None:
        search_limit = 5
    try:
        listener = listening_socket(host, port)
    except OSError as error:
        typer.echo(
            f"Cannot listen at {host}:{port}: {error.strerror}. Choose another --port, or 0 for a free one.", err=True
        )
        raise typer.Exit(2) from error
    account = Account(
        contacts=contacts,
        companies=companies,
        deals=deals,
        properties=properties,
        seed=seed,
        sparse_ids=sparse_ids,
        token=token,
        client_id=client_id,
        client_secret=client_secret,
        expires_in=expires_in,
        rotate_refresh_tokens=rotate_refresh_tokens,
        limit=limit,
        search_limit=search_limit,
        daily_limit=daily_limit,
        retry_after=retry_after,
        index_lag=index_lag,
        latency=latency / 1000,
        fault_rate=fault_rate,
        association_page=association_page,
    )
    with listener:
        typer.echo(f"HubSpot sandbox at {url_of(listener)} with token {token}")
        serve(account, listener)
