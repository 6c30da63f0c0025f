"""A client's SCRAM that ends here: PostgreSQL's part in it, up to the proof.

Nothing is the same less for a user that there is not: the same messages of the same lengths, after
the same steps.  A message is refused by its header before any of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from acra_twisted.dialects.postgresql.passwordmessages import (
    MALFORMED,
    TooLong,
    Unconvinced,
    take,
    unconvinced,
)
from acra_twisted.fast.record import Record
from acra_twisted.lookup import Found
from acra_twisted.wire import scram
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.scram import ScramError, ServerConversation, Verifier

#: SQLSTATEs of what is wrong with a message.
_SQLSTATES: Final = {
    scram.MALFORMED: b"08P01",
    scram.REPLAY: b"08P01",
    scram.UNSUPPORTED: b"0A000",
    scram.BINDING: b"28000",
    scram.DOWNGRADE: b"28000",
}


class ChallengePolicy(NamedTuple):
    """How clients prove who they are.

    ``mock_key`` (32 bytes) makes what a user without a secret is shown; servers of one cluster have
    the same.  ``nonce`` makes one of printable ASCII without commas.  ``requires_binding``: nobody
    comes in whose proof is not bound to his TLS connection.  ``database_binding`` is the rule for
    the database's leg, see `wire.scram.choose`.

    ``by_certificate``: clients prove it by their certificates alone, which the host examines.
    ``with_hashes``: users whose secret is an MD5 hash are asked for an MD5 password.  ``in_clear``
    are users who are asked for their password in clear, if ``exposed`` over TLS alone: the link is
    not encrypted.  ``passes_unknown``: the database asks users who have no secret here.  ``salt``
    makes four random bytes.
    """

    mock_key: bytes
    nonce: Callable[[], bytes]
    requires_binding: bool = False
    database_binding: str = "prefer"
    by_certificate: bool = False
    with_hashes: bool = False
    in_clear: frozenset[bytes] = frozenset()
    exposed: bool = True
    passes_unknown: bool = False
    salt: Callable[[], bytes] = bytes


class Proof(Record):
    """The proof of a user.  ``client_key`` is as good as the password for the very ``verifier``;
    ``last`` is what the client is told when the database has let it in."""

    __slots__ = ("user", "client_key", "verifier", "last")

    def __init__(self, user: bytes, client_key: bytes, verifier: Verifier, last: bytes) -> None:
        self.user = user
        self.client_key = client_key
        self.verifier = verifier
        self.last = last

    def _parts(self) -> tuple[object, ...]:
        return (self.user, self.client_key, self.verifier, self.last)


def verifier_for(
    policy: ChallengePolicy, user: bytes, found: Found
) -> tuple[Verifier | None, Verifier]:
    """Return a user's verifier, None if it has none, and the one to be asked by; the steps are the
    same for all."""
    mock = scram.mock_verifier(policy.mock_key, user, found.salt_size, found.iterations)
    verifier = None
    try:
        real = scram.read_verifier(found.secret or scram.SPECIMEN)
        verifier = None if found.secret is None else real
    except ScramError:
        # It is of another kind.
        pass
    return verifier, verifier or mock


class Challenge:
    """Asks one client for the proof that it is ``user``; sans-IO.

    ``end_point`` is that of the certificate that the client has been shown, None without TLS of
    this protocol or if nothing can be bound to it.
    """

    method = "scram"

    def __init__(self, policy: ChallengePolicy, user: bytes, end_point: bytes | None) -> None:
        self._policy = policy
        self._user = user
        self._end_point = end_point
        self._found = Found(None)
        self._verifier: Verifier | None = None
        self._conversation: ServerConversation | None = None
        self._mechanism = b""
        self._has_begun = False
        self._buffer = ChunkBuffer()

    @property
    def bound(self) -> bool:
        """The client has bound its proof to its TLS connection."""
        return self._conversation is not None and self._conversation.bound

    def begin(self, found: Found) -> bytes:
        """Return the message that asks for the proof, for what was ``found`` for the user."""
        self._found = found
        policy = self._policy
        self._verifier, shown = verifier_for(policy, self._user, found)
        offered = [scram.PLAIN]
        if self._end_point is not None:
            offered = [scram.PLUS] if policy.requires_binding else [scram.PLUS, scram.PLAIN]
        self._conversation = ServerConversation(shown, policy.nonce(), offered, self._end_point)
        return backend.encode_sasl(offered)

    def feed(self, data: bytes) -> tuple[bytes, Proof | None]:
        """Read bytes of the client; return what it is told, and the proof once it is there.

        Raises Unconvinced.
        """
        self._buffer.feed(data)
        said = b""
        while True:
            body = self._take()
            if body is None:
                return said, None
            try:
                if not self._has_begun:
                    said += self._initial(body)
                    continue
                proof = self._last(body)
            except ScramError as error:
                raise Unconvinced(error.kind, _SQLSTATES[error.kind], str(error)) from None
            if proof is not None:
                return said, proof

    def rest(self) -> bytes:
        """Take what the client has sent behind its proof."""
        return self._buffer.drain()

    def _take(self) -> bytes | None:
        """Take the body of the next message; None until it is whole."""
        try:
            return take(self._buffer, scram.CLIENT_LIMIT, "SASL")
        except TooLong:
            raise self._wrong(MALFORMED) from None

    def _initial(self, body: bytes) -> bytes:
        """Read a SASLInitialResponse, or the response that it has left out."""
        conversation = self._conversation
        assert conversation is not None  # noqa: S101 - made in begin()
        if not self._mechanism:
            mechanism, _, rest = body.partition(b"\0")
            size = int.from_bytes(rest[:4], "big", signed=True)
            if len(rest) < 4 or size > len(rest) - 4:
                raise Unconvinced(MALFORMED, b"08P01", "insufficient data left in message")
            if size < len(rest) - 4 and not (size == -1 and len(rest) == 4):
                raise Unconvinced(MALFORMED, b"08P01", "invalid message format")
            body = rest[4:]
            self._mechanism = mechanism
            if size == -1:
                conversation.check(mechanism)
                return backend.encode_authentication(backend.AUTH_SASL_CONTINUE)
        answer = conversation.begin(self._mechanism, body)
        self._has_begun = True
        return backend.encode_authentication(backend.AUTH_SASL_CONTINUE, answer)

    def _last(self, body: bytes) -> Proof | None:
        conversation = self._conversation
        assert conversation is not None  # noqa: S101 - made in begin()
        key = conversation.finish(body)
        if key is None or self._verifier is None:
            raise self._wrong("unknown" if self._verifier is None else "password")
        return Proof(self._user, key, self._verifier, conversation.last)

    def _wrong(self, result: str) -> Unconvinced:
        """The error for a proof that is none; the same for every user."""
        return unconvinced(self._found, self._user, result)
