"""The first answer of a server, judged by its first bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from acra_twisted.errors import ForeignProtocol
from acra_twisted.transport import spoken
from acra_twisted.transport.failures import Reason

#: A peer that understands PostgreSQL never answers so.
_FOREIGN = frozenset((spoken.TLS, spoken.HTTP, spoken.SSH, spoken.MYSQL, spoken.PROXY))
#: Servers of these speak first.
_GREETING = frozenset((spoken.MYSQL, spoken.SSH))
_ALERT, _RECORD = b"\x15\x03", b"\x16"
_UNGREETED: Final = (
    "it has sent no greeting: does that listener serve MySQL (mysql_enable = true there)? its log "
    "says why"
)


def greets(data: bytes, dialect: Any) -> bool:
    """Return True if a server begins in a protocol in which servers speak first, and applications
    of the ``dialect``, an IServerDialect, would speak first."""
    return not dialect.server_speaks_first and spoken.spoken(data) in _GREETING


def judge(data: bytes, said: bytes, dialect: Any) -> tuple[ForeignProtocol | None, str]:
    """Return a failure if the peer answers an application's bytes ``said`` in another protocol,
    and the error that it answers with, if it is one.  A server of a ``dialect``, an IServerDialect,
    that speaks first answers nothing, but greets."""
    if dialect.server_speaks_first:
        wrong = spoken.foreign(data, dialect.protocol)
        return wrong, "" if wrong else dialect.read_refusal(data)
    if spoken.spoken(said) == spoken.POSTGRESQL:
        protocol = spoken.spoken(data)
        if protocol in _FOREIGN:
            return ForeignProtocol(protocol), ""
        return None, dialect.read_refusal(data)
    # Anything may be carried; but nobody begins with an alert who was not spoken to in TLS.
    if data[:2] == _ALERT and said[:1] != _RECORD:
        return ForeignProtocol(spoken.TLS), ""
    return None, ""


def explain(reason: Reason, dialect: Any) -> Reason:
    """Say more of a link that has ended without any answer, where a server should greet."""
    return replace(reason, remedy=_UNGREETED) if dialect.server_speaks_first else reason
