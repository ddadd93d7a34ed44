"""`penstock sandbox` and `penstock demo`: what plug-ins bring along, loaded only when asked for."""

from __future__ import annotations

from typing import Annotated, Any

import typer

SANDBOX_ARGUMENTS: dict[str, Any] = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
}
DEMO_ARGUMENTS: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True}


def sandbox(
    context: typer.Context,
    service: Annotated[str, typer.Argument(help="The service to stand in for, such as hubspot.")],
) -> None:
    """Run a local stand-in for a service.

    `penstock sandbox SERVICE --help` tells its options.
    """
    from engine import plugins

    plugins.sandbox(service)(args=context.args, prog_name=f"penstock sandbox {service}")


def demo(context: typer.Context) -> None:
    """See it work from end to end against a sandbox."""
    from engine import plugins

    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    command.command()(plugins.demo())
    command(args=context.args, prog_name="penstock demo")
