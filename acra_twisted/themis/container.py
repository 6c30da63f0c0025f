"""The Soter container: tag, size, checksum, payload.  Keys and handshake messages come in it.

Source: themis-formats reference, section 2.  The size is big-endian and counts the 12 bytes of
the header; the checksum is CRC-32C of the container with its own field zero, little-endian.  It
finds accidents, not attacks.
"""

from __future__ import annotations

import struct
from typing import Final

from acra_twisted.errors import CryptoError

HEADER_SIZE: Final = 12
_HEADER: Final = struct.Struct(">4sI")
_CHECKSUM: Final = struct.Struct("<I")


def _make_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE: Final = _make_table()


def crc32c(data: bytes, before: int = 0) -> int:
    """CRC-32C (Castagnoli, reflected): e3069283 for b"123456789".

    ``before``: that of the bytes that come before these.
    """
    value = before ^ 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def encode(tag: bytes, payload: bytes) -> bytes:
    """A container.  ``tag`` is 4 bytes."""
    head = _HEADER.pack(tag, HEADER_SIZE + len(payload))
    return head + _CHECKSUM.pack(crc32c(head + b"\0\0\0\0" + payload)) + payload


def decode_prefix(tag: bytes, data: bytes) -> tuple[bytes, int]:
    """Payload and size of the container that ``data`` begins with.  Raises CryptoError.

    Bytes behind it are not looked at: peers append some to handshake messages.
    """
    if len(data) < HEADER_SIZE:
        raise CryptoError("a Themis container is cut off")
    found, size = _HEADER.unpack_from(data)
    if found != tag:
        raise CryptoError("a Themis container has another tag than expected")
    if not HEADER_SIZE <= size <= len(data):
        raise CryptoError("a Themis container's size does not fit")
    (checksum,) = _CHECKSUM.unpack_from(data, 8)
    if checksum != crc32c(data[:8] + b"\0\0\0\0" + data[HEADER_SIZE:size]):
        raise CryptoError("a Themis container's checksum is wrong")
    return bytes(data[HEADER_SIZE:size]), size


def decode(tag: bytes, data: bytes) -> bytes:
    """The payload of a container that is all of ``data``.  Raises CryptoError."""
    payload, size = decode_prefix(tag, data)
    if size != len(data):
        raise CryptoError("a Themis container has bytes behind its end")
    return payload
