"""The packets of a login: greeting, response, and the packets of authentication between them.

What is malformed raises WireError, of a client's packets with the reason HANDSHAKE.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.lenenc import (
    encode_bytes,
    encode_int,
    read_bytes,
    read_fixed,
    read_int,
    read_string,
    read_uint8,
    read_uint16,
    read_uint32,
)

PROTOCOL: Final = 10
#: MariaDB says that it is a MySQL 5.5.5, for old clients of replication.
POSING: Final = b"5.5.5-"
# First bytes of a database's packets while it authenticates a client, beside OK and ERR (see
# `okpackets`).
MORE: Final = 0x01
NEXT_FACTOR: Final = 0x02
SWITCH: Final = 0xFE
#: Bytes of a request for TLS, and of what a response begins with.
FIXED: Final = 32
_FILLER: Final = 19
#: Bytes of the first part of a scramble.
_FIRST: Final = 8
_SECOND: Final = 13
_SCRAMBLE: Final = 20


class Greeting(NamedTuple):
    """A server's first packet.  ``raw`` is all of it; ``at`` is where its capabilities lie.
    ``extended`` are MariaDB's, 0 of a server that has none.  ``plugin`` is the one that the
    response should be for."""

    raw: bytes
    at: int
    version: bytes
    thread: int
    capabilities: int
    extended: int
    collation: int
    status: int
    scramble: bytes
    plugin: bytes

    @property
    def mariadb(self) -> bool:
        """The server is MariaDB: it has no use for the bit that says so."""
        return not self.capabilities & bits.LONG_PASSWORD

    def showing(self, capabilities: int, extended: int) -> bytes:
        """The packet with other capabilities, and everything else as it is."""
        raw, at = self.raw, self.at
        shown = bytearray(raw)
        shown[at : at + 2] = (capabilities & 0xFFFF).to_bytes(2, "little")
        shown[at + 5 : at + 7] = (capabilities >> 16).to_bytes(2, "little")
        if self.mariadb:
            shown[at + 14 : at + 18] = extended.to_bytes(4, "little")
        return bytes(shown)


class Attribute(NamedTuple):
    """A client's word about itself."""

    name: bytes
    value: bytes


class Response(NamedTuple):
    """A client's answer to the greeting.  ``database`` and ``plugin`` are None where they are not
    said.  ``answer`` is for the plugin, or for the greeting's."""

    capabilities: int
    extended: int
    packet_max: int
    collation: int
    user: bytes
    answer: bytes
    database: bytes | None = None
    plugin: bytes | None = None
    attributes: tuple[Attribute, ...] = ()

    def encode(self) -> bytes:
        """The payload, with the fields that its capabilities say it has."""
        capabilities = self.capabilities
        parts = [self.head(), self.user, b"\0"]
        if capabilities & bits.PLUGIN_AUTH_LENENC:
            parts.append(encode_bytes(self.answer))
        else:
            parts += (len(self.answer).to_bytes(1, "little"), self.answer)
        if capabilities & bits.CONNECT_WITH_DB:
            parts += (self.database or b"", b"\0")
        if capabilities & bits.PLUGIN_AUTH:
            parts += (self.plugin or b"", b"\0")
        if capabilities & bits.CONNECT_ATTRS:
            parts.append(_encode_attributes(self.attributes))
        return b"".join(parts)

    def head(self) -> bytes:
        """The first `FIXED` bytes, which alone are a request for TLS."""
        extended = 0 if self.capabilities & bits.LONG_PASSWORD else self.extended
        return b"".join(
            (
                self.capabilities.to_bytes(4, "little"),
                self.packet_max.to_bytes(4, "little"),
                self.collation.to_bytes(1, "little"),
                bytes(_FILLER),
                extended.to_bytes(4, "little"),
            )
        )


class ChangeUser(NamedTuple):
    """A client's wish to become ``user``.  ``plugin`` is None where it is not said, ``collation`` 0
    where that is not."""

    user: bytes
    answer: bytes
    database: bytes
    collation: int = 0
    plugin: bytes | None = None
    attributes: tuple[Attribute, ...] = ()


class Switch(NamedTuple):
    """A database asks for an answer to another plugin, or for one more."""

    plugin: bytes
    data: bytes


