"""TLS of Twisted's, in buffers in memory: on top of any transport.

It is the form where TLS lies on top of another encryption, or begins with bytes that have been read
already, and everywhere with ``native_transports = off``.  Reasons of failures, resumption and what
is done for a peer that is refused are those of TLS on a native socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, ISSLTransport, ITCPTransport
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.errors import HandshakeError
from acra_twisted.transport.direct import IDirectTransport
from acra_twisted.transport.endings import DONE, SILENT
from acra_twisted.transport.handshake import (
    PARTING_BYTES,
    PARTING_TIME,
    is_misdirected,
    own_certificate,
    refused,
)
from acra_twisted.transport.spoken import LOOK, TLS, spoken
from acra_twisted.transport.tlscontext import TLSContext

#: More than the handshake's answer to anything.
_FLIGHT = 32 * 1024


@implementer(IHandshakeListener)
class _Neighbour:
    """Lies on both sides of Twisted's TLS: it is the transport below and the protocol above."""

    def __init__(self, outer: Any, protocol: Any, context: TLSContext, is_client: bool) -> None:
        self.outer = outer
        self.protocol = protocol
        self.receiver: Callable[[bytes], None] = protocol.dataReceived
        self.is_client = is_client
        self.context = context
        #: OpenSSL's connection.
        self.connection: Any = None
        self.established = False
        #: What the peer said first.
        self.first = b""
        #: Why this side has given up the handshake, if OpenSSL does not say it.
        self.why: Failure | None = None
        #: The handshake has failed, and the peer may read why.
        self.parting = False
        #: This side has ended the connection: with a farewell, or at once.
        self.closing = self.aborting = False
        #: Nothing can be sent any more.
        self.gone = False
        self._ignored = 0
        self._linger: Any = None

    # -- below: a transport ----------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        return getattr(self.outer, name)

    def loseConnection(self) -> None:
        """Twisted's TLS has ended: close, or let the peer read why its handshake has failed."""
        if self.gone or self.aborting or self.parting:
            return
        if self.established or spoken(self.first) not in ("", TLS):
            self.outer.loseConnection()
        else:
            self.part()

    def part(self) -> None:
        """Send what waits, end this side, and close when the peer has done so or time is up."""
        self.parting = True
        # By its class: wrappers provide what the transport below them provides.
        if not ITCPTransport.implementedBy(type(self.outer)):
            self.outer.loseConnection()
            return
        self.outer.loseWriteConnection()
        self._linger = self.outer.reactor.callLater(PARTING_TIME, self.outer.abortConnection)

    def ignore(self, size: int) -> None:
        """Count bytes that a peer sends which has not read yet that it is refused."""
        self._ignored += size
        if self._ignored > PARTING_BYTES:
            self.outer.abortConnection()

    # -- above: a protocol -----------------------------------------------------------------------

    def handshakeCompleted(self) -> None:
        """Twisted: both sides have shown who they are."""
        self.established = True
        if IHandshakeListener.providedBy(self.protocol):
            self.protocol.handshakeCompleted()

    def dataReceived(self, data: bytes) -> None:
        """Twisted: plaintext."""
        if self.is_client:
            # The server goes on.  Tickets come behind the handshake, before the first data.
            self.is_client = False
            if self.context.resumes:
                self.context.keep_session(self.connection)
        self.receiver(data)

    def connectionLost(self, reason: Failure) -> None:
        """Twisted: the connection is gone."""
        if self._linger is not None and self._linger.active():
            self._linger.cancel()
        why = self.why or self._described(reason)
        # OpenSSL's callbacks know the transport, which knows this: let all go.
        self.connection = None
        self.protocol.connectionLost(why)

    def _was_closed(self) -> bool:
        """True if the peer has said that this was all."""
        shut = 0 if self.connection is None else self.connection.get_shutdown()
        return bool(shut & SSL.RECEIVED_SHUTDOWN)

    def _described(self, reason: Failure) -> Failure:
        if reason.check(ConnectionDone, ConnectionLost):
            if self.aborting:
                return Failure(ConnectionAborted())
            if self.closing or self._was_closed():
                return DONE
            if not (self.established or self.first or self.is_client):
                return SILENT
        if isinstance(reason.value, SSL.Error):
            return refused(b"" if self.established else self.first, reason.value)
        return reason


