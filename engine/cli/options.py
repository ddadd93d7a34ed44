"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="The connection's name, which is its schema, or its id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
File = Annotated[Path | None, typer.Option(help="JSON body as for POST /v1/connections; - reads standard input.")]
Config = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="One of the source's own settings; may be repeated.")
]
SyncFrequency = Annotated[
    int | None, typer.Option(help="Minutes between syncs: 1, 5, 15, 30, 60, 120, 180, 360, 480, 720 or 1440.")
]
DailySyncTime = Annotated[str | None, typer.Option(help="HH:00 at which it starts, for a sync frequency of 1440.")]
ScheduleType = Annotated[str | None, typer.Option(help="auto, or manual: only when asked to.")]
SkipTests = Annotated[bool, typer.Option("--skip-tests", help="Do not run the setup tests.")]

AccessTokenFile = Annotated[
    Path | None,
    typer.Option(
        help="File with a static access token (private app, service key); - asks for it, or reads standard input. "
        "Secrets are never arguments: every user of a machine can read those."
    ),
]
ClientId = Annotated[str | None, typer.Option(help="OAuth: the app's client id.")]
ClientSecretFile = Annotated[
    Path | None,
    typer.Option(help="OAuth: file with the app's client secret; - as above."),
]
RefreshTokenFile = Annotated[Path | None, typer.Option(help="OAuth: file with the refresh token; - as above.")]
