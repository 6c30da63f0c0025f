"""The response to a server's greeting in a login that is nobody's but ours."""

from __future__ import annotations

from typing import Final

from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.loginactions import DATABASE
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.handshake import Greeting, Response

#: utf8mb4_general_ci: every server knows it.
_COLLATION: Final = 45
_PACKET_MAX: Final = 1 << 24


def offers_tls(greeting: Greeting) -> bool:
    """Tell whether a server may be asked for TLS."""
    return bool(greeting.capabilities & bits.SSL)


def encrypts(greeting: Greeting, tls: str) -> bool:
    """Tell whether the server is asked for TLS; ``tls`` is "off", "if offered" or "on".

    Raises WireError for a server that is too old, HandshakeError for one without the TLS that is
    required.
    """
    if greeting.capabilities & bits.REQUIRED != bits.REQUIRED:
        raise WireError(DATABASE, "it is too old: it lacks a capability that is needed here")
    if tls == "on" and not offers_tls(greeting):
        raise HandshakeError("it does not offer TLS, and db_tls requires it")
    return tls != "off" and offers_tls(greeting)


def own_response(
    user: bytes, plugin: bytes, encrypted: bool, answer: bytes = b"", database: bytes = b""
) -> Response:
    """Return the response; ``answer`` is for ``plugin``, ``database`` is empty for none."""
    wanted = bits.REQUIRED | bits.LONG_PASSWORD | (bits.SSL if encrypted else 0)
    if database:
        wanted |= bits.CONNECT_WITH_DB
    return Response(wanted, 0, _PACKET_MAX, _COLLATION, user, answer, database, plugin)
