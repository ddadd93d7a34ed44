"""How a person lets Penstock into a HubSpot account by a browser: what is asked for, and the code that comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from msgspec.json import Decoder
from pydantic import SecretStr

from connectors.hubspot import wire
from connectors.hubspot.config import ClientAccess, HubSpotAuth
from connectors.hubspot.failures import read_failure
from connectors.hubspot.paths import Paths
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.transport import Transport
from engine.contract import CredentialsRejected, InvalidSetting, Permission, SourceUnavailable


def _reading(kind: str) -> tuple[str, str]:
    return f"crm.objects.{kind}.read", f"crm.schemas.{kind}.read"


PERMISSIONS = (
    Permission(
        "Contacts",
        "Every contact with all its properties, and which contacts were merged.",
        ("contact", "contact_merge_audit"),
        _reading("contacts"),
    ),
    Permission(
        "Companies",
        "Every company with all its properties, and the contacts that belong to it.",
        ("company", "contact_company"),
        _reading("companies"),
    ),
    Permission(
        "Deals",
        "Every deal with all its properties, its companies and contacts, and the pipelines with their stages.",
        ("deal", "deal_company", "deal_contact", "merged_deal", "deal_pipeline", "deal_pipeline_stage"),
        _reading("deals"),
    ),
    Permission(
        "Owners",
        "The names and e-mail addresses of the users who own records, and their teams.",
        ("owner", "owner_team", "team"),
        ("crm.objects.owners.read",),
    ),
    Permission(
        "Properties",
        "How the properties of contacts, companies and deals are defined.",
        ("property", "property_option"),
        (),
    ),
)

SCOPES = ("oauth", *(scope for permission in PERMISSIONS for scope in permission.scopes))

_TOKEN = Decoder(wire.TokenAnswer)
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

_NOT_THE_CODE = {
    "BAD_CLIENT_ID": "The app's client id is wrong: whoever runs Penstock has to correct it",
    "BAD_CLIENT_SECRET": "The app's client secret is wrong: whoever runs Penstock has to correct it",
    "BAD_REDIRECT_URI": "The app does not know the address that people come back to: whoever runs Penstock has to add it",
}
"""What another try does not help against, by the `status` of HubSpot's answer."""


class HubSpotAuthorization:
    """HubSpot's own pages and token endpoint. The app is the connection's own, else the one that the operator set."""

    permissions = PERMISSIONS

    def is_granted(self, auth: Mapping[str, Any]) -> bool:
        """Whether there is a token of any kind."""
        return bool(auth.get("access_token") or auth.get("refresh_token"))

    def url(self, auth: Mapping[str, Any], redirect_uri: str, state: str) -> str:
        """HubSpot's page for granting access."""
        app = _app(auth)
        asked = {"client_id": app.client_id, "redirect_uri": redirect_uri, "scope": " ".join(SCOPES), "state": state}
        return f"{HubSpotSettings().app_url}/oauth/authorize?{urlencode(asked, quote_via=quote)}"

    def exchange(
        self, auth: Mapping[str, Any], redirect_uri: str, code: str, proxy: SecretStr | None = None
    ) -> Mapping[str, Any]:
        """The refresh token for a code, with the app that it belongs to."""
        settings, app = HubSpotSettings(), _app(auth)
        secret = app.client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "client_id": app.client_id,
            "client_secret": secret,
            "redirect_uri": redirect_uri,
            "code": code,
        }
        transport = Transport(settings.api_url, proxy)
        try:
            answer = transport.send("POST", Paths.of(settings.api_version).token, _FORM, urlencode(form).encode())
        except ConnectionError as error:
            raise SourceUnavailable(f"HubSpot gave no answer: {error}. Try again in a few minutes.") from None
        finally:
            transport.close()
        if answer.status in (400, 401):
            raise _refused(read_failure(answer).body, answer.status)
        try:
            refresh_token = wire.decode(answer.body, _TOKEN).refresh_token
        except ValueError:
            refresh_token = None
        if answer.status != 200 or not refresh_token:  # noqa: PLR2004 - an HTTP status
            raise SourceUnavailable(
                f"HubSpot answered with HTTP {answer.status} and no token. Try again in a few minutes.",
                status=answer.status,
            )
        return {
            "refresh_token": refresh_token,
            "client_access": {"client_id": app.client_id, "client_secret": secret},
        }


def _app(auth: Mapping[str, Any]) -> ClientAccess:
    """The app to ask access for. Of the operator's own the settings have the newest secret, not the connection."""
    own = HubSpotAuth.model_validate(dict(auth)).client_access if auth else None
    settings = HubSpotSettings()
    if settings.client_id and settings.client_secret and (own is None or own.client_id == settings.client_id):
        return ClientAccess(client_id=settings.client_id, client_secret=settings.client_secret)
    if own is None:
        raise InvalidSetting(
            "auth.client_access",
            "is required for a Connect Card, unless PENSTOCK_HUBSPOT_CLIENT_ID and PENSTOCK_HUBSPOT_CLIENT_SECRET are set.",
        )
    return own


def _refused(body: Mapping[str, Any], status: int) -> CredentialsRejected:
    kind = str(body.get("status") or body.get("error") or status)
    said = str(body.get("message") or "").rstrip(".")
    next_step = _NOT_THE_CODE.get(kind, "Start again: what HubSpot hands out is good for one time and a few minutes")
    return CredentialsRejected(
        f"HubSpot did not accept what it had handed out ({kind}{': ' if said else ''}{said}). {next_step}.",
        status=status,
    )
