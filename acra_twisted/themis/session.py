"""Secure Session, sans-IO: four handshake messages, then wrapped data both ways.

Source: themis-formats reference, section 7.  Compatible with Themis 0.10 to 0.15 and stricter
than it, see section 7.7: sequence numbers must be exactly the next, the last message's MAC must be
whole, nothing is wrapped or unwrapped before the session stands, nothing may follow a message.

A side that has raised is finished: its connection must be closed.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from acra_twisted.errors import CryptoError, HandshakeError
from acra_twisted.themis import container, keys, message
from acra_twisted.themis.cell import Random
from acra_twisted.themis.kdf import derive, derive_without_key
from acra_twisted.themis.keys import PrivateKey, PublicKey

#: Bytes by which a wrapped message is longer than its payload.
OVERHEAD: Final = 52
#: How far the clocks of the two sides may be apart, seconds.
CLOCK_TOLERANCE: Final = 86_400

_MESSAGE: Final = b"TSPM"
_ID: Final = b"TSID"
_MAC_SIZE: Final = 32
_LABEL: Final = b"Themis secure session "
_INNER: Final = struct.Struct(">IIQ")
_SEQUENCE: Final = 1 << 32


class Keys(NamedTuple):
    """The keys that both sides derive.  ``sid`` is as the KDF gives it; on the wire it is
    reversed."""

    sid: bytes
    master: bytearray
    client_key: bytearray
    server_key: bytearray
    client_sequence: int
    server_sequence: int

    def wipe(self) -> None:
        """Overwrite the keys."""
        for key in (self.master, self.client_key, self.server_key):
            key[:] = bytes(len(key))


def derive_keys(
    shared: bytes, client_ephemeral: bytes, server_ephemeral: bytes, client: bytes, server: bytes
) -> Keys:
    """Derive the keys from the ECDH secret, the ephemeral public keys (whole containers) and the
    ids."""
    parts = (client_ephemeral, server_ephemeral, client, server)
    sid = derive_without_key(_LABEL + b"unique identifier", parts, 4)
    master = bytearray(derive(shared, _LABEL + b"master key", (sid,)))

    def part(what: bytes, size: int = 32) -> bytes:
        return derive(master, _LABEL + what, (sid,), size)

    return Keys(
        sid,
        master,
        bytearray(part(b"client key")),
        bytearray(part(b"server key")),
        int.from_bytes(part(b"client initial sequence number", 4), "little"),
        int.from_bytes(part(b"server initial sequence number", 4), "little"),
    )


class _Side:
    """The parts that client and server share.

    ``own_id`` is what we say we are, ``private`` our signing key, ``find_peer`` gives the public
    key of a peer's id or None if that peer is not welcome.  ``random_bytes`` and ``now`` (Unix
    time in seconds) are called for each wrapped message.  ``ephemeral`` is for tests only.
    """

    #: True once `wrap` and `unwrap` may be called.
    established = False

    def __init__(
        self,
        own_id: bytes,
        private: PrivateKey,
        find_peer: Callable[[bytes], PublicKey | None],
        *,
        random_bytes: Random,
        now: Callable[[], float],
        ephemeral: PrivateKey | None = None,
    ) -> None:
        self._own_id = own_id
        self._private: PrivateKey | None = private
        self._find_peer = find_peer
        self._random = random_bytes
        self._now = now
        self._ephemeral: PrivateKey | None = ephemeral or keys.generate()
        self._own = keys.encode_public(self._ephemeral.public_key())
        self._peer = b""
        self._peer_key: PublicKey | None = None
        self._keys: Keys | None = None
        self._wire_id = b""
        self._out: AESGCM | None = None
        self._in: AESGCM | None = None
        self._next_out = self._next_in = 0
        #: The peer's id, verified once the session is established.
        self.peer_id = b""

    # -- handshake ------------------------------------------------------------------------------

    def _sign(self, *parts: bytes) -> bytes:
        assert self._private is not None  # noqa: S101 - forgotten only when established
        return self._private.sign(b"".join(parts), message.SIGNATURE)

    def _introduce(self, *signed: bytes) -> bytes:
        signature = self._sign(self._own, *signed)
        return container.encode(
            _MESSAGE, container.encode(_ID, self._own_id) + self._own + signature
        )

    def _meet(self, data: bytes) -> tuple[bytes, bytes]:
        """The peer's ephemeral key container and signature; learns who the peer claims to be."""
        payload, _ = container.decode_prefix(_MESSAGE, data)
        self.peer_id, size = container.decode_prefix(_ID, payload)
        point, length = container.decode_prefix(keys.PUBLIC_TAG, payload[size:])
        self._peer_key = keys.decode_point(point)
        self._peer = payload[size : size + length]
        return self._peer, payload[size + length :]

    def _verify(self, signature: bytes, *parts: bytes) -> None:
        public = self._find_peer(self.peer_id) if self.peer_id else None
        if public is None:
            raise HandshakeError("the peer's Secure Session id is not the expected one")
        message.verify_signature(public, signature, b"".join(parts))

    def _agree(self, client: bytes, server: bytes, ids: tuple[bytes, bytes]) -> Keys:
        # Both are there in this state of the handshake.
        assert self._ephemeral is not None and self._peer_key is not None  # noqa: S101 - as said
        shared = keys.shared_secret(self._ephemeral, self._peer_key)
        self._ephemeral = None
        agreed = self._keys = derive_keys(shared, client, server, *ids)
        self._wire_id = agreed.sid[::-1]
        return agreed

    def _mac(self, ephemeral: bytes) -> bytes:
        assert self._keys is not None  # noqa: S101 - after _agree
        return hmac.digest(self._keys.master, ephemeral + self._keys.sid, "sha256")

    def _check_mac(self, given: bytes, ephemeral: bytes) -> None:
        if len(given) != _MAC_SIZE or not hmac.compare_digest(given, self._mac(ephemeral)):
            raise CryptoError("the handshake's MAC is not valid")

    def _start(self, is_client: bool) -> None:
        assert self._keys is not None  # noqa: S101 - after _agree
        agreed, self._keys = self._keys, None
        client, server = AESGCM(agreed.client_key), AESGCM(agreed.server_key)
        sequences = agreed.client_sequence, agreed.server_sequence
        self._out, self._in = (client, server) if is_client else (server, client)
        self._next_out, self._next_in = sequences if is_client else sequences[::-1]
        agreed.wipe()
        self._private = None
        self.established = True

    # -- data -----------------------------------------------------------------------------------

    def wrap(self, payload: bytes) -> bytes:
        """One message for the peer.  Raises CryptoError before the session is established."""
        if self._out is None:
            raise CryptoError("the Secure Session is not established")
        if not payload:
            raise CryptoError("an empty message cannot be wrapped")
        iv = self._random(16)
        head = _INNER.pack(len(payload) + 12, self._next_out, int(self._now()))
        self._next_out = (self._next_out + 1) % _SEQUENCE
        return b"".join((self._wire_id, iv, self._out.encrypt(iv[:12], head + payload, None)))

    def unwrap(self, data: bytes) -> bytes:
        """The payload of the peer's next message.  Raises CryptoError for anything else."""
        if self._in is None:
            raise CryptoError("the Secure Session is not established")
        if len(data) <= OVERHEAD or data[:4] != self._wire_id:
            raise CryptoError("not a message of this Secure Session")
        try:
            inner = self._in.decrypt(data[4:16], memoryview(data)[20:], None)
        except InvalidTag:
            raise CryptoError("a message of the Secure Session was changed") from None
        length, sequence, sent = _INNER.unpack_from(inner)
        if sequence != self._next_in:
            raise CryptoError("a message of the Secure Session is replayed or out of order")
        if length != len(inner) - 4:
            raise CryptoError("a message of the Secure Session has another length than it says")
        if abs(sent - self._now()) > CLOCK_TOLERANCE:
            raise CryptoError("a message of the Secure Session is from another day: set the clock")
        self._next_in = (sequence + 1) % _SEQUENCE
        return inner[16:]

    def forget(self) -> None:
        """The session is over: let go of the keys (ciphers are OpenSSL's, which wipes them)."""
        if self._keys is not None:
            self._keys.wipe()
        self._keys = self._out = self._in = self._private = self._ephemeral = None
        self.established = False


