"""Message headers, type bytes, limits and the packets that come before the protocol proper.

Source: PostgreSQL documentation, "Message Formats" and "Message Flow" (protocol 3.0 and 3.2).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from acra_twisted.endreason import EndReason
from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.fast.bigendian import uint32
from acra_twisted.fast.compiled import COMPILED

if TYPE_CHECKING:
    from mypy_extensions import i64

STARTUP_HEADER: Final = struct.Struct(">II")
_HEADER: Final = struct.Struct(">BI").unpack_from
#: Bytes that are looked through one by one, where this is compiled.
_NAME: Final = 64

SSL_REQUEST: Final = 80877103
GSSENC_REQUEST: Final = 80877104
CANCEL_REQUEST: Final = 80877102
#: Ours: a connector offers its spans.  Of the same family of numbers as the requests above.
SPANS_OFFERED: Final = (1234 << 16) | 40001
PROTOCOL_MAJOR: Final = 3
#: The newest minor version whose messages this proxy knows.
PROTOCOL_MINOR: Final = 2

SSL_REQUEST_PACKET: Final = STARTUP_HEADER.pack(8, SSL_REQUEST)
GSSENC_REQUEST_PACKET: Final = STARTUP_HEADER.pack(8, GSSENC_REQUEST)
SPANS_OFFERED_PACKET: Final = STARTUP_HEADER.pack(8, SPANS_OFFERED)

#: PostgreSQL's own limit on a startup packet.
STARTUP_LIMIT: Final = 10_000
#: For messages before authentication has ended.
AUTHENTICATION_LIMIT: Final = 64 * 1024
#: For messages that are small by nature (Sync, Close, Describe, ReadyForQuery ...).
SMALL_LIMIT: Final = 10_000

# Frontend message types.
BIND: Final = 0x42  # B
CLOSE: Final = 0x43  # C
COPY_FAIL: Final = 0x66  # f
DESCRIBE: Final = 0x44  # D
EXECUTE: Final = 0x45  # E
FUNCTION_CALL: Final = 0x46  # F
FLUSH: Final = 0x48  # H
PARSE: Final = 0x50  # P
PASSWORD: Final = 0x70  # p
QUERY: Final = 0x51  # Q
SYNC: Final = 0x53  # S
TERMINATE: Final = 0x58  # X
# Both ways.
COPY_DATA: Final = 0x64  # d
COPY_DONE: Final = 0x63  # c
# Backend message types.
AUTHENTICATION: Final = 0x52  # R
BACKEND_KEY_DATA: Final = 0x4B  # K
BIND_COMPLETE: Final = 0x32  # 2
CLOSE_COMPLETE: Final = 0x33  # 3
COMMAND_COMPLETE: Final = 0x43  # C
COPY_IN_RESPONSE: Final = 0x47  # G
COPY_OUT_RESPONSE: Final = 0x48  # H
COPY_BOTH_RESPONSE: Final = 0x57  # W
DATA_ROW: Final = 0x44  # D
EMPTY_QUERY: Final = 0x49  # I
ERROR_RESPONSE: Final = 0x45  # E
NEGOTIATE_VERSION: Final = 0x76  # v
FUNCTION_RESPONSE: Final = 0x56  # V
NO_DATA: Final = 0x6E  # n
NOTICE: Final = 0x4E  # N
NOTIFICATION: Final = 0x41  # A
PARAMETER_DESCRIPTION: Final = 0x74  # t
PARAMETER_STATUS: Final = 0x53  # S
PARSE_COMPLETE: Final = 0x31  # 1
PORTAL_SUSPENDED: Final = 0x73  # s
READY_FOR_QUERY: Final = 0x5A  # Z
ROW_DESCRIPTION: Final = 0x54  # T

_CANCEL_KEY_MAX: Final = 256


def message(kind: bytes, body: bytes) -> bytes:
    """One message.  Raises OverflowError rather than wrap a length past 32 bits."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def header(data: bytes, start: int) -> tuple[int, int]:
    """Type and length of the message that begins at ``start``.

    Raises IndexError or struct.error if less than a header is there.
    """
    if COMPILED:
        return data[start], uint32(data, start + 1)
    found: tuple[int, int] = _HEADER(data, start)
    return found


