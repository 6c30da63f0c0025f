"""The packets that end a reply, or one of its results: OK, EOF and ERR.

An OK begins with ``00``, or with ``fe`` where it stands in the place of an EOF.  An EOF has its
warnings in front of its status, an OK behind it.  The end of an OK, its info and what is tracked of
the session, depends on capabilities: it is read where something was tracked, and nowhere else.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted.errors import WireError
from acra_twisted.fast.littleendian import uint16
from acra_twisted.wire.mysql import lenenc

OK: Final = 0x00
EOF: Final = 0xFE
ERR: Final = 0xFF
#: The first byte of a request for a file of the client's.
LOCAL_FILE: Final = 0xFB

# Flags of the status.
IN_TRANS: Final = 0x0001
MORE_RESULTS: Final = 0x0008
CURSOR_EXISTS: Final = 0x0040
LAST_ROW_SENT: Final = 0x0080
NO_BACKSLASH_ESCAPES: Final = 0x0200
OUT_PARAMETERS: Final = 0x1000
STATE_CHANGED: Final = 0x4000
ANSI_QUOTES: Final = 0x8000

# Kinds of what is tracked.
_VARIABLE: Final = 0
_SCHEMA: Final = 1
#: The name under which a tracked schema is told, which no variable has.
SCHEMA: Final = b""

_EOF_SIZE: Final = 5
#: Bytes of a character at most, where all have the same number.
_WIDEST: Final = 4
#: An OK whose numbers are short, without an end.
_SHORT_OK: Final = 7
#: A packet with EOF's first byte and fewer bytes is an EOF.
EOF_BELOW: Final = 9


class Ok(NamedTuple):
    """An OK.  ``end`` is where its status and warnings end in the payload."""

    affected: int
    insert_id: int
    status: int
    warnings: int
    end: int


class Error(NamedTuple):
    """An ERR.  ``sqlstate`` is empty where it has none."""

    number: int
    sqlstate: bytes
    text: bytes


def decode_ok(payload: bytes) -> Ok:
    """Read an OK, whichever its first byte, up to its warnings.  Raises WireError."""
    if len(payload) == _SHORT_OK:
        affected, insert_id, at = payload[1], payload[2], 3
        if affected >= lenenc.SHORT or insert_id >= lenenc.SHORT:
            raise lenenc.cut_short("database")
    else:
        affected, at = lenenc.read_int(payload, 1, "database")
        insert_id, at = lenenc.read_int(payload, at, "database")
    status, at = lenenc.read_uint16(payload, at, "database")
    warnings, at = lenenc.read_uint16(payload, at, "database")
    return Ok(affected, insert_id, status, warnings, at)


def decode_eof(payload: bytes) -> tuple[int, int]:
    """The warnings and the status of an EOF.  Raises WireError."""
    if len(payload) != _EOF_SIZE:
        raise WireError("database", "an EOF that is no EOF")
    return uint16(payload, 1), uint16(payload, 3)


def decode_error(payload: bytes) -> Error:
    """Read an ERR.  Raises WireError."""
    number, at = lenenc.read_uint16(payload, 1, "database")
    if payload[at : at + 1] == b"#" and len(payload) >= at + 6:
        return Error(number, payload[at + 1 : at + 6], payload[at + 6 :])
    return Error(number, b"", payload[at:])


def tracked(payload: bytes, ok: Ok) -> list[tuple[bytes, bytes]]:
    """The changes of the session that an OK tells: variables and their values, and the schema under
    the name `SCHEMA`, in order.  Raises WireError.

    Called only if both sides track the session.
    """
    if not ok.status & STATE_CHANGED:
        return []
    start = at = lenenc.skip(payload, ok.end, "database")
    # Where a database's characters have two or four bytes, MariaDB aligns the changes to them.
    while at - start < _WIDEST - 1 and at + 1 < len(payload) and payload[at] == 0:
        at += 1
    changes, at = lenenc.read_bytes(payload, at, "database")
    if at != len(payload):
        raise WireError("database", "an OK has bytes behind the changes of its session")
    found: list[tuple[bytes, bytes]] = []
    at = 0
    while at < len(changes):
        kind = changes[at]
        entry, at = lenenc.read_bytes(changes, at + 1, "database")
        if kind == _VARIABLE:
            place = 0
            while place < len(entry):
                name, place = lenenc.read_bytes(entry, place, "database")
                value, place = lenenc.read_bytes(entry, place, "database")
                found.append((name, value))
        elif kind == _SCHEMA:
            found.append((SCHEMA, lenenc.read_bytes(entry, 0, "database")[0]))
    return found


def untracked(payload: bytes, ok: Ok) -> bytes:
    """An OK as a client gets it that does not track its session, though we do.  Raises
    WireError."""
    if ok.end == len(payload) and not ok.status & STATE_CHANGED:
        return payload
    info, _ = lenenc.read_bytes(payload, ok.end, "database") if ok.end < len(payload) else (b"", 0)
    status = (ok.status & ~STATE_CHANGED).to_bytes(2, "little")
    front = payload[: ok.end - 4] + status + payload[ok.end - 2 : ok.end]
    return front + lenenc.encode_bytes(info) if info else front


def encode_eof(status: int) -> bytes:
    """The payload of an EOF without warnings."""
    return b"\xfe\0\0" + status.to_bytes(2, "little")


def untracked_eof(payload: bytes) -> bytes:
    """An EOF as such a client gets it."""
    return payload[:4] + bytes((payload[4] & ~(STATE_CHANGED >> 8),))
