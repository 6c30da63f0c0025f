"""The beginning of what an application says: its request for TLS, then a PostgreSQL session.

An application may ask for TLS before its startup packet, or begin TLS at once.  Either the
connector answers, and can read what follows, or it passes the request on to AcraServer: then the
rest is encrypted for the connector, too.
"""

from __future__ import annotations

from acra_twisted.errors import WireError
from acra_twisted.wire.postgres import frames
from acra_twisted.wire.postgres.frames import StartupPacket

#: Who answers an application's request for TLS.  PASS: AcraServer.  DECLINE: the connector says
#: that there is none; direct TLS goes to AcraServer.  REFUSE: the same, and direct TLS is refused.
#: OFFER: the connector agrees.  REQUIRE: it also refuses whoever does not ask.
PASS, DECLINE, REFUSE, OFFER, REQUIRE = "pass", "decline", "refuse", "offer", "require"

#: Why something is carried unread.
ENCRYPTED, CANCEL, OTHER, FOREIGN = "encrypted", "cancel", "other", "foreign"

_ASKS = frozenset((frames.SSL_REQUEST, frames.GSSENC_REQUEST))
_TLS_RECORD = b"\x16"
_REQUIRED = "this connector requires TLS (sslmode=require); its setting is application_tls"


class StartupWatch:
    """Told of all bytes both ways until it knows; sans-IO.  ``tls`` is one of the above.

    At the end either ``startup`` is the packet, ``packet`` its bytes and ``rest`` the bytes behind
    it, none of which has been passed on; or ``opaque`` says why what comes is carried unread,
    and what was held back has been handed out.  Before that TLS may have to begin (``begins_tls``).
    """

    def __init__(self, tls: str = PASS) -> None:
        self._tls = tls
        self._held = b""
        self._seen: set[int] = set()
        # A request that AcraServer has to answer.
        self._asked = False
        #: Answers for the application, to be sent first.
        self.reply = b""
        #: TLS with the application is to begin now, with ``client_hello`` if that is not empty.
        self.begins_tls = False
        self.client_hello = b""
        self.encrypted = False
        self.opaque = ""
        self.startup: StartupPacket | None = None
        self.packet = b""
        self.rest = b""

    @property
    def declined(self) -> bool:
        """An application asked for TLS, there is none, and it has said nothing since."""
        waits = not (self.opaque or self._asked or self._held or self.startup)
        return waits and not self.begins_tls and frames.SSL_REQUEST in self._seen

    def tls_started(self) -> None:
        """TLS with the application stands."""
        self.begins_tls = False
        self.encrypted = True

    def from_application(self, data: bytes) -> bytes:
        """Bytes to pass on to the server now.  Raises WireError if the connection must end."""
        self.reply = b""
        self._held += data
        if self._asked:
            # Nothing may be said between a request for encryption and its answer.
            self.opaque = OTHER
        passed = b""
        while not (self.opaque or self._asked or self.startup) and self._held:
            if self._held[:1] == _TLS_RECORD and self._direct_tls():
                return b""
            if len(self._held) < 4:
                break
            length = int.from_bytes(self._held[:4], "big")
            if not 8 <= length <= frames.STARTUP_LIMIT:
                self._unread(ENCRYPTED if self._held[:1] == _TLS_RECORD else OTHER)
                break
            if len(self._held) < length:
                break
            packet, self._held = self._held[:length], self._held[length:]
            code = frames.STARTUP_HEADER.unpack_from(packet)[1]
            if length == 8 and code in _ASKS:
                passed = self._requested(packet, code)
                if self.begins_tls:
                    return b""
            else:
                self._begins(packet, code)
        return passed + (self._let_go() if self.opaque else b"")

    def from_server(self, data: bytes) -> bytes:
        """Bytes to pass on to the server: those held back, if it turns out to be something else.
        Raises WireError if the connection must end."""
        if self._asked and data == b"N":
            self._asked = False
            return b""
        self._unread(ENCRYPTED if self._asked and data == b"S" else OTHER)
        return self._let_go()

    def _direct_tls(self) -> bool:
        """Return True if TLS begins here, without having been asked for."""
        if self._tls == REFUSE:
            raise WireError("client", "direct TLS, which application_tls = refuse refuses", b"")
        if self._tls not in (OFFER, REQUIRE) or self.encrypted:
            return False
        if self._seen:
            raise WireError("client", "TLS begins without an answer to the request for it", b"")
        self._seen.add(frames.SSL_REQUEST)
        self.begins_tls = True
        self.client_hello, self._held = self._held, b""
        return True

    def _requested(self, packet: bytes, code: int) -> bytes:
        """Answer a request for encryption, or pass it on."""
        if self._tls == PASS:
            self._seen.add(code)
            self._asked = True
            if self._held:
                self.opaque = OTHER
            return packet
        if self._held:
            raise WireError("client", "bytes behind a request for encryption", b"")
        if code in self._seen or self.encrypted:
            raise WireError("client", "encryption was asked for twice")
        self._seen.add(code)
        self.begins_tls = code == frames.SSL_REQUEST and self._tls in (OFFER, REQUIRE)
        self.reply += b"S" if self.begins_tls else b"N"
        return b""

    def _begins(self, packet: bytes, code: int) -> None:
        """A startup packet, a cancel request, or something else."""
        if code == frames.CANCEL_REQUEST:
            # PostgreSQL takes it without TLS, too: libpq before version 17 sends it so.
            self._held = packet + self._held
            self.opaque = CANCEL
            return
        try:
            startup = frames.decode_startup(packet)
        except WireError:
            self._held = packet + self._held
            self._unread(OTHER)
            return
        if self._tls == REQUIRE and not self.encrypted:
            raise WireError("client", _REQUIRED, b"28000")
        self.startup = startup
        self.packet, self.rest, self._held = packet, self._held, b""

    def _unread(self, why: str) -> None:
        if self._tls == REQUIRE and not self.encrypted:
            raise WireError("client", "no TLS, which application_tls = require demands", b"")
        self.opaque = why

    def _let_go(self) -> bytes:
        held, self._held = self._held, b""
        return held
