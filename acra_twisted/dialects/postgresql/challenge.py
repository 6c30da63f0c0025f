"""A client's SCRAM that ends here: PostgreSQL's part in it, up to the proof.

Nothing is the same less for a user that there is not: the same messages of the same lengths, after
the same steps.  A message is refused by its header before any of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from acra_twisted.errors import AcraError
from acra_twisted.lookup import Found
from acra_twisted.wire import scram
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.postgres import backend, frames
from acra_twisted.wire.scram import ScramError, ServerConversation, Verifier

#: SQLSTATEs of what is wrong with a message.
_SQLSTATES: Final = {
    scram.MALFORMED: b"08P01",
    scram.REPLAY: b"08P01",
    scram.UNSUPPORTED: b"0A000",
    scram.BINDING: b"28000",
    scram.DOWNGRADE: b"28000",
}
_WRONG_PASSWORD: Final = b"28P01"
_AWAY: Final = b"08006"
_MALFORMED: Final = "malformed"
#: It is read where a user has no secret, so that this takes the time that it takes where he has.
_NOBODY: Final = Verifier(4096, bytes(16), bytes(32), bytes(32)).encode()


class ChallengePolicy(NamedTuple):
    """How clients prove who they are.

    ``mock_key`` (32 bytes) makes what a user without a secret is shown; servers of one cluster have
    the same.  ``nonce`` makes one of printable ASCII without commas.  ``requires_binding``: nobody
    comes in whose proof is not bound to his TLS connection.  ``database_binding`` is the rule for
    the database's leg, see `wire.scram.choose`.
    """

    mock_key: bytes
    nonce: Callable[[], bytes]
    requires_binding: bool = False
    database_binding: str = "prefer"


class Unconvinced(AcraError):
    """A client has not proven who it is.  ``result`` is a label of the metric of logins; the text
    is what the client is told, with ``sqlstate``."""

    def __init__(self, result: str, sqlstate: bytes, text: str) -> None:
        super().__init__(text)
        self.result = result
        self.sqlstate = sqlstate


class Proof(NamedTuple):
    """The proof of a user.  ``client_key`` is as good as the password for the very ``verifier``;
    ``last`` is what the client is told when the database has let it in."""

    user: bytes
    client_key: bytes
    verifier: Verifier
    last: bytes


class Challenge:
    """Asks one client for the proof that it is ``user``; sans-IO.

    ``end_point`` is that of the certificate that the client has been shown, None without TLS of
    this protocol or if nothing can be bound to it.
    """

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
        mock = scram.mock_verifier(policy.mock_key, self._user, found.salt_size, found.iterations)
        try:
            real = scram.read_verifier(found.secret or _NOBODY)
            self._verifier = None if found.secret is None else real
        except ScramError:
            # It is of another kind.
            pass
        offered = [scram.PLAIN]
        if self._end_point is not None:
            offered = [scram.PLUS] if policy.requires_binding else [scram.PLUS, scram.PLAIN]
        self._conversation = ServerConversation(
            self._verifier or mock, policy.nonce(), offered, self._end_point
        )
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
        buffer = self._buffer
        data, position = buffer.data, buffer.position
        if position < len(data) and data[position] != frames.PASSWORD:
            text = f"expected SASL response, got message type {data[position]}"
            raise Unconvinced(_MALFORMED, b"08P01", text)
        if len(data) - position < 5:
            buffer.wait_for(5)
            return None
        length = frames.length_at(data, position)
        if length < 4:
            raise Unconvinced(_MALFORMED, b"08P01", "invalid message length")
        if length > 4 + scram.CLIENT_LIMIT:
            raise self._wrong(_MALFORMED)
        end = position + 1 + length
        if end > len(data):
            buffer.wait_for(length + 1)
            return None
        buffer.position = end
        return data[position + 5 : end]

    def _initial(self, body: bytes) -> bytes:
        """Read a SASLInitialResponse, or the response that it has left out."""
        conversation = self._conversation
        assert conversation is not None  # noqa: S101 - made in begin()
        if not self._mechanism:
            mechanism, _, rest = body.partition(b"\0")
            size = int.from_bytes(rest[:4], "big", signed=True)
            if len(rest) < 4 or size > len(rest) - 4:
                raise Unconvinced(_MALFORMED, b"08P01", "insufficient data left in message")
            if size < len(rest) - 4 and not (size == -1 and len(rest) == 4):
                raise Unconvinced(_MALFORMED, b"08P01", "invalid message format")
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
        if self._found.away:
            # What is kept can be guessed at like anything else, so that it counts.
            result = result if self._found.source else "source"
            return Unconvinced(result, _AWAY, "cannot look up roles now")
        return Unconvinced(result, _WRONG_PASSWORD, _refused(self._user))


def wrong_password(user: bytes) -> bytes:
    """Return the error of PostgreSQL for a proof that is none."""
    return backend.encode_error(b"FATAL", _WRONG_PASSWORD, _refused(user))


def _refused(user: bytes) -> str:
    return f'password authentication failed for user "{user.decode("utf-8", "replace")}"'
