"""A client's password in clear that ends here; it is compared with the user's verifier.

The host derives the key of the password, for that takes long; the rest is as after SCRAM.  A user
without a verifier takes the same way.
"""

from __future__ import annotations

import hmac
from typing import Final

from acra_twisted.dialects.postgresql.challenge import ChallengePolicy, Proof, verifier_for
from acra_twisted.dialects.postgresql.passwordmessages import (
    MALFORMED,
    TooLong,
    Unconvinced,
    password_of,
    take,
    unconvinced,
)
from acra_twisted.loginactions import Derive
from acra_twisted.lookup import Found
from acra_twisted.wire import scram
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.scram import Verifier

METHOD: Final = "cleartext"


class PasswordChallenge:
    """Asks one client for the password of ``user``; sans-IO.  See `challenge.Challenge`."""

    method = METHOD
    bound = False

    def __init__(self, policy: ChallengePolicy, user: bytes) -> None:
        self._policy = policy
        self._user = user
        self._found = Found(None)
        self._verifier: Verifier | None = None
        self._shown = Verifier(1, b"", b"", b"")
        self._buffer = ChunkBuffer()

    def begin(self, found: Found) -> bytes:
        """Return the question."""
        self._found = found
        self._verifier, self._shown = verifier_for(self._policy, self._user, found)
        return backend.encode_authentication(backend.AUTH_CLEARTEXT)

    def feed(self, data: bytes) -> tuple[bytes, Derive | None]:
        """Read bytes of the client; return nothing to tell it, and what is to be derived once its
        password is there.  Raises Unconvinced."""
        self._buffer.feed(data)
        try:
            body = take(self._buffer, scram.CLIENT_LIMIT, "password")
        except TooLong:
            raise self._wrong(MALFORMED) from None
        if body is None:
            return b"", None
        return b"", Derive(password_of(body), self._shown.salt, self._shown.iterations)

    def derived(self, salted: bytes) -> Proof:
        """Judge the key of the password.  Raises Unconvinced."""
        keys, shown = scram.keys_of(salted), self._shown
        fits = hmac.compare_digest(
            scram.verifier_of(keys, shown.salt, 1).stored_key, shown.stored_key
        )
        if self._verifier is None or not fits:
            raise self._wrong("unknown" if self._verifier is None else "password")
        return Proof(self._user, keys.client, self._verifier, b"")

    def rest(self) -> bytes:
        """Take what the client has sent behind its password."""
        return self._buffer.drain()

    def _wrong(self, result: str) -> Unconvinced:
        return unconvinced(self._found, self._user, result)
