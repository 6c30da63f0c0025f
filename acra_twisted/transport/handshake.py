"""Handshakes in both forms of TLS: the certificate that was shown; the reason of a failure, and
time for a refused peer to read it."""

from __future__ import annotations

from typing import Any, Final

from OpenSSL import SSL, crypto
from twisted.python.failure import Failure

from acra_twisted.errors import ForeignProtocol, HandshakeError
from acra_twisted.transport.endings import LOST
from acra_twisted.transport.spoken import POSTGRESQL, TLS, spoken

#: The first byte of a TLS client.
RECORD_TYPE: Final = b"\x16"
#: Seconds and bytes for a peer that is refused to read why and close.  It may be sending: to close
#: with that unread would be a reset, and a reset makes the peer's system forget the alert.
PARTING_TIME: Final = 2.0
PARTING_BYTES: Final = 256 * 1024


def refused(first: bytes, error: SSL.Error) -> Failure:
    """Say why OpenSSL gave up a handshake.  ``first`` is what the peer said first: a protocol that
    is not TLS is named."""
    protocol = spoken(first)
    if protocol and protocol != TLS:
        return Failure(ForeignProtocol(protocol))
    return described(error)


def described(error: SSL.Error) -> Failure:
    """A connection that just ends is lost; everything else says what OpenSSL found."""
    # A refused certificate is described in the peer's words.
    by_us = isinstance(error, HandshakeError)
    if isinstance(error, SSL.SysCallError) or (not by_us and "unexpected eof" in str(error)):
        return LOST
    return Failure(error)


def own_certificate(connection: SSL.Connection) -> bytes | None:
    """Return the certificate that this side has shown in a handshake, DER; None if it has shown
    none.  It is the connection's own: settings may have been read anew since."""
    certificate = connection.get_certificate()
    if certificate is None:
        return None
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)


def is_misdirected(first: bytes, protocol: Any) -> bool:
    """True if an application speaks where TLS should begin, and ``protocol`` answers it."""
    if first[:1] == RECORD_TYPE or spoken(first) != POSTGRESQL:
        return False
    return hasattr(protocol, "misdirected")
