"""Files that a person wrote."""

from __future__ import annotations


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Why a file of text could not be read, in a few words."""
    return "no text" if isinstance(error, UnicodeDecodeError) else error.strerror or "no reason given"
