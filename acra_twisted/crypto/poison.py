"""Poison records: containers that no application made, so that only an intruder reads one.

Source: acra-wire reference, section 15.  To anyone without the keys a record is an ordinary
container: same form, plausible length, random content.
"""

from __future__ import annotations

from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.themis.cell import Key, Random
from acra_twisted.themis.keys import PublicKey

#: Lengths of the content where none is asked for: 1 to 99 bytes, as Acra chooses.
MAX_RANDOM_LENGTH = 99


def _content(length: int, random_bytes: Random) -> bytes:
    if length < 0:
        # Numbers above the last multiple are drawn again, so that all lengths are equally likely.
        drawn = random_bytes(2)
        while int.from_bytes(drawn, "big") >= 65536 - 65536 % MAX_RANDOM_LENGTH:
            drawn = random_bytes(2)
        length = 1 + int.from_bytes(drawn, "big") % MAX_RANDOM_LENGTH
    return random_bytes(length)


def make_acrastruct(public: PublicKey, length: int, random_bytes: Random) -> bytes:
    """A record of ``length`` content bytes, of a random length if that is negative."""
    inner = acrastruct.create(_content(length, random_bytes), public, b"", random_bytes)
    return envelopes.wrap(envelopes.ACRASTRUCT, inner)


def make_acrablock(key: Key, length: int, random_bytes: Random) -> bytes:
    """The same as an AcraBlock."""
    inner = acrablock.create(_content(length, random_bytes), key, b"", random_bytes)
    return envelopes.wrap(envelopes.ACRABLOCK, inner)
