"""Masked columns: a part of the value stays readable, a mask stands for the rest.

``length`` counts bytes of the value.  A container is found wherever it stands, so that a changed
length does not matter for what is stored already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from acra_twisted.crypto.envelopes import Envelope
from acra_twisted.encryption.settings import Masking


class Parts(NamedTuple):
    """A value in three: the secret in the middle is never empty, one of the others is."""

    before: bytes
    secret: bytes
    behind: bytes


def split(masking: Masking, plaintext: bytes, text: bool) -> Parts:
    """The readable part of a plaintext, and the rest.

    A plaintext no longer than the readable part is secret as a whole.  ``text``: a character of
    UTF-8 that lies across the boundary is secret as a whole.
    """
    size, length = len(plaintext), masking.length
    if length >= size or not length:
        return Parts(b"", plaintext, b"")
    if masking.left:
        cut = length
        while text and cut and _continues(plaintext[cut]):
            cut -= 1
        return Parts(plaintext[:cut], plaintext[cut:], b"")
    cut = size - length
    while text and cut < size and _continues(plaintext[cut]):
        cut += 1
    return Parts(b"", plaintext[:cut], plaintext[cut:])


def _continues(byte: int) -> bool:
    """Return True for a byte in the middle of a character."""
    return byte & 0xC0 == 0x80


def looks_masked(masking: Masking, plaintext: bytes) -> bool:
    """Return True if a reader without the key may see such a value: to write it back would put the
    mask over the secret.  Any number of bytes may stand beside the mask, for the value may have
    been written with another ``length``."""
    if masking.left:
        return plaintext.endswith(masking.mask)
    return plaintext.startswith(masking.mask)


def conceal(masking: Masking, stored: bytes, found: Sequence[Envelope]) -> bytes:
    """A stored value with the mask in place of each container; ``found`` are its outermost."""
    shown, done = [], 0
    for envelope in found:
        shown += [stored[done : envelope.start], masking.mask]
        done = envelope.end
    return b"".join((*shown, stored[done:]))
