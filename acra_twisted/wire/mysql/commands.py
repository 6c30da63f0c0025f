"""Commands of a client behind its login: their payloads to values and back.

A payload begins with the command's code.  Decoders take one whose fixed part is whole (see
`FIXED`); what a server ignores behind that part is ignored here, too.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted.fast.littleendian import uint16, uint32

QUIT: Final = 0x01
INIT_DB: Final = 0x02
QUERY: Final = 0x03
FIELD_LIST: Final = 0x04
STATISTICS: Final = 0x09
PROCESS_KILL: Final = 0x0C
PING: Final = 0x0E
CHANGE_USER: Final = 0x11
PREPARE: Final = 0x16
EXECUTE: Final = 0x17
LONG_DATA: Final = 0x18
CLOSE: Final = 0x19
RESET: Final = 0x1A
SET_OPTION: Final = 0x1B
FETCH: Final = 0x1C
RESET_CONNECTION: Final = 0x1F
BULK_EXECUTE: Final = 0xFA

#: MariaDB's number for the statement that was prepared last.
LAST_PREPARED: Final = 0xFFFF_FFFF
#: The number of a statement that nobody has: to close it does nothing, so it can carry a context.
NOBODYS: Final = 0xFFFF_FFFE

#: The flag of an EXECUTE that asks for a cursor.
CURSOR: Final = 0x01
#: The flag of an EXECUTE that tells how many values it has, attributes included.
COUNTED: Final = 0x08

#: SET_OPTION's values; a server knows no more.
MULTI_STATEMENTS_ON: Final = 0
MULTI_STATEMENTS_OFF: Final = 1

#: Bytes of a command's payload that must be there, by its code; 1 for any other.
FIXED: Final[dict[int, int]] = {
    FIELD_LIST: 2,
    PROCESS_KILL: 5,
    EXECUTE: 10,
    LONG_DATA: 7,
    CLOSE: 5,
    RESET: 5,
    SET_OPTION: 3,
    FETCH: 9,
    BULK_EXECUTE: 7,
}
#: Commands of which nothing stands behind their fixed part.
WHOLE: Final = frozenset(
    (QUIT, STATISTICS, PROCESS_KILL, PING, CLOSE, RESET, SET_OPTION, FETCH, RESET_CONNECTION)
)


class LongData(NamedTuple):
    """A piece of the value of a statement's parameter, which is counted from 0."""

    statement: int
    parameter: int
    data: bytes


def fixed_part(payload: bytes) -> bytes:
    """A command of `WHOLE` without what a server ignores behind it."""
    size = FIXED.get(payload[0], 1)
    return payload if len(payload) == size else payload[:size]


def statement_number(payload: bytes) -> int:
    """The number of the statement that a command of a checked size is about."""
    return int(uint32(payload, 1))


def opens_cursor(payload: bytes) -> bool:
    """Tell whether an EXECUTE of a checked size asks for a cursor."""
    return bool(payload[5] & CURSOR)


def decode_long_data(payload: bytes) -> LongData:
    """Read a LONG_DATA of a checked size."""
    return LongData(statement_number(payload), int(uint16(payload, 5)), payload[7:])


def encode_long_data(message: LongData) -> bytes:
    """The payload of a LONG_DATA."""
    number, parameter = (
        message.statement.to_bytes(4, "little"),
        message.parameter.to_bytes(2, "little"),
    )
    return b"\x18" + number + parameter + message.data


def decode_option(payload: bytes) -> int:
    """The value of a SET_OPTION of a checked size."""
    return int(uint16(payload, 1))


def encode_close(number: int, behind: bytes = b"") -> bytes:
    """The payload of a CLOSE, with what a server ignores behind it."""
    return b"\x19" + number.to_bytes(4, "little") + behind
