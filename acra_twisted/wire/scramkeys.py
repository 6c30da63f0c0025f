"""The keys of a user in one text: by them a SCRAM-SHA-256 client logs in without a password.

The text is a verifier's with the client's key in the place of the stored one, so that it cannot be
taken for a verifier: ``SCRAM-SHA-256-KEYS$<iterations>:<salt>$<ClientKey>:<ServerKey>``.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.wire.scram import (
    MALFORMED,
    PLAIN,
    Keys,
    ScramError,
    Verifier,
    read_verifier,
    verifier_of,
)

_PREFIX: Final = PLAIN + b"-KEYS$"


def encode_keys(keys: Keys, salt: bytes, iterations: int) -> bytes:
    """Return the text of a user's keys for the secret with this salt and these iterations."""
    text = Verifier(iterations, salt, keys.client, keys.server).encode()
    return _PREFIX + text.partition(b"$")[2]


def read_keys(secret: bytes) -> tuple[bytes, Verifier]:
    """Return the client's key and the verifier that it fits.  Raises ScramError."""
    if not secret.startswith(_PREFIX):
        raise ScramError(MALFORMED, "these are no SCRAM-SHA-256 keys")
    try:
        read = read_verifier(PLAIN + b"$" + secret.removeprefix(_PREFIX))
    except ScramError:
        raise ScramError(MALFORMED, "these are no SCRAM-SHA-256 keys") from None
    keys = Keys(read.stored_key, read.server_key)
    return keys.client, verifier_of(keys, read.salt, read.iterations)
