"""What an error makes of a sync."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.contract import Cancelled, CredentialsRejected, Follow, PenstockError, QuotaSpent, storable


@dataclass(frozen=True, slots=True)
class Ending:
    """How a sync, or a stream of it, ended. `error` is a sentence for people; it can be stored, whatever it quotes.

    `curable`: trying again may help. `resume_at`: when the source will answer again. `reconnect`: the connection is
    broken until a person mends it.
    """

    outcome: str
    error_code: str | None = None
    error: str | None = None
    curable: bool = False
    resume_at: datetime | None = None
    reconnect: bool = False


def ending(error: BaseException | None) -> Ending:
    """The ending that an error makes, or the lack of one."""
    match error:
        case None:
            return Ending("succeeded")
        case QuotaSpent():
            return Ending("rescheduled", error.code, storable(str(error)), resume_at=error.retry_at)
        case PenstockError():
            return Ending(
                "failed",
                error.code,
                storable(str(error)),
                curable=error.follow is Follow.RETRY,
                reconnect=isinstance(error, CredentialsRejected),
            )
        case Exception():
            # its text was not written for users and may hold anything: it goes to the log, which is redacted
            return Ending("failed", "unexpected", f"Unexpected {type(error).__name__}. The log tells more.")
        case Cancelled() | KeyboardInterrupt() | SystemExit() | _:
            return Ending("cancelled")
