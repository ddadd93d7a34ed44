"""OAuth: the page where a person consents, and the endpoints for tokens."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode, urlsplit

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.http import HTML, Refused, Request, Response, answer, not_found, unauthenticated
from connectors.hubspot.sandbox.oauth import APP_ID, USER_ID, bad_request
from connectors.hubspot.sandbox.rendering import PORTAL_ID

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Connect an app to HubSpot (sandbox)</title></head>
<body><main><h1>{title}</h1>{content}</main></body></html>
"""
_CONSENT = """<p>The app <code>{client}</code> asks for access to account {portal}:</p><ul>{scopes}</ul>
<form method="post"><button name="decision" value="grant">Connect app</button>
<button name="decision" value="deny">Cancel</button></form>
"""
_USER = "owner1@example.com"
_HUB_DOMAIN = "sandbox.example.com"


def consent_page(account: Account, request: Request) -> Response:
    """The page on which a person grants or denies what an app asks for."""
    _check_authorization(account, request)
    items = "".join(f"<li>{escape(scope)}</li>" for scope in _scopes(request))
    content = _CONSENT.format(client=escape(request.one("client_id")), portal=PORTAL_ID, scopes=items)
    return _page("Connect app", content)


def consent(account: Account, request: Request) -> Response:
    """What the person decided: back to the app, with a code or with an error."""
    _check_authorization(account, request)
    uri = request.one("redirect_uri")
    if request.form().get("decision") == "grant":
        answered = {"code": account.oauth.consent(set(_scopes(request)), uri)}
    else:
        answered = {"error": "access_denied", "error_description": "The user denied the request."}
    if state := request.one("state"):
        answered["state"] = state
    separator = "&" if urlsplit(uri).query else "?"
    return Response(302, headers={"Location": f"{uri}{separator}{urlencode(answered)}"})


def token(account: Account, request: Request) -> Response:
    """Tokens for a code or for a refresh token."""
    form = request.form()
    client = (form.get("client_id", ""), form.get("client_secret", ""))
    match form.get("grant_type"):
        case "authorization_code":
            tokens = account.oauth.exchange(*client, form.get("code", ""), form.get("redirect_uri", ""))
        case "refresh_token":
            tokens = account.oauth.refresh(*client, form.get("refresh_token", ""))
        case _:
            raise bad_request("BAD_GRANT_TYPE", "missing or unknown grant type", "unsupported_grant_type")
    if request.path.startswith("/oauth/v1/"):
        return answer({name: tokens[name] for name in ("token_type", "refresh_token", "access_token", "expires_in")})
    return answer({**tokens, "hub_id": PORTAL_ID})


def introspect(account: Account, request: Request) -> Response:
    """What a token is good for. Its field is `token` in the specification, and named after the kind in the docs."""
    form = request.form()
    account.oauth.check_client(form.get("client_id", ""), form.get("client_secret", ""))
    text = _token(form)
    about = account.oauth.describe(text)
    scopes = account.oauth.refresh_scopes(text)
    if about is None and scopes is None:
        return answer({"active": False})
    about = about or {
        "token": text,
        "scopes": sorted(scopes or ()),
        "token_use": "refresh_token",
        "token_type": "Bearer",
    }
    return answer({"active": True, **about, **_identity(account), "is_private_distribution": False})


def revoke(account: Account, request: Request) -> Response:
    """End a token."""
    form = request.form()
    account.oauth.check_client(form.get("client_id", ""), form.get("client_secret", ""))
    account.oauth.revoke(_token(form))
    return Response(204)


def access_token_info(account: Account, request: Request) -> Response:
    """What an access token is good for, in the form of version 1."""
    about = account.oauth.describe(request.params["token"])
    if about is None:
        raise unauthenticated("The access token is expired or does not exist.")
    identity = _identity(account) | {
        "scope_to_scope_group_pks": [],
        "trial_scopes": [],
        "trial_scope_to_scope_group_pks": [],
    }
    return answer({**about, **identity, "token_type": "access"})


def refresh_token_info(account: Account, request: Request) -> Response:
    """What a refresh token is good for, in the form of version 1."""
    scopes = account.oauth.refresh_scopes(request.params["token"])
    if scopes is None:
        raise not_found("missing or invalid refresh token")
    return answer(
        {"token": request.params["token"], "scopes": sorted(scopes), **_identity(account), "token_type": "refresh"}
    )


def delete_refresh_token(account: Account, request: Request) -> Response:
    """End a refresh token."""
    account.oauth.revoke(request.params["token"])
    return Response(204)


def _token(form: dict[str, str]) -> str:
    return form.get("token") or form.get("access_token") or form.get("refresh_token") or ""


def _scopes(request: Request) -> list[str]:
    return [*request.one("scope").split(), *request.one("optional_scope").split()]


def _identity(account: Account) -> dict[str, object]:
    return {
        "hub_id": PORTAL_ID,
        "hub_domain": _HUB_DOMAIN,
        "user_id": USER_ID,
        "user": _USER,
        "app_id": APP_ID,
        "client_id": account.oauth.client_id,
    }


def _check_authorization(account: Account, request: Request) -> None:
    wrong = ""
    if request.one("client_id") != account.oauth.client_id:
        wrong = "There is no app with this client_id."
    elif urlsplit(request.one("redirect_uri")).scheme not in {"http", "https"}:
        wrong = "The redirect_uri is missing or is no web address."
    elif not _scopes(request):
        wrong = "No scope is asked for."
    if wrong:
        response = _page("Authorization failed", f"<p>{escape(wrong)}</p>")
        response.status = 400
        raise Refused(response)


def _page(title: str, content: str) -> Response:
    return Response(200, _PAGE.format(title=title, content=content).encode(), HTML)
