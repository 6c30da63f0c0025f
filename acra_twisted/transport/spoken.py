"""The protocol that a peer speaks, by its first bytes: for messages, where another was expected."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.errors import ForeignProtocol
from acra_twisted.wire.link import tracecontext

TLS: Final = "TLS"
HTTP: Final = "HTTP"
POSTGRESQL: Final = "the PostgreSQL protocol"
MYSQL: Final = "the MySQL protocol"
SSH: Final = "SSH"
PROXY: Final = "the PROXY protocol"
SECURE_SESSION: Final = "Secure Session"
#: Acra's link without encryption: a framed trace context comes first.
PLAIN: Final = "Acra's link without encryption"

#: Enough to tell all of them apart.
LOOK: Final = 16

_HTTP: Final = re.compile(rb"(?:GET|POST|PUT|HEAD|OPTIONS|CONNECT|DELETE|PATCH|TRACE|PRI) |HTTP/\d")
_PROXY: Final = (b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n")
_TLS_RECORDS: Final = frozenset((0x14, 0x15, 0x16, 0x17))
#: Major versions of the protocol, and what requests for TLS and the like have in their place.
_VERSIONS: Final = frozenset((2, 3, 1234))
#: What a database says first: an error, whose first field is its severity, or authentication,
#: with a small number.  The lengths between them are below 65536.
_ANSWERS: Final = re.compile(rb"E\0\0..S|R\0\0..\0\0\0", re.DOTALL)
_GREETINGS: Final = frozenset((9, 10, 0xFF))
#: Numbers of a MySQL server's errors, which it may also answer with.
_ERROR: Final = 0xFF
_ERRORS: Final = range(1000, 6000)
_CLIENT_ID: Final = re.compile(rb"[A-Za-z0-9_ -]+")

#: What a database may begin with: of links those who connect speak first.
_NOT_FOREIGN: Final = frozenset(("", PLAIN, SECURE_SESSION))


def silent(expected: str) -> tuple[str, str]:
    """Return what is the matter with a database that can be reached and says nothing, and what to
    do about it."""
    if expected == MYSQL:
        return (
            "can be reached and says nothing, where MySQL and MariaDB greet",
            "see db_host and db_port; if it is PostgreSQL, set mysql_enable = false",
        )
    return "can be reached and says nothing", "see db_host and db_port"


def spoken(data: bytes) -> str:
    """One of the names above; empty if it is none of them, or too little to know."""
    if len(data) >= 3 and data[0] in _TLS_RECORDS and data[1] == 3 and data[2] <= 4:
        return TLS
    if _HTTP.match(data):
        return HTTP
    if data[:4] == b"SSH-":
        return SSH
    if data.startswith(_PROXY):
        return PROXY
    if _is_postgresql(data):
        return POSTGRESQL
    if _is_mysql(data):
        return MYSQL
    return _on_a_link(data)


def _is_postgresql(data: bytes) -> bool:
    if len(data) >= 8 and data[:2] == b"\0\0":
        return int.from_bytes(data[4:6], "big") in _VERSIONS
    return _ANSWERS.match(data) is not None


def _is_mysql(data: bytes) -> bool:
    if len(data) < 5 or data[2]:
        return False
    if data[3] == 0:
        return data[4] in _GREETINGS
    return data[4] == _ERROR and int.from_bytes(data[5:7], "little") in _ERRORS


def _on_a_link(data: bytes) -> str:
    """Name the form of the link whose first bytes these are, a block with a little-endian length;
    empty if they are none."""
    if len(data) < 4 or not tracecontext.looks_framed(data[:4]):
        return ""
    content = data[4:]
    if not any(data[:4]) or content[:2] == b"\0\0":
        return PLAIN
    return SECURE_SESSION if _CLIENT_ID.match(content) else ""


def foreign(data: bytes, expected: str = POSTGRESQL) -> ForeignProtocol | None:
    """The reason for giving up if the first bytes of a database are those of another protocol than
    the ``expected`` one."""
    protocol = spoken(data)
    if protocol == expected or protocol in _NOT_FOREIGN:
        return None
    return ForeignProtocol(protocol)
