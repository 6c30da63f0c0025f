"""TLS on a socket of our own: OpenSSL reads and writes the socket itself.

Twisted's TLS moves every byte through buffers in memory, with several calls into OpenSSL and two
exceptions a message; bound to the socket it is one call to read and one to write (`records`).
Measured in docs/performance.rst.  The interface is that of Twisted's TLS transports.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.interfaces import IHandshakeListener, ISSLTransport
from twisted.python.failure import Failure
from zope.interface import classImplements

from acra_twisted.errors import ForeignProtocol, HandshakeError
from acra_twisted.transport.endings import DONE, LOST, SILENT
from acra_twisted.transport.handshake import (
    PARTING_BYTES,
    PARTING_TIME,
    described,
    is_misdirected,
    own_certificate,
    refused,
)
from acra_twisted.transport.native.hub import READABLE, WRITABLE
from acra_twisted.transport.native.records import has_spoken, records
from acra_twisted.transport.native.sockets import SocketTransport
from acra_twisted.transport.spoken import LOOK
from acra_twisted.transport.tlscontext import TLSContext

#: Bytes read at a time of what nobody wants.
_UNWANTED: Final = 16 * 1024


class TLSTransport(SocketTransport):
    """Takes the place of ``bare``, which has nothing left to send; ``protocol`` gets plaintext."""

    def __init__(
        self, bare: SocketTransport, protocol: Any, context: TLSContext, is_client: bool
    ) -> None:
        # What fails here must not leave a socket that nobody is told of.
        connection = context.connection(bare.getHandle(), self, is_client)
        super().__init__(bare.hand_over(), protocol, bare.hub)
        self._context = context
        self._connection = connection
        self._is_client = is_client
        self._established = False
        self._wants_write = False
        self._why: Failure | None = None
        # Why the handshake was given up, while the peer reads that.
        self._refusal: Failure | None = None
        self._ignored = 0
        #: What the peer said first, as far as it has been seen: OpenSSL does not tell.
        self.first = b""
        #: The OCSP response that the server has sent along, empty for none.
        self.staple = b""
        self._records = records(connection)
        self._take: Callable[[], bytes] = self._records.read
        self._send = _not_yet

    def begin(self) -> None:
        """Shake hands: a client speaks first, and a server when it has heard something."""
        if self._is_client and self.connected and not self.disconnecting:
            self._shake_hands()

    # -- the handshake --------------------------------------------------------------------------

    def ready(self, events: int) -> None:
        """The socket can be read or written, or is broken."""
        if self._established:
            super().ready(events)
        elif self._refusal is not None:
            self._ignore()
        elif not self.disconnecting:
            # A client speaks first: nobody waits for the server.
            if not self.first and self._look() and not self._is_client:
                self.connectionLost(SILENT)
            elif not self._is_client and is_misdirected(self.first, self.protocol):
                self._send_away()
            else:
                self._shake_hands()
        elif not events & (READABLE | WRITABLE):
            self.connectionLost(LOST)

    def _look(self) -> bool:
        """Return True if the peer has gone without a word."""
        try:
            self.first = self.outer.socket.recv(LOOK, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return not self.first

    def _send_away(self) -> None:
        """Leave the socket to an application that has the wrong port: it is told so without TLS."""
        self._connection.set_app_data(None)
        protocol = self.protocol
        protocol.misdirected(SocketTransport(self.hand_over(), protocol, self.hub))

    def _give_up(self, why: Failure) -> None:
        """Close when the peer has read what OpenSSL told it."""
        if why is LOST or isinstance(why.value, ForeignProtocol) or not self.connected:
            self.connectionLost(why)
            return
        self._refusal = why
        self.disconnecting = True
        try:
            self.outer.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.connectionLost(why)
            return
        self._linger = self.outer.reactor.callLater(PARTING_TIME, self.connectionLost, why)
        self.hub.watch(self._fd, self, READABLE)

    def _ignore(self) -> None:
        """Read what the peer has sent meanwhile, until it closes."""
        try:
            size = len(self.outer.socket.recv(_UNWANTED))
        except BlockingIOError:
            return
        except OSError:
            size = 0
        self._ignored += size
        if not size or self._ignored > PARTING_BYTES:
            self.connectionLost(LOST)

    def _shake_hands(self) -> None:
        self._wants_write = False
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            self._watch()
            return
        except SSL.WantWriteError:
            self._wants_write = True
            self._watch()
            return
        except SSL.Error as error:
            self._give_up(self._why or refused(self.first, error))
            return
        except HandshakeError as error:
            self.connectionLost(Failure(error))
            return
        if self._why is not None:
            self.connectionLost(self._why)
            return
        self._established = True
        self._send = self._send_first if self._is_client else self._records.send
        protocol = self.protocol
        if IHandshakeListener.providedBy(protocol):
            protocol.handshakeCompleted()
        if self._queue and self.connected:
            self._write_queued()

    def failVerification(self, reason: Failure) -> None:
        """Twisted's check of the peer's name: it is not who it must be."""
        self._why = reason

    def getPeerCertificate(self) -> Any:
        """The peer's, or None."""
        return self._connection.get_peer_certificate()

    def judged(self) -> Any:
        """See TLSContext.judged."""
        return self._context.judged(self._connection, self.protocol, self.staple)

    def own_certificate(self) -> bytes | None:
        """Return this side's certificate in this handshake, DER; None if it has shown none."""
        return own_certificate(self._connection)

    @property
    def negotiatedProtocol(self) -> bytes | None:
        """Return the protocol that ALPN has chosen, if any."""
        return self._connection.get_alpn_proto_negotiated() or None

    # -- records --------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            data = self._take()
        except SSL.WantReadError:
            return
        except SSL.ZeroReturnError:
            self.connectionLost(DONE)
            return
        except SSL.Error as error:
            self.connectionLost(described(error))
            return
        if self._is_client:
            self._first_heard()
        self.receiver(data)

    def _first_heard(self) -> None:
        """The server goes on with us.  Tickets come behind the handshake, before the first data."""
        self._is_client = False
        self._send = self._records.send
        if self._context.resumes:
            self._context.keep_session(self._connection)

    def _watch(self) -> None:
        if self._established or not self.connected:
            super()._watch()
            return
        self.hub.watch(self._fd, self, WRITABLE if self._wants_write else READABLE)

    def _send_first(self, data: Any) -> int:
        """A client's, until the server has said something: one of TLS 1.3 refuses a certificate
        when the client's handshake is done, and who writes to it then does not hear why."""
        try:
            has_spoken(self._connection)
        except SSL.Error as error:
            self._why = described(error)
            raise OSError("the peer has ended it") from None
        return self._records.send(data)

    def _last_words(self) -> Failure:
        """See SocketTransport."""
        return self._why or LOST

    # -- the end --------------------------------------------------------------------------------

    def loseConnection(self) -> None:
        """Send what waits, then close; before the handshake is done nothing can be sent."""
        if not self._established:
            self._held = b""
            self._forget_queued()
        super().loseConnection()

    def _close(self) -> None:
        """The peer is told that this was all."""
        if self._established and self.connected:
            try:
                self._connection.shutdown()
            except SSL.Error:
                pass
        super()._close()

    def connectionLost(self, reason: Failure) -> None:
        """Close the socket and tell the protocol, once."""
        super().connectionLost(self._refusal or reason)
        # OpenSSL's callbacks know this object, and it knows its own method: let all go.
        self._connection.set_app_data(None)
        self._records.forget()
        self._send = _not_yet


classImplements(TLSTransport, ISSLTransport)  # type: ignore[misc]  # it has no options of TCP


def _not_yet(data: Any) -> int:
    """Nothing is sent before the handshake is done."""
    raise BlockingIOError
