"""A client that logs in by SCRAM-SHA-256 on a plain socket, step by step: written from RFC 5802
alone, so that it shares no mistake with what it is tried against."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import time
from functools import lru_cache
from typing import NamedTuple

from acra_twisted.wire.postgres.frames import StartupPacket

AUTHENTICATION, ERROR = b"R", b"E"
ASKED, CONTINUED, ENDED = 10, 11, 12


class Answer(NamedTuple):
    """A message of the server, and the seconds that it was waited for."""

    kind: bytes
    body: bytes
    waited: float

    @property
    def request(self) -> int:
        """The kind of a message about authentication."""
        return int.from_bytes(self.body[:4])

    def field(self, name: bytes) -> bytes:
        """A field of an error: "C" is its SQLSTATE, "M" its text."""
        return next(f[1:] for f in self.body.split(b"\0") if f[:1] == name)


@lru_cache
def client_key(password: bytes, salt: bytes, iterations: int) -> bytes:
    """The key that proves a password."""
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, iterations)
    return hmac.digest(salted, b"Client Key", "sha256")


class ScramClient:
    """One login on a connection of its own, without channel binding.  ``source`` is the address
    from which it comes, any of loopback's."""

    def __init__(self, port: int, user: bytes, source: str = "127.0.0.1") -> None:
        self._peer = socket.create_connection(("127.0.0.1", port), 20, (source, 0))
        self._peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._got = bytearray()
        self._bare = b"n=,r=" + base64.b64encode(os.urandom(18))
        self._first = b""
        #: Each message that was sent, for those who want to send it again.
        self.said: list[bytes] = []
        self.asked = self.say(StartupPacket(0, {b"user": user, b"database": b"postgres"}).encode())

    def __enter__(self) -> ScramClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self._peer.close()

    def say(self, packet: bytes) -> Answer:
        """Send something, and wait for one message."""
        self.said.append(packet)
        self._peer.sendall(packet)
        return self.next()

    def next(self) -> Answer:
        """The next message of the server.  Raises ConnectionError if it has hung up."""
        began, got = time.perf_counter(), self._got
        while len(got) < 5 or len(got) < 1 + int.from_bytes(got[1:5]):
            more = self._peer.recv(4096)
            if not more:
                raise ConnectionError("the server has hung up")
            got += more
        waited = time.perf_counter() - began
        size = 1 + int.from_bytes(got[1:5])
        answer = Answer(bytes(got[:1]), bytes(got[5:size]), waited)
        del got[:size]
        return answer

    def begin(self) -> Answer:
        """Send the first message of SCRAM."""
        said = b"n,," + self._bare
        body = b"SCRAM-SHA-256\0" + len(said).to_bytes(4) + said
        answer = self.say(b"p" + (4 + len(body)).to_bytes(4) + body)
        self._first = answer.body[4:]
        return answer

    @property
    def challenge(self) -> dict[bytes, bytes]:
        """Nonce, salt and iterations: r, s and i."""
        return dict(part.split(b"=", 1) for part in self._first.split(b","))

    def prove(self, password: bytes | None) -> Answer:
        """Send the last message of SCRAM; without a password its proof is a random one."""
        asked = self.challenge
        end = b"c=biws,r=" + asked[b"r"]
        proof = os.urandom(32)
        if password is not None:
            salt = base64.b64decode(asked[b"s"])
            key = client_key(password, salt, int(asked[b"i"]))
            message = b",".join((self._bare, self._first, end))
            signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
            proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        said = end + b",p=" + base64.b64encode(proof)
        return self.say(b"p" + (4 + len(said)).to_bytes(4) + said)