class ClientSession(_Side):
    """The side that begins.  ``find_peer`` must refuse every id but the server's."""

    _waits_for_mac = False

    def connect(self) -> bytes:
        """Message 1."""
        return self._introduce()

    def receive(self, data: bytes) -> bytes:
        """Message 2: returns message 3.  Message 4: returns b"" and the session is established.

        Raises CryptoError, HandshakeError.
        """
        if self.established:
            raise HandshakeError("the Secure Session is established already")
        if self._waits_for_mac:
            payload, _ = container.decode_prefix(_MESSAGE, data)
            self._check_mac(payload, self._own)
            self._start(True)
            return b""
        theirs, signature = self._meet(data)
        ids = self._own_id, self.peer_id
        self._verify(signature, theirs, self._own, self.peer_id, self._own_id)
        self._agree(self._own, theirs, ids)
        self._waits_for_mac = True
        proof = self._sign(self._own, theirs, *ids)
        return container.encode(_MESSAGE, proof + self._mac(theirs))


class ServerSession(_Side):
    """The side that is connected to."""

    def receive(self, data: bytes) -> bytes:
        """Message 1: returns message 2.  Message 3: returns message 4; established.

        Raises CryptoError, HandshakeError.
        """
        if self.established:
            raise HandshakeError("the Secure Session is established already")
        if not self._peer:
            theirs, signature = self._meet(data)
            self._verify(signature, theirs)
            self._agree(theirs, self._own, (self.peer_id, self._own_id))
            return self._introduce(theirs, self._own_id, self.peer_id)
        payload, _ = container.decode_prefix(_MESSAGE, data)
        self._verify(payload[:-_MAC_SIZE], self._peer, self._own, self.peer_id, self._own_id)
        self._check_mac(payload[-_MAC_SIZE:], self._own)
        last = container.encode(_MESSAGE, self._mac(self._peer))
        self._start(False)
        return last
