"""A client's MD5 password that ends here, and the database's question for it.

The secret that PostgreSQL stores is what a client's answer is made of: with it AcraServer answers
the database as the client would.  It binds to nothing, and is as good as the password.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final, NamedTuple

from acra_twisted.dialects.postgresql.authentication import Mediated, ProvenHere, not_this_way
from acra_twisted.dialects.postgresql.passwordmessages import (
    MALFORMED,
    WRONG_PASSWORD,
    TooLong,
    Unconvinced,
    password_of,
    refusal,
    take,
    wrong_password,
)
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.loginactions import Stale, Unproven
from acra_twisted.lookup import Found
from acra_twisted.session import Session
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.postgres import backend, frames
from acra_twisted.wire.scram import CLIENT_LIMIT

#: Bytes of the salt in a question.
SALT: Final = 4
METHOD: Final = "md5"
_PREFIX: Final = b"md5"
_SECRET: Final = 35


class HashProof(NamedTuple):
    """The proof of a user: the ``secret`` fits its answer."""

    user: bytes
    secret: bytes


def is_hash(secret: bytes | None) -> bool:
    """Return True if a secret is an MD5 hash as PostgreSQL stores it."""
    return secret is not None and len(secret) == _SECRET and secret.startswith(_PREFIX)


def answer(secret: bytes, salt: bytes) -> bytes:
    """Return a client's answer to the question with ``salt``, by its stored secret."""
    digest = hashlib.md5(secret.removeprefix(_PREFIX) + salt, usedforsecurity=False)
    return _PREFIX + digest.hexdigest().encode()


class HashChallenge:
    """Asks one client for the proof that it is ``user``; sans-IO.  See `challenge.Challenge`."""

    method = METHOD
    bound = False

    def __init__(self, user: bytes, salt: bytes) -> None:
        self._user = user
        self._salt = salt
        self._secret = b""
        self._buffer = ChunkBuffer()

    def begin(self, found: Found) -> bytes:
        """Return the question; `is_hash` holds for the secret."""
        self._secret = found.secret or b""
        return backend.encode_authentication(backend.AUTH_MD5, self._salt)

    def feed(self, data: bytes) -> tuple[bytes, HashProof | None]:
        """Read bytes of the client; return nothing to tell it, and the proof once it is there.
        Raises Unconvinced."""
        self._buffer.feed(data)
        try:
            body = take(self._buffer, CLIENT_LIMIT, "password")
        except TooLong:
            raise Unconvinced(MALFORMED, WRONG_PASSWORD, refusal(self._user)) from None
        if body is None:
            return b"", None
        if not hmac.compare_digest(password_of(body), answer(self._secret, self._salt)):
            raise Unconvinced("password", WRONG_PASSWORD, refusal(self._user))
        return b"", HashProof(self._user, self._secret)

    def rest(self) -> bytes:
        """Take what the client has sent behind its proof."""
        return self._buffer.drain()


class HashLogin(ProvenHere):
    """Logs in to the database by the hash; see `authentication.Mediator`.

    ``may_answer``: the database's leg may have a password's hash on it (TLS, or the rule for legs
    without).
    """

    def __init__(self, session: Session, proof: HashProof, may_answer: bool) -> None:
        self._session = session
        self._proof = proof
        self._may_answer = may_answer

    def from_database(self, message: bytes) -> Mediated:
        """Answer an Authentication message.  Raises WireError if the login cannot go on."""
        body = message[5:]
        kind = backend.authentication_kind(body)
        user, secret = self._proof
        if kind == backend.AUTH_OK:
            return Mediated(message)
        if kind == backend.AUTH_SASL:
            # The database has a verifier by now.
            self._session.refused = True
            unproven = Unproven("database", wrong_password(user), METHOD)
            return Mediated(actions=(Stale(user), unproven))
        if kind != backend.AUTH_MD5 or len(body) != 4 + SALT:
            raise not_this_way(kind)
        if not self._may_answer:
            raise WireError(
                "database",
                "the database asks for an MD5 password over a connection without TLS; use SCRAM, "
                "or set db_tls = require",
                EndReason.LOGIN,
            )
        data = answer(secret, body[4:]) + b"\0"
        return Mediated(to_database=frames.message(b"p", data))

    def refused(self, message: bytes, fields: Mapping[str, bytes]) -> Mediated:
        """Say what the client gets for an error of the database's: it is the client's."""
        stale = (Stale(self._proof.user),) if fields.get("C") == WRONG_PASSWORD else ()
        return Mediated(message, actions=stale)
