"""The errors of the whole product, along two axes: what happened, and what follows.

    PenstockError
    ├── InvalidSetting            a setting that cannot be taken            a person must act
    ├── SourceError
    │   ├── SourceUnavailable     it did not answer, or with nonsense       retry now
    │   ├── QuotaSpent            its daily quota is used up                retry at `retry_at`
    │   ├── CredentialsRejected   token, secret or grant is not valid       a person must act
    │   ├── AccessDenied          these streams lack a scope                a person must act; other streams go on
    │   └── SourceRefused         it will not do what was asked             a person must act
    ├── DestinationError
    │   ├── DestinationUnavailable  it did not answer, or broke off         retry now
    │   ├── DestinationBusy         another sync loads this schema          retry now
    │   └── DestinationRefused      a privilege, a lock, a full disk        a person must act
    │       └── NotTrusted          a key or a certificate nobody approved  a person must act
    ├── NotFound                  there is no such thing                    a person must act
    └── Conflict                  it exists or runs already                 a person must act

    Cancelled(BaseException)      somebody asked to stop; never swallowed

The text of an error is for the user: what happened and what to do next. Facts for programs are attributes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum


class Follow(StrEnum):
    """What follows an error."""

    RETRY = "retry"
    RETRY_AT = "retry_at"
    PERSON = "person"


class PenstockError(Exception):
    """Anything the product knows how to say. `str(error)` is a sentence for the user, with the next step."""

    follow: Follow = Follow.PERSON
    code: str = "error"

    @property
    def retry_at(self) -> datetime | None:
        """When to try again, where that is known."""
        return None


class InvalidSetting(PenstockError):
    """A setting that cannot be taken; `field` is its path as the user wrote it (`config.schema`)."""

    code = "invalid_setting"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class NotFound(PenstockError):
    """There is no such thing; `kind` and `name` say which."""

    code = "not_found"

    def __init__(self, kind: str, name: str, hint: str = "") -> None:
        super().__init__(f"There is no {kind} '{name}'.{' ' + hint if hint else ''}")
        self.kind = kind
        self.name = name


class Conflict(PenstockError):
    """It exists or runs already."""

    code = "conflict"


class SourceError(PenstockError):
    """The source's side failed; `status` is its HTTP status where there was one."""

    code = "source_error"

    def __init__(self, message: str, *, stream: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.stream = stream
        self.status = status


class SourceUnavailable(SourceError):
    """The source did not answer, or not with anything that can be used, also after all retries."""

    follow = Follow.RETRY
    code = "source_unavailable"


class QuotaSpent(SourceError):
    """The source's quota is used up; `policy` names it."""

    follow = Follow.RETRY_AT
    code = "quota_spent"

    def __init__(self, message: str, *, policy: str, retry_at: datetime, stream: str | None = None) -> None:
        super().__init__(message, stream=stream, status=429)
        self.policy = policy
        self._retry_at = retry_at

    @property
    def retry_at(self) -> datetime:
        """When the quota is fresh again (aware UTC)."""
        return self._retry_at


class CredentialsRejected(SourceError):
    """The token, the client secret or the grant is not valid any more: no call can succeed until a person reconnects."""

    code = "credentials_rejected"


class AccessDenied(SourceError):
    """The credentials are valid but lack a scope; `scopes` names what would do."""

    code = "access_denied"

    def __init__(self, message: str, *, scopes: Sequence[str], stream: str | None = None) -> None:
        super().__init__(message, stream=stream, status=403)
        self.scopes = tuple(scopes)


class SourceRefused(SourceError):
    """The source answered that it will not do this; trying again gives the same answer."""

    code = "source_refused"


class DestinationError(PenstockError):
    """The destination's side failed."""

    code = "destination_error"


class DestinationUnavailable(DestinationError):
    """The destination did not answer, or broke off; what was not committed is read again."""

    follow = Follow.RETRY
    code = "destination_unavailable"


class DestinationBusy(DestinationError):
    """Another sync is loading this schema."""

    follow = Follow.RETRY
    code = "destination_busy"


class DestinationRefused(DestinationError):
    """The destination will not take it until a person changes something there."""

    code = "destination_refused"


class NotTrusted(DestinationRefused):
    """On the way to the destination is a host's key or a certificate that nobody has approved.

    `kind` is fingerprint or certificate; `details` is the body of the request that approves it.
    """

    code = "not_trusted"

    def __init__(self, message: str, *, kind: str, details: Mapping[str, str]) -> None:
        super().__init__(message)
        self.kind = kind
        self.details = dict(details)


class Cancelled(BaseException):
    """Somebody asked to stop. Not an `Exception`, so that no handler takes it for a failure."""
