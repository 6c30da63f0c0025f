"""A client's answers to the question who it is: reads them, and says what is wrong with one."""

from __future__ import annotations

from typing import Final

from acra_twisted.errors import AcraError
from acra_twisted.lookup import Found
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.postgres import backend, frames

MALFORMED: Final = "malformed"
WRONG_PASSWORD: Final = b"28P01"
# What a client is told if nobody can say whether its proof is right.
AWAY: Final = b"08006"
CANNOT_ASK: Final = "cannot look up roles now"
_VIOLATION: Final = b"08P01"


class Unconvinced(AcraError):
    """A client has not proven who it is.  ``result`` is a label of the metric of logins; the text
    is what the client is told, with ``sqlstate``."""

    def __init__(self, result: str, sqlstate: bytes, text: str) -> None:
        super().__init__(text)
        self.result = result
        self.sqlstate = sqlstate


class TooLong(AcraError):
    """A client's answer is longer than it may be; nothing of it has been kept."""


def take(buffer: ChunkBuffer, limit: int, expected: str) -> bytes | None:
    """Take the body of the next message, which has ``limit`` bytes at most; None until it is whole.
    ``expected`` says what it should be.  Raises Unconvinced, TooLong."""
    data, position = buffer.data, buffer.position
    if position < len(data) and data[position] != frames.PASSWORD:
        text = f"expected {expected} response, got message type {data[position]}"
        raise Unconvinced(MALFORMED, _VIOLATION, text)
    if len(data) - position < 5:
        buffer.wait_for(5)
        return None
    length = frames.length_at(data, position)
    if length < 4:
        raise Unconvinced(MALFORMED, _VIOLATION, "invalid message length")
    if length > 4 + limit:
        raise TooLong("the answer is too long")
    end = position + 1 + length
    if end > len(data):
        buffer.wait_for(length + 1)
        return None
    buffer.position = end
    return data[position + 5 : end]


def password_of(body: bytes) -> bytes:
    """Return the password in an answer.  Raises Unconvinced."""
    if not body or body.find(b"\0") != len(body) - 1:
        raise Unconvinced(MALFORMED, _VIOLATION, "invalid password packet size")
    return body[:-1]


def refusal(user: bytes) -> str:
    """Return PostgreSQL's text for a proof that is none."""
    return f'password authentication failed for user "{user.decode("utf-8", "replace")}"'


def wrong_password(user: bytes) -> bytes:
    """Return the error of PostgreSQL for a proof that is none."""
    return backend.encode_error(b"FATAL", WRONG_PASSWORD, refusal(user))


def unconvinced(found: Found, user: bytes, result: str) -> Unconvinced:
    """Return the error for a proof that is none, the same for every user; ``found`` is what was
    looked up, and ``result`` a label of the metric."""
    if found.away:
        # What is kept can be guessed at like anything else, so that it counts.
        return Unconvinced(result if found.source else "source", AWAY, CANNOT_ASK)
    return Unconvinced(result, WRONG_PASSWORD, refusal(user))
