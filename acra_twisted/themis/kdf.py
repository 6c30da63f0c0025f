"""The Soter key derivation function.  Source: themis-formats reference, section 1."""

from __future__ import annotations

import hmac
from collections.abc import Sequence


def derive(
    key: bytes | bytearray, label: bytes, contexts: Sequence[bytes], size: int = 32
) -> bytes:
    """``size`` bytes (32 at most) from a key of any length but 0.

    Contexts are concatenated with nothing between them.
    """
    return hmac.digest(key, message(label) + b"".join(contexts), "sha256")[:size]


def message(label: bytes) -> bytes:
    """Return the bytes that are authenticated before the contexts: a counter, always 1, and the
    label."""
    return b"\0\0\0\x01" + label + b"\0"


def derive_without_key(label: bytes, contexts: Sequence[bytes], size: int = 32) -> bytes:
    """The same with a key made of label and contexts: a Secure Session's id is made so."""
    key = bytearray(label[:32].ljust(32, b"\0"))
    for context in contexts:
        for place, byte in enumerate(context[:32]):
            key[place] ^= byte
    return derive(key, label, contexts, size)
