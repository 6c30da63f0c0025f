"""The beginning of what a client says, for a connector that follows it to AcraServer.

A client may ask for TLS before its startup packet, or begin TLS at once.  Either the connector
answers, and can read what follows, or it passes the request on to AcraServer: then the rest is
encrypted for the connector, too.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.dialects.postgresql.firstpackets import (
    ASKS_FOR_ENCRYPTION,
    FirstPackets,
    Impossible,
    Packet,
)
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.loginactions import CANCEL, ENCRYPTED, OFFER, OTHER, PASS, REFUSE, REQUIRE
from acra_twisted.wire.postgres import frames
from acra_twisted.wire.postgres.frames import StartupPacket

_REQUIRED: Final = "this connector requires TLS (sslmode=require); its setting is application_tls"


class FollowedStartup:
    """Is told of all bytes both ways until it knows; sans-IO.  ``tls`` is one of the above.

    At the end either ``startup`` is the packet, ``packet`` its bytes and ``rest`` the bytes behind
    it, none of which has been passed on; or ``opaque`` says why what comes is carried unread,
    and what was held back has been handed out.  Before that TLS may have to begin (``begins_tls``).
    """

    def __init__(self, tls: str = PASS) -> None:
        self._tls = tls
        # Four bytes tell a length from another protocol, which is to be passed on at once.
        self._packets = FirstPackets(enough=4)
        self._seen: set[int] = set()
        # A request that AcraServer has to answer.
        self._asked = False
        #: Answers for the client, to be sent first.
        self.reply = b""
        #: TLS with the client is to begin now, with ``client_hello`` if that is not empty.
        self.begins_tls = False
        self.client_hello = b""
        self.encrypted = False
        self.opaque = ""
        self.startup: StartupPacket | None = None
        self.packet = b""
        self.rest = b""

    @property
    def declined(self) -> bool:
        """A client asked for TLS, there is none, and it has said nothing since."""
        waits = not (self.opaque or self._asked or len(self._packets) or self.startup)
        return waits and not self.begins_tls and frames.SSL_REQUEST in self._seen

    def tls_started(self) -> None:
        """TLS with the client stands."""
        self.begins_tls = False
        self.encrypted = True

    def from_client(self, data: bytes) -> bytes:
        """Bytes to pass on to the server now.  Raises WireError if the connection must end."""
        self.reply = passed = b""
        packets = self._packets
        packets.feed(data)
        if self._asked:
            # Nothing may be said between a request for encryption and its answer.
            self.opaque = OTHER
        while len(packets) and not (self.opaque or self._asked or self.startup):
            if packets.begins_tls and self._direct_tls():
                return b""
            encrypted = packets.begins_tls
            packet = packets.next()
            if packet is None:
                break
            if isinstance(packet, Impossible):
                self._unread(ENCRYPTED if encrypted else OTHER)
            elif len(packet.data) == 8 and packet.code in ASKS_FOR_ENCRYPTION:
                passed = self._requested(packet)
                if self.begins_tls:
                    return b""
            else:
                passed += self._begins(packet)
        return passed + (packets.rest() if self.opaque else b"")

    def from_database(self, data: bytes) -> bytes:
        """Bytes to pass on to the server: those held back, if it turns out to be something else.
        Raises WireError if the connection must end."""
        if self._asked and data == b"N":
            self._asked = False
            return b""
        self._unread(ENCRYPTED if self._asked and data == b"S" else OTHER)
        return self._packets.rest()

    def _direct_tls(self) -> bool:
        """Return True if TLS begins here, without having been asked for."""
        if self._tls == REFUSE:
            raise WireError("client", "direct TLS, which application_tls = refuse refuses", None)
        if self._tls not in (OFFER, REQUIRE) or self.encrypted:
            return False
        if self._seen:
            raise WireError("client", "TLS begins without an answer to the request for it", None)
        self._seen.add(frames.SSL_REQUEST)
        self.begins_tls = True
        self.client_hello = self._packets.rest()
        return True

    def _requested(self, packet: Packet) -> bytes:
        """Answer a request for encryption, or pass it on."""
        more = len(self._packets) > 0
        if self._tls == PASS:
            self._seen.add(packet.code)
            self._asked = True
            if more:
                self.opaque = OTHER
            return packet.data
        if more:
            raise WireError("client", "bytes behind a request for encryption", None)
        if packet.code in self._seen or self.encrypted:
            raise WireError("client", "encryption was asked for twice")
        self._seen.add(packet.code)
        self.begins_tls = packet.code == frames.SSL_REQUEST and self._tls in (OFFER, REQUIRE)
        self.reply += b"S" if self.begins_tls else b"N"
        return b""

    def _begins(self, packet: Packet) -> bytes:
        """A startup packet, which is held; or the bytes of a cancel request or something else."""
        if packet.code == frames.CANCEL_REQUEST:
            # PostgreSQL takes it without TLS, too: libpq before version 17 sends it so.
            self.opaque = CANCEL
            return packet.data
        try:
            startup = frames.decode_startup(packet.data)
        except WireError:
            self._unread(OTHER)
            return packet.data
        if self._tls == REQUIRE and not self.encrypted:
            raise WireError("client", _REQUIRED, EndReason.LOGIN)
        self.startup = startup
        self.packet, self.rest = packet.data, self._packets.rest()
        return b""

    def _unread(self, why: str) -> None:
        if self._tls == REQUIRE and not self.encrypted:
            raise WireError("client", "no TLS, which application_tls = require demands", None)
        self.opaque = why
