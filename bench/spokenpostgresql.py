"""PostgreSQL's side of `spoken`, as pgbench asks."""

from __future__ import annotations

from typing import Final

from spoken import Spoken

from acra_twisted.loginactions import CLIENT, DATABASE
from acra_twisted.wire.postgres.frames import StartupPacket, message

_INTEGER = b"abalance\0" + b"\0\0\x40\x01\0\x03" + b"\0\0\0\x17\0\x04" + b"\xff" * 4 + b"\0\0"
# char(84), as pgbench has it.
_TEXT_COLUMN = b"filler\0" + b"\0\0\x40\x01\0\4" + b"\0\0\4\x12\xff\xff\0\0\0\x58\0\0"
_ROW = message(b"D", b"\0\1\0\0\0\1" + b"0")
_TEXT_ROW = message(b"D", b"\0\1\0\0\0\x54" + b" " * 84)
_READY = message(b"Z", b"I")
_NAME = b"P0_1"
_TEXT = b"SELECT abalance FROM pgbench_accounts WHERE aid = "


def _reply(column: bytes, row: bytes, count: int = 1) -> bytes:
    """The reply to a query that gives so many rows of one column."""
    complete = message(b"C", b"SELECT %d\0" % count)
    return message(b"T", b"\0\1" + column) + row * count + complete + _READY


def simple(number: int) -> bytes:
    """Return what ``pgbench -S -M simple`` sends."""
    return message(b"Q", _TEXT + b"%d;\0" % number)


def prepared(number: int) -> bytes:
    """Return what ``pgbench -S -M prepared`` sends."""
    value = b"%d" % number
    bound = b"\0" + _NAME + b"\0\0\0\0\1" + len(value).to_bytes(4, "big") + value + b"\0\0"
    return (
        message(b"B", bound)
        + message(b"D", b"P\0")
        + message(b"E", b"\0\0\0\0\0")
        + message(b"S", b"")
    )


_REPLY = _reply(_INTEGER, _ROW)
_TEXT_REPLY = _reply(_TEXT_COLUMN, _TEXT_ROW)
_BOUND = message(b"2", b"")

POSTGRESQL: Final = Spoken(
    {"db_host": "127.0.0.1"},
    (
        (CLIENT, StartupPacket(0, {b"user": b"postgres"}).encode()),
        (DATABASE, message(b"R", b"\0\0\0\0") + _READY),
    ),
    (
        message(b"P", _NAME + b"\0" + _TEXT + b"$1;\0\0\0") + message(b"S", b""),
        message(b"1", b"") + _READY,
    ),
    {
        "simple": (simple, _REPLY),
        "text, simple": (simple, _TEXT_REPLY),
        "prepared": (prepared, _BOUND + _REPLY),
        "text, prepared": (prepared, _BOUND + _TEXT_REPLY),
        "100 text rows, simple": (simple, _reply(_TEXT_COLUMN, _TEXT_ROW, 100)),
    },
)
