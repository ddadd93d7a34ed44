"""Access: static tokens, and OAuth grants with the access and refresh tokens that come from them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.hubspot.sandbox.http import Refused, answer, unauthenticated
from connectors.hubspot.sandbox.times import SECOND, iso

ALL_SCOPES = frozenset(
    {
        "oauth",
        "crm.objects.owners.read",
        *(f"crm.objects.{kind}.{right}" for kind in ("contacts", "companies", "deals") for right in ("read", "write")),
        *(f"crm.schemas.{kind}.{right}" for kind in ("contacts", "companies", "deals") for right in ("read", "write")),
    }
)
CODE_LIFETIME = 600 * SECOND
USER_ID = 9_300_100
APP_ID = 1_180_233


@dataclass(slots=True)
class Token:
    """What a bearer token allows. Without `expires_at` it is a static one (a private app's, a service key)."""

    scopes: set[str]
    expires_at: int | None = None
    refresh_token: str | None = None
    text: str = ""


@dataclass(slots=True)
class _Code:
    scopes: set[str]
    redirect_uri: str
    expires_at: int


def bad_request(status: str, message: str, error: str = "invalid_grant") -> Refused:
    """The OAuth endpoints' own kind of error: RFC 6749's fields besides HubSpot's."""
    body = {"error": error, "error_description": message, "status": status, "message": message}
    return Refused(answer(body, 400))


class OAuth:
    """The one app that the account knows, and every token that is valid."""

    def __init__(
        self, client_id: str, client_secret: str, *, expires_in: int, rotate: bool, now: Callable[[], int]
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.expires_in = expires_in
        """Seconds that a new access token lives."""
        self.rotate = rotate
        """Whether each refresh gives a new refresh token and ends the old one."""
        self._now = now
        self._tokens: dict[str, Token] = {}
        self._refresh: dict[str, set[str]] = {}
        self._codes: dict[str, _Code] = {}

    def add_static(self, text: str, scopes: set[str]) -> None:
        """Let a static token in."""
        self._tokens[text] = Token(scopes, text=text)

    def grant(self, scopes: set[str]) -> dict[str, object]:
        """Tokens for the app as if a person had consented: the token endpoint's answer."""
        refresh_token = f"na1-{secrets.token_hex(16)}"
        self._refresh[refresh_token] = {"oauth", *scopes}
        return self.refresh(self.client_id, self.client_secret, refresh_token)

    def consent(self, scopes: set[str], redirect_uri: str) -> str:
        """The authorization code for a person's consent."""
        code = f"na1-{secrets.token_hex(12)}"
        self._codes[code] = _Code({"oauth", *scopes}, redirect_uri, self._now() + CODE_LIFETIME)
        return code

    def exchange(self, client_id: str, client_secret: str, code: str, redirect_uri: str) -> dict[str, object]:
        """Tokens for an authorization code, which is good for one time.

        Raises:
            Refused: 400 in the way of RFC 6749.
        """
        self.check_client(client_id, client_secret)
        consent = self._codes.pop(code, None)
        if consent is None:
            raise bad_request("BAD_AUTH_CODE", "missing or unknown auth code")
        if consent.expires_at <= self._now():
            raise bad_request("EXPIRED_AUTH_CODE", "auth code is expired")
        if consent.redirect_uri != redirect_uri:
            raise bad_request("BAD_REDIRECT_URI", "redirect URI does not match the one the code was issued for")
        return self.grant(consent.scopes)

    def refresh(self, client_id: str, client_secret: str, refresh_token: str) -> dict[str, object]:
        """A new access token.

        Raises:
            Refused: 400, when the refresh token or the client is not valid (any more).
        """
        self.check_client(client_id, client_secret)
        scopes = self._refresh.get(refresh_token)
        if scopes is None:
            raise bad_request("BAD_REFRESH_TOKEN", "refresh token is invalid, expired or revoked")
        if self.rotate:
            del self._refresh[refresh_token]
            refresh_token = f"na1-{secrets.token_hex(16)}"
            self._refresh[refresh_token] = scopes
        text = f"CJ{secrets.token_urlsafe(120)}"
        expires_at = self._now() + self.expires_in * SECOND
        self._tokens[text] = Token(scopes, expires_at, refresh_token, text)
        return {
            "token_type": "bearer",
            "access_token": text,
            "refresh_token": refresh_token,
            "expires_in": self.expires_in,
            "user_id": USER_ID,
            "scopes": sorted(scopes),
            "token_use": "access_token",
        }

    def check_client(self, client_id: str, client_secret: str) -> None:
        """Raise `Refused` unless these are the app's own."""
        if client_id != self.client_id:
            raise bad_request("BAD_CLIENT_ID", "missing or unknown client id", "invalid_client")
        if client_secret != self.client_secret:
            raise bad_request("BAD_CLIENT_SECRET", "missing or invalid client secret", "invalid_client")

    def revoke(self, text: str) -> None:
        """End a token: a static one, an access token, or a refresh token with all that came from it. Unknown ones are none."""
        self._tokens.pop(text, None)
        if self._refresh.pop(text, None) is not None:
            self._tokens = {t: token for t, token in self._tokens.items() if token.refresh_token != text}

    def expire(self) -> None:
        """Let all access tokens of OAuth be expired."""
        for token in self._tokens.values():
            if token.expires_at is not None:
                token.expires_at = min(token.expires_at, self._now())

    def scope_sets(self) -> list[set[str]]:
        """The sets of scopes of all tokens, to be changed in place."""
        return [*(token.scopes for token in self._tokens.values()), *self._refresh.values()]

    def find(self, text: str) -> Token | None:
        """An access or static token that is not expired."""
        token = self._tokens.get(text)
        return token if token and (token.expires_at is None or self._now() < token.expires_at) else None

    def refresh_scopes(self, text: str) -> set[str] | None:
        """The scopes of a refresh token, None when it is not valid."""
        return self._refresh.get(text)

    def authenticate(self, authorization: str) -> Token:
        """The token of an Authorization header.

        Raises:
            Refused: 401, with the body for an expired token or for any other.
        """
        kind, _, text = authorization.partition(" ")
        token = self._tokens.get(text.strip()) if kind.lower() == "bearer" else None
        if token is None:
            raise unauthenticated(
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
                "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
            )
        if token.expires_at is not None and token.expires_at <= self._now():
            minutes = (self._now() - token.expires_at) // (60 * SECOND)
            raise unauthenticated(
                f"The OAuth token used to make this call expired {minutes} minute(s) ago.",
                "EXPIRED_AUTHENTICATION",
                context={"expire time": [iso(token.expires_at)]},
            )
        return token

    def describe(self, text: str) -> Mapping[str, object] | None:
        """A valid access token as introspection shows it."""
        token = self.find(text)
        if token is None or token.expires_at is None:
            return None
        return {
            "token": text,
            "scopes": sorted(token.scopes),
            "expires_in": (token.expires_at - self._now()) // SECOND,
            "token_use": "access_token",
            "token_type": "Bearer",
        }