def decode_greeting(payload: bytes) -> Greeting:
    """Read a server's greeting.  Raises WireError."""
    side = "database"
    if payload[:1] != b"\x0a":
        raise WireError(side, "its first packet is no greeting of protocol 10")
    version, at = read_string(payload, 1, side)
    thread, at = read_uint32(payload, at, side)
    first, at = read_fixed(payload, at, _FIRST, side)
    at += 1
    low, _ = read_uint16(payload, at, side)
    collation, _ = read_uint8(payload, at + 2, side)
    status, _ = read_uint16(payload, at + 3, side)
    high, _ = read_uint16(payload, at + 5, side)
    size, _ = read_uint8(payload, at + 7, side)
    extended, behind = read_uint32(payload, at + 14, side)
    found = low | high << 16
    second, behind = read_fixed(payload, behind, max(_SECOND, size - _FIRST), side)
    plugin = b""
    if found & bits.PLUGIN_AUTH:
        plugin, behind = read_string(payload, behind, side)
    if found & bits.LONG_PASSWORD:
        extended = 0
    scramble = (first + second)[:_SCRAMBLE]
    return Greeting(
        payload, at, version, thread, found, extended, collation, status, scramble, plugin
    )


def asks_for_tls(payload: bytes) -> bool:
    """Return True for a client's request for TLS: the beginning of a response, and no more."""
    return len(payload) == FIXED and bool(payload[1] & bits.SSL >> 8)


def decode_response(payload: bytes) -> Response:
    """Read a client's response.  Raises WireError, also if a capability of `REQUIRED_OF_CLIENTS`
    lacks.

    Bytes behind the last field are dropped.
    """
    try:
        return _decode_response(payload)
    except WireError as error:
        raise WireError(error.side, str(error), EndReason.HANDSHAKE) from None


def _decode_response(payload: bytes) -> Response:
    side = "client"
    if len(payload) < FIXED:
        raise WireError(side, "the response to the greeting is too short")
    found, at = read_uint32(payload, 0, side)
    if found & bits.REQUIRED_OF_CLIENTS != bits.REQUIRED_OF_CLIENTS:
        raise WireError(side, "the client is too old: it lacks a capability that is needed here")
    packet_max, at = read_uint32(payload, at, side)
    collation, at = read_uint8(payload, at, side)
    extended, at = read_uint32(payload, at + _FILLER, side)
    if found & bits.LONG_PASSWORD:
        extended = 0
    user, at = read_string(payload, at, side)
    if found & bits.PLUGIN_AUTH_LENENC:
        answer, at = read_bytes(payload, at, side)
    else:
        size, at = read_uint8(payload, at, side)
        answer, at = read_fixed(payload, at, size, side)
    database = plugin = None
    if found & bits.CONNECT_WITH_DB:
        database, at = read_string(payload, at, side)
    if found & bits.PLUGIN_AUTH:
        plugin, at = read_string(payload, at, side)
    attributes: tuple[Attribute, ...] = ()
    if found & bits.CONNECT_ATTRS:
        attributes, at = _decode_attributes(payload, at)
    return Response(
        found, extended, packet_max, collation, user, answer, database, plugin, attributes
    )


def decode_change_user(payload: bytes, in_force: InForce) -> ChangeUser:
    """Read a COM_CHANGE_USER, its first byte included.  Raises WireError."""
    side = "client"
    user, at = read_string(payload, 1, side)
    size, at = read_uint8(payload, at, side)
    answer, at = read_fixed(payload, at, size, side)
    database, at = read_string(payload, at, side)
    if at == len(payload):
        return ChangeUser(user, answer, database)
    collation, at = read_uint16(payload, at, side)
    plugin: bytes | None = None
    if in_force.plugin_auth:
        plugin, at = read_string(payload, at, side)
    attributes: tuple[Attribute, ...] = ()
    if in_force.connect_attrs:
        attributes, at = _decode_attributes(payload, at)
    return ChangeUser(user, answer, database, collation, plugin, attributes)


def decode_switch(payload: bytes) -> Switch:
    """Read an AuthSwitchRequest or an AuthNextFactor.  Raises WireError."""
    plugin, at = read_string(payload, 1, "database")
    return Switch(plugin, payload[at:])


def _decode_attributes(payload: bytes, at: int) -> tuple[tuple[Attribute, ...], int]:
    """Read attributes, which end where their total says.  Raises WireError."""
    size, at = read_int(payload, at, "client")
    if size > len(payload) - at:
        raise WireError("client", "malformed packet: attributes reach past its end")
    end = at + size
    block, place, found = payload[at:end], 0, []
    while place < size:
        name, place = read_bytes(block, place, "client")
        value, place = read_bytes(block, place, "client")
        found.append(Attribute(name, value))
    return tuple(found), end


def _encode_attributes(attributes: tuple[Attribute, ...]) -> bytes:
    block = b"".join(encode_bytes(name) + encode_bytes(value) for name, value in attributes)
    return encode_int(len(block)) + block
