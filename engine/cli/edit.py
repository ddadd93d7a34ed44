"""`penstock connections create` and `update`: the commands that take settings and credentials."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import (
    AccessTokenFile,
    AsJson,
    ClientId,
    ClientSecretFile,
    Config,
    DailySyncTime,
    File,
    Name,
    RefreshTokenFile,
    ScheduleType,
    SkipTests,
    SyncFrequency,
)


def create(
    *,
    file: File = None,
    service: Annotated[
        str | None, typer.Option(help="The kind of source; needs no saying while only one is installed.")
    ] = None,
    schema: Annotated[str | None, typer.Option(help="The schema to fill, which is also the connection's name.")] = None,
    group: Annotated[
        str | None, typer.Option(help="The group it belongs to.", show_default="the group default")
    ] = None,
    config: Config = None,
    sync_frequency: SyncFrequency = None,
    daily_sync_time: DailySyncTime = None,
    schedule_type: ScheduleType = None,
    paused: Annotated[bool | None, typer.Option("--paused", help="Do not sync it by schedule yet.")] = None,
    skip_tests: SkipTests = False,
    access_token_file: AccessTokenFile = None,
    client_id: ClientId = None,
    client_secret_file: ClientSecretFile = None,
    refresh_token_file: RefreshTokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Create a connection, once its setup tests pass.

    From a file with the REST body, from options, or from both (then an option goes before the file's field). Credentials that neither gives come from PENSTOCK_ACCESS_TOKEN, or PENSTOCK_CLIENT_ID, PENSTOCK_CLIENT_SECRET and
    PENSTOCK_REFRESH_TOKEN; else you are asked.
    """
    from engine.cli import body, credentials
    from engine.cli.workspace import ConnectionBody, opened, output, parse, services

    raw, settings = body.body_in(file), body.settings(schema, config)
    if service is None and file is None and len(services()) == 1:
        service = services()[0]
    secrets = credentials.given(access_token_file, client_id, client_secret_file, refresh_token_file)
    if not secrets and "auth" not in raw:
        secrets = credentials.from_environment() or ({} if file else credentials.asked())
    raw = body.with_options(
        raw,
        settings,
        group_id=group,
        service=service,
        sync_frequency=sync_frequency,
        daily_sync_time=daily_sync_time,
        schedule_type=schedule_type,
        paused=paused,
        run_setup_tests=False if skip_tests else None,
        auth=credentials.as_auth(secrets),
    )
    wanted = parse(ConnectionBody, body.with_schema(raw))
    with opened() as workspace:
        connection = workspace.connections.create(wanted)
        tests = workspace.connections.setup_tests(connection.id)
        document = workspace.document(connection)
    if as_json:
        output.print_json({**document, "setup_tests": output.setup_test_documents(tests)})
        return
    typer.echo(f"Created '{connection.schema}' ({connection.service}), id {connection.id}.")
    output.print_setup_tests(tests)
    waits = wanted.connect_card_config is not None and not tests
    following = "sync" if tests else "connections connect-card" if waits else "connections test"
    typer.echo(f"Next: penstock {following} {connection.schema}")


def update(
    name: Name,
    *,
    file: File = None,
    config: Config = None,
    sync_frequency: SyncFrequency = None,
    daily_sync_time: DailySyncTime = None,
    schedule_type: ScheduleType = None,
    skip_tests: SkipTests = False,
    access_token_file: AccessTokenFile = None,
    client_id: ClientId = None,
    client_secret_file: ClientSecretFile = None,
    refresh_token_file: RefreshTokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Change a connection; what is not given stays.

    New config or credentials must pass the setup tests first, or nothing is changed.
    """
    from engine.cli import body, credentials
    from engine.cli.workspace import ConnectionChange, opened, output, parse

    raw = body.with_options(
        body.body_in(file),
        dict(body.pairs(config)),
        sync_frequency=sync_frequency,
        daily_sync_time=daily_sync_time,
        schedule_type=schedule_type,
        run_setup_tests=False if skip_tests else None,
        auth=credentials.as_auth(
            credentials.given(access_token_file, client_id, client_secret_file, refresh_token_file)
        ),
    )
    change = parse(ConnectionChange, raw)
    with opened() as workspace:
        connection = workspace.connections.update(name, change)
        document = workspace.document(connection)
    if as_json:
        output.print_json(document)
    else:
        typer.echo(f"Changed '{connection.schema}'.")
