"""Telling an application, in PostgreSQL's own protocol, that the connector can't serve it.

Where there is nothing to carry to, or the server goes before it has answered, the connector looks
at what the application says first: if that is a PostgreSQL startup (or a request for encryption,
which is answered so that the startup comes), the application gets a proper error.  Anything else
gets a clean close.
"""

from __future__ import annotations

from acra_twisted.connector.watch import OFFER, REQUIRE, StartupWatch
from acra_twisted.dialects.postgresql.startup import ClientStartup, StartTLS, StartupPolicy
from acra_twisted.errors import WireError
from acra_twisted.wire.postgres import backend, frames
from acra_twisted.wire.postgres.frames import StartupPacket

_ANYTHING = frozenset("*")


class Farewell:
    """Feeds on what the application says; sans-IO.  ``tls`` is one of `watch`'s; ``begun`` is the
    watch that has dealt with the application's TLS so far.

    ``begins_tls``: TLS with the application is to begin, with ``client_hello`` if that is not
    empty; `tls_started` is called when it stands.
    """

    def __init__(
        self,
        text: str,
        sqlstate: bytes = b"08006",
        tls: str = "",
        begun: StartupWatch | None = None,
    ) -> None:
        offered = "allow" if tls in (OFFER, REQUIRE) else "disable"
        policy = StartupPolicy(offered, _ANYTHING, replication=True)
        self._startup = ClientStartup(policy, begun is not None and begun.encrypted)
        self._error = backend.encode_error(b"FATAL", sqlstate, text)
        self.begins_tls = begun is not None and begun.begins_tls
        self.client_hello = b"" if begun is None else begun.client_hello

    def tls_started(self) -> None:
        """TLS with the application stands."""
        self.begins_tls = False
        self._startup.tls_started()

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Bytes to send, and whether the connection is to be closed then."""
        try:
            found = self._startup.feed(data)
        except WireError:
            return b"", True
        if isinstance(found, StartTLS):
            self.begins_tls = True
            self.client_hello = found.direct
            return self._startup.reply, False
        if isinstance(found, StartupPacket):
            return self._startup.reply + self._error, True
        return self._startup.reply, found is not None


def asks_to_cancel(said: bytes) -> bool:
    """Return True if that is a cancel request, perhaps behind one for encryption: it has no
    answer."""
    code = frames.STARTUP_HEADER.unpack_from(said)[1] if len(said) >= 8 else 0
    return code == frames.CANCEL_REQUEST
