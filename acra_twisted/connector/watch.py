"""Finding the startup packet of a PostgreSQL session in what is carried, or that there is none."""

from __future__ import annotations

from acra_twisted.errors import WireError
from acra_twisted.wire.postgres import frames
from acra_twisted.wire.postgres.frames import StartupPacket

_ASKS = frozenset((frames.SSL_REQUEST, frames.GSSENC_REQUEST))


class StartupWatch:
    """Told of all bytes both ways until it knows; sans-IO.

    Then either ``startup`` is the packet, ``packet`` its bytes and ``rest`` what came behind
    them, none of which has been passed on; or ``opaque`` is True: it is encrypted, a cancel
    request, or another protocol, and what was held back has been handed out.
    """

    def __init__(self) -> None:
        self._held = b""
        self._asked = False
        self.opaque = False
        self.startup: StartupPacket | None = None
        self.packet = b""
        self.rest = b""

    def from_application(self, data: bytes) -> bytes:
        """Bytes to pass on to the server now."""
        self._held += data
        # Nothing may be said between a request for encryption and its answer.
        self.opaque = self._asked
        passed = b""
        while not self.opaque and len(self._held) >= 4:
            length = int.from_bytes(self._held[:4], "big")
            if not 8 <= length <= frames.STARTUP_LIMIT:
                self.opaque = True
                break
            if len(self._held) < length:
                break
            packet, self._held = self._held[:length], self._held[length:]
            if length == 8 and frames.STARTUP_HEADER.unpack(packet)[1] in _ASKS:
                passed = packet
                self._asked = True
                self.opaque = bool(self._held)
                break
            if self._begins(packet):
                return passed
            self._held = packet + self._held
        return passed + (self._let_go() if self.opaque else b"")

    def from_server(self, data: bytes) -> bytes:
        """Bytes to pass on to the server: those held back, if it turns out to be something else."""
        if self._asked and data == b"N":
            self._asked = False
            return b""
        self.opaque = True
        return self._let_go()

    def _begins(self, packet: bytes) -> bool:
        try:
            self.startup = frames.decode_startup(packet)
        except WireError:
            self.opaque = True
            return False
        self.packet, self.rest, self._held = packet, self._held, b""
        return True

    def _let_go(self) -> bytes:
        held, self._held = self._held, b""
        return held
