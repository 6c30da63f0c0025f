"""MySQL's side of `spoken`, as sysbench asks MariaDB by libmariadb.

Definitions of columns come with the reply to a text, and not with that to an execution: client and
server agree that they are kept.
"""

from __future__ import annotations

from typing import Final

from spoken import Spoken

from acra_twisted.loginactions import CLIENT, DATABASE
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql import types
from acra_twisted.wire.mysql.columndefinitions import ColumnDefinition, encode
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import Response
from acra_twisted.wire.mysql.lenenc import encode_bytes

_PLUGIN = b"mysql_native_password"
_EXTENDED = bits.STMT_BULK | bits.EXTENDED_METADATA | bits.CACHE_METADATA
_GREETING = (
    b"\n5.5.5-10.11.19-MariaDB\0\7\0\0\0)}]7;`S\0\0\xfe\xf7\x2d\2\0\xff\x81\x15"
    + bytes(6)
    + _EXTENDED.to_bytes(4, "little")
    + b"^^?3*w<bZ|#a\0"
    + _PLUGIN
    + b"\0"
)
_CAPABILITIES = (
    bits.REQUIRED | bits.PLUGIN_AUTH_LENENC | bits.SESSION_TRACK | bits.CONNECT_WITH_DB
) | bits.TRANSACTIONS
_RESPONSE = Response(
    _CAPABILITIES, _EXTENDED, 1 << 24, 45, b"sbtest", b"s" * 20, b"sbtest", _PLUGIN
)
_OK = b"\0\0\0\2\0\0\0"
_EOF = b"\xfe\0\0\2\0"
_NUMBER = ColumnDefinition(
    b"sbtest", b"sbtest1", b"sbtest1", b"k", b"k", b"", 63, 11, types.LONG, 0x4009, 0
)
_TEXT = _NUMBER._replace(name=b"c", original_name=b"c", character_set=45, kind=types.STRING)
# char(120), as sysbench has it.
_VALUE = b"39643073330-22168936414-95542068284-01904945223-51837117219-" * 2


def _packets(*payloads: bytes, first: int = 1) -> bytes:
    return b"".join(packets(each, number & 0xFF) for number, each in enumerate(payloads, first))


def _text_reply(column: ColumnDefinition, value: bytes, count: int = 1) -> bytes:
    rows = [encode_bytes(value)] * count
    return _packets(b"\1\1", encode(column), _EOF, *rows, _EOF)


def _prepared_reply(value: bytes) -> bytes:
    return _packets(b"\1\0", _EOF, b"\0\0" + value, _EOF)


def _preparation(number: int, column: ColumnDefinition) -> bytes:
    parameter = ColumnDefinition(b"", b"", b"", b"?", b"", b"", 63, 0, types.NULL, 0x80, 0)
    head = b"\0" + number.to_bytes(4, "little") + b"\1\0\1\0\0\0\0"
    return _packets(head, encode(parameter), _EOF, encode(column), _EOF)


def simple(number: int) -> bytes:
    """Return what sysbench sends with ``--db-ps-mode=disable``."""
    return packets(b"\3SELECT k FROM sbtest1 WHERE id=%d" % number, 0)


def _execution(statement: int, number: int) -> bytes:
    head = b"\x17" + statement.to_bytes(4, "little") + b"\0\1\0\0\0\0"
    return packets(head + b"\0" + number.to_bytes(8, "little"), 0)


MYSQL: Final = Spoken(
    {"db_host": "127.0.0.1", "mysql_enable": "true"},
    (
        (DATABASE, packets(_GREETING, 0)),
        (CLIENT, packets(_RESPONSE.encode(), 1)),
        (DATABASE, packets(_OK, 2)),
    ),
    (
        b"".join(
            packets(b"\x16SELECT %b FROM sbtest1 WHERE id=?" % name, 0) for name in (b"k", b"c")
        ),
        _preparation(1, _NUMBER) + _preparation(2, _TEXT),
    ),
    {
        "simple": (simple, _text_reply(_NUMBER, b"5012")),
        "text, simple": (simple, _text_reply(_TEXT, _VALUE)),
        "prepared": (lambda number: _execution(1, number), _prepared_reply(b"\1\2\3\4")),
        "text, prepared": (
            lambda number: _execution(2, number),
            _prepared_reply(encode_bytes(_VALUE)),
        ),
        "100 text rows, simple": (simple, _text_reply(_TEXT, _VALUE, 100)),
    },
)