@implementer(ISSLTransport, IDirectTransport)
class MemoryTLS(TLSMemoryBIOProtocol):
    """TLS on top of the transport ``outer``, and the transport of ``protocol`` from now on.

    Nothing is said before `begin`.  ``received`` are bytes of the peer's handshake that were read
    already.
    """

    #: See IDirectTransport.
    tls = None

    def __init__(
        self,
        outer: Any,
        protocol: Any,
        context: TLSContext,
        is_client: bool,
        received: bytes = b"",
    ) -> None:
        # The factory would only be asked to build the wrapped protocol.
        factory = TLSMemoryBIOFactory(context.creator, is_client, None)  # type: ignore[arg-type]
        near = self._neighbour = _Neighbour(outer, protocol, context, is_client)
        TLSMemoryBIOProtocol.__init__(self, factory, near, False)
        self.transport: Any = near
        self._received = received
        #: The OCSP response that the server has sent along, empty for none.
        self.staple = b""

    def begin(self) -> None:
        """Shake hands."""
        near = self._neighbour
        near.outer.protocol = self
        if near.aborting or near.closing:
            return
        self._step(TLSMemoryBIOProtocol.makeConnection, near)
        near.connection = TLSMemoryBIOProtocol.getHandle(self)
        received, self._received = self._received, b""
        if received:
            self.dataReceived(received)

    def dataReceived(self, data: bytes) -> None:
        """Twisted: bytes of the transport below."""
        near = self._neighbour
        if near.established:
            TLSMemoryBIOProtocol.dataReceived(self, data)
        elif near.parting:
            near.ignore(len(data))
        elif near.first or near.is_client or not is_misdirected(data[:LOOK], near.protocol):
            near.first += data[: LOOK - len(near.first)]
            self._step(TLSMemoryBIOProtocol.dataReceived, data)
        else:
            self._send_away(data)

    def _step(self, step: Callable[..., None], argument: Any) -> None:
        """Go on with the handshake.  A callback of OpenSSL's may have refused it."""
        try:
            step(self, argument)
        except HandshakeError as error:
            near = self._neighbour
            near.why = Failure(error)
            try:
                # OpenSSL has an alert for the peer.
                near.outer.write(TLSMemoryBIOProtocol.getHandle(self).bio_read(_FLIGHT))
            except SSL.Error:
                pass
            near.part()

    def _send_away(self, data: bytes) -> None:
        """Leave the transport to an application that has the wrong port: it is told so."""
        near = self._neighbour
        outer, protocol = near.outer, near.protocol
        outer.protocol = protocol
        near.connection.set_app_data(None)
        protocol.misdirected(outer)
        protocol.dataReceived(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Twisted: the transport below is gone."""
        near = self._neighbour
        near.gone = True
        if near.connection is None:
            near.connectionLost(reason)
            return
        TLSMemoryBIOProtocol.connectionLost(self, reason)

    # -- a transport ------------------------------------------------------------------------------

    @property
    def protocol(self) -> Any:
        """See IDirectTransport."""
        return self._neighbour.protocol

    @protocol.setter
    def protocol(self, protocol: Any) -> None:
        self._neighbour.protocol = protocol
        self._neighbour.receiver = protocol.dataReceived

    @property
    def receiver(self) -> Callable[[bytes], None]:
        """See IDirectTransport."""
        return self._neighbour.receiver

    @receiver.setter
    def receiver(self, receiver: Callable[[bytes], None]) -> None:
        self._neighbour.receiver = receiver

    @property
    def sender(self) -> Callable[[bytes], None]:
        """See IDirectTransport."""
        sender: Callable[[bytes], None] = self.write
        return sender

    def judged(self) -> Any:
        """See TLSContext.judged."""
        near = self._neighbour
        return near.context.judged(near.connection, near.protocol, self.staple)

    def own_certificate(self) -> bytes | None:
        """Return this side's certificate in this handshake, DER; None if it has shown none."""
        return own_certificate(self._neighbour.connection)

    def getHandle(self) -> Any:
        """The socket below."""
        return self._neighbour.outer.getHandle()

    def loseConnection(self) -> None:
        """Send what waits, then close; before the handshake is done nothing can be sent.  The peer
        is told that this was all, and not waited for."""
        near = self._neighbour
        if near.gone:
            return
        near.closing = True
        if near.established:
            TLSMemoryBIOProtocol.loseConnection(self)
        near.outer.loseConnection()

    def abortConnection(self) -> None:
        """Close now."""
        near = self._neighbour
        if near.gone:
            return
        near.aborting = True
        if near.connection is None:
            near.outer.abortConnection()
        else:
            TLSMemoryBIOProtocol.abortConnection(self)
