"""Whether a kind of source can be let in by a browser, and what it needs for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.contract import Authorization, Authorizing, SourcePlugin
from engine.settings import load


def authorization_of(plugin: SourcePlugin) -> Authorization | None:
    """The source's way through the browser, if it has one.

    Raises:
        InvalidSetting: what the operator set for the source cannot be taken.
    """
    load(plugin.settings)
    return plugin.authorization if isinstance(plugin, Authorizing) else None


def is_granted(plugin: SourcePlugin, auth: Mapping[str, Any]) -> bool:
    """Whether the credentials let in, rather than name an app to which nobody has granted access yet."""
    authorization = authorization_of(plugin)
    return authorization is None or authorization.is_granted(auth)


def check_app(plugin: SourcePlugin, auth: Mapping[str, Any] | None) -> None:
    """Hold that there is an app to which access can be granted, if the source can be let in by a browser at all.

    Raises:
        InvalidSetting: there is none.
    """
    authorization = authorization_of(plugin)
    if authorization is not None:
        authorization.url(auth or {}, "", "")
