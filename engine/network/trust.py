"""What is trusted on the way to a destination: the hosts' keys and the certificates that a person approved."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from engine.contract import NotTrusted

Kind: TypeAlias = Literal["certificate", "fingerprint"]


class Approved(NamedTuple):
    """A certificate (DER in base64) or a host's key (as OpenSSH writes it), and what it goes by."""

    kind: Kind
    hash: str
    content: str


@dataclass
class Trust:
    """What was approved; and with `kinds` whatever else is met of these kinds, which is then in `met`."""

    approved: Iterable[Approved] = ()
    kinds: frozenset[Kind] = frozenset()
    met: list[Approved] = field(default_factory=list)

    def contents(self, kind: Kind) -> list[str]:
        """What is trusted of a kind."""
        return [each.content for each in (*self.approved, *self.met) if each.kind == kind]

    def hold(self, found: Approved, named: str) -> None:
        """Go on with what is approved, or may be trusted without that; `named` says whose it is.

        Raises:
            NotTrusted: a person has to approve it first.
        """
        known = (*self.approved, *self.met)
        if any(each.kind == found.kind and found.hash == each.hash.rstrip("=") for each in known):
            return
        if found.kind not in self.kinds:
            body = {"hash": found.hash, _CONTENT[found.kind]: found.content}
            raise NotTrusted(
                f"The {_NAMES[found.kind]} of {named} is not trusted yet: {found.hash}. Compare it with what whoever runs "
                f"that host tells you; then approve it (POST .../{found.kind}s), or test again with "
                f"trust_{found.kind}s true.",
                kind=found.kind,
                details=body,
            )
        self.met.append(found)


_CONTENT = {"certificate": "encoded_cert", "fingerprint": "public_key"}
_NAMES = {"certificate": "certificate", "fingerprint": "host key"}


def certificate(der: bytes) -> Approved:
    """A certificate, by its SHA-256 in hexadecimal."""
    return Approved("certificate", hashlib.sha256(der).hexdigest(), base64.b64encode(der).decode())
