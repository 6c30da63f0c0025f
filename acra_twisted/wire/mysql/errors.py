"""Errors of ours in the numbers of MySQL and MariaDB, and the packet of an error."""

from __future__ import annotations

from typing import Final, NamedTuple


class Situation(NamedTuple):
    """A number, its SQLSTATE, and the text where there is no better."""

    number: int
    sqlstate: bytes
    text: str


DENIED: Final = Situation(1317, b"70100", "the statement was refused")
MALFORMED: Final = Situation(1835, b"HY000", "malformed communication packet")
OUT_OF_ORDER: Final = Situation(1156, b"08S01", "got packets out of order")
TOO_LARGE: Final = Situation(1153, b"08S01", "got a packet bigger than the limit")
UNKNOWN_COMMAND: Final = Situation(1047, b"08S01", "this command is unknown or not allowed")
UNKNOWN_STATEMENT: Final = Situation(1243, b"HY000", "unknown prepared statement")
BAD_HANDSHAKE: Final = Situation(1043, b"08S01", "bad handshake")
TLS_REQUIRED: Final = Situation(3159, b"HY000", "connections need TLS here")
NO_RIGHT: Final = Situation(1045, b"28000", "access denied")
TOO_MANY: Final = Situation(1040, b"08004", "too many connections")
FAILED: Final = Situation(1105, b"HY000", "internal error in the proxy")
SHUTDOWN: Final = Situation(1053, b"08S01", "the proxy shuts down")
TIMEOUT: Final = Situation(1159, b"08S01", "timeout while reading packets")
IDLE: Final = Situation(4031, b"HY000", "the session was idle for too long")
ROLLED_BACK: Final = Situation(1213, b"40001", "the transaction is rolled back")

#: The SQLSTATEs of errors that stages give by their numbers.
STATES: Final = {
    DENIED.number: DENIED.sqlstate,
    FAILED.number: FAILED.sqlstate,
    1143: b"42000",
    1235: b"42000",
    1264: b"22003",
    1292: b"22007",
    1366: b"HY000",
    1615: b"HY000",
    1977: b"HY000",
}


def encode_error(situation: Situation, text: str = "", shown_state: bool = True) -> bytes:
    """The payload of an ERR, with ``text`` or the situation's own.

    In place of a greeting no SQLSTATE is shown: clients would take it for text.
    """
    state = b"#" + situation.sqlstate if shown_state else b""
    shown = (text or situation.text).encode("utf-8", "replace")
    return b"\xff" + situation.number.to_bytes(2, "little") + state + shown