def end_of_string(data: bytes, start: int) -> int:
    """Return the place of the NUL that ends the string from ``start`` on; -1 without one."""
    if COMPILED:
        # Most are names, and shorter than what it takes to call a method of bytes.
        at: i64 = start
        end: i64 = min(at + _NAME, len(data))
        while at < end:
            if data[at] == 0:
                return at
            at += 1
    return data.find(b"\0", start)


def length_at(data: bytes, start: i64) -> i64:
    """The length of the message that begins at ``start``, without its type byte.

    Raises IndexError or struct.error if less than a header is there.
    """
    if COMPILED:
        return uint32(data, start + 1)
    length: int = _HEADER(data, start)[1]
    return length


def check_length(side: str, kind: int, length: int, limit: int) -> None:
    """Refuse a length that cannot be, before anything is allocated for it."""
    if length < 4:
        raise WireError(side, f"message {chr(kind)!r} announces {length} bytes")
    if length > limit:
        raise FrameTooLarge(
            side, f"message {chr(kind)!r} announces {length} bytes, the limit is {limit}"
        )


class StartupPacket(NamedTuple):
    """A StartupMessage.  ``minor`` as asked for; ``parameters`` in order, names unique."""

    minor: int
    parameters: dict[bytes, bytes]

    def encode(self) -> bytes:
        """The packet with its length."""
        body = b"".join(b"%b\0%b\0" % pair for pair in self.parameters.items()) + b"\0"
        return STARTUP_HEADER.pack(len(body) + 8, PROTOCOL_MAJOR << 16 | self.minor) + body


class CancelRequest(NamedTuple):
    """Process id and secret key: 4 bytes in protocol 3.0, up to 256 in 3.2."""

    process_id: int
    key: bytes

    def encode(self) -> bytes:
        """The packet with its length."""
        return STARTUP_HEADER.pack(12 + len(self.key), CANCEL_REQUEST) + (
            struct.pack(">I", self.process_id) + self.key
        )


def decode_startup(packet: bytes) -> StartupPacket:
    """Read a whole StartupMessage of protocol 3.  Raises WireError on anything irregular.

    Duplicates are refused: two readers might disagree on which of them holds.
    """
    version = STARTUP_HEADER.unpack_from(packet)[1]
    if version >> 16 != PROTOCOL_MAJOR:
        raise WireError("client", f"unsupported frontend protocol {version >> 16}")
    body = packet[8:]
    if not body.endswith(b"\0") or (len(body) > 1 and not body.endswith(b"\0\0")):
        raise WireError("client", "invalid startup packet layout: expected terminator")
    fields = body[:-1].split(b"\0")[:-1]
    if len(fields) % 2 or b"" in fields[::2]:
        raise WireError("client", "invalid startup packet layout: a name without a value")
    parameters = dict(zip(fields[::2], fields[1::2], strict=True))
    if len(parameters) * 2 != len(fields):
        raise WireError("client", "invalid startup packet: a parameter is given twice")
    if not parameters.get(b"user"):
        raise WireError(
            "client", "no PostgreSQL user name specified in startup packet", EndReason.LOGIN
        )
    return StartupPacket(version & 0xFFFF, parameters)


def decode_cancel(packet: bytes) -> CancelRequest:
    """Read a whole CancelRequest.  Raises WireError."""
    key = packet[12:]
    if not 4 <= len(key) <= _CANCEL_KEY_MAX:
        raise WireError("client", "invalid length of cancel request", None)
    return CancelRequest(int.from_bytes(packet[8:12], "big"), key)


def encode_negotiation(minor: int, unknown: list[bytes]) -> bytes:
    """NegotiateProtocolVersion: what is spoken instead of what was asked for."""
    body = struct.pack(">II", PROTOCOL_MAJOR << 16 | minor, len(unknown))
    return message(b"v", body + b"".join(name + b"\0" for name in unknown))


def decode_negotiation(body: bytes) -> tuple[int, list[bytes]]:
    """Minor version and unknown options of a NegotiateProtocolVersion.  Raises WireError."""
    if len(body) < 8:
        raise WireError("database", "NegotiateProtocolVersion is too short")
    version, count = struct.unpack_from(">II", body)
    names = body[8:].split(b"\0")[:-1]
    if len(names) != count:
        raise WireError("database", "NegotiateProtocolVersion has another number of options")
    return version & 0xFFFF, names
