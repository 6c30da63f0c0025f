"""Telling an application, in PostgreSQL's own protocol, that the connector can't serve it.

The connector parses nothing of what it carries.  Only when there is nothing to carry it to does
it look at what the application said first: if that is a PostgreSQL startup (or a request for
encryption, which is declined so that the startup comes), the application gets a proper error.
Anything else gets a clean close.
"""

from __future__ import annotations

from acra_twisted.dialects.postgresql.startup import ClientStartup, StartupPolicy
from acra_twisted.errors import WireError
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import StartupPacket

_POLICY = StartupPolicy(tls="disable", parameters=frozenset("*"), replication=True)


class Farewell:
    """Feeds on what the application said and says; sans-IO."""

    def __init__(self, text: str, sqlstate: bytes = b"08006") -> None:
        self._startup = ClientStartup(_POLICY)
        self._error = backend.encode_error(b"FATAL", sqlstate, text)

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Bytes to send, and whether the connection is to be closed then."""
        try:
            found = self._startup.feed(data)
        except WireError:
            return b"", True
        if isinstance(found, StartupPacket):
            return self._startup.reply + self._error, True
        return self._startup.reply, found is not None
