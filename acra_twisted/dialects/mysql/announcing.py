"""The word by which an AcraServer makes itself known to a connector that follows its sessions.

It stands behind the last field of the OK that ends a login; the connector takes it off.  Nothing
else is told to servers that others made.
"""

from __future__ import annotations

from typing import Final

_WORD: Final = b"\0acra_twisted=1"


def announced(ok: bytes) -> bytes:
    """The OK with the word behind it."""
    return ok + _WORD


def unannounced(ok: bytes) -> tuple[bytes, bool]:
    """An OK as the client gets it, and whether the word stood behind it."""
    return ok.removesuffix(_WORD), ok.endswith(_WORD)
