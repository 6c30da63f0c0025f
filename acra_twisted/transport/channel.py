"""One socket and the TLS layers that may come to lie on it, for what talks through it.

A `Channel` is the innermost protocol of a connection.  TLS may be there from the start (the link
between the daemons) or begin in the middle (the database protocol's SSLRequest), on top of
another TLS if it must be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OpenSSL import crypto
from twisted.internet.interfaces import IHandshakeListener, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.interfaces import IAuthenticatingTransport, ISecuredProtocol
from acra_twisted.transport.direct import is_direct
from acra_twisted.transport.endings import LINGER
from acra_twisted.transport.starttls import secured


def ignored(data: bytes) -> None:
    """Drop bytes that nobody wants: there is no receiver yet, or none any more."""


@implementer(IHandshakeListener, ISecuredProtocol)
class Channel(Protocol):
    """Calls its own `peer_authenticated` once, then `receiver` for data, `lost` at the end."""

    transport: Any
    _receiver: Callable[[bytes], None] = staticmethod(ignored)
    _starting_tls = False
    _has_producer = False
    _linger: Any = None
    #: What came while the peer is judged; None while it is not.
    _unjudged: list[bytes] | None = None
    #: The verdict that is awaited.
    _judging: Any = None
    #: Why the peer may not be talked to.
    _peer_refusal: Failure | None = None
    #: The connection is gone.
    is_gone = False
    _is_aborted = False
    _at_end: tuple[Callable[[], None], ...] = ()
    #: The span of a check of the peer belongs to this one, if any.
    parent_span: Any = None
    #: The peer's in the last handshake, DER.
    certificate: bytes | None = None

    def connectionMade(self) -> None:
        """Twisted: the socket is there (and TLS, where it is there from the start, is not yet)."""
        transport = self.transport
        if is_direct(transport):
            transport.receiver = self._receiver
        self.opened()
        if not (
            ISSLTransport.providedBy(transport) or IAuthenticatingTransport.providedBy(transport)
        ):
            self.peer_authenticated(None)

    def handshakeCompleted(self) -> None:
        """Twisted: TLS is complete, be it the first layer or one begun by `start_tls`."""
        certificate = self.transport.getPeerCertificate()
        if certificate is not None:
            certificate = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
        self.certificate = certificate
        try:
            judging = self.transport.judged()
        except Exception:
            # Whatever it is: nothing may pass because the judgement itself failed.
            self._peer_refused(Failure())
            return
        if judging is None:
            self._peer_accepted()
        else:
            self._unjudged, self._judging = [], judging
            self.transport.receiver = self._keep_unjudged
            self.transport.pauseProducing()
            judging.addCallback(self._peer_judged).addErrback(self._peer_refused)

    def until_lost(self, stop: Callable[[], None]) -> None:
        """Call ``stop`` when the connection is gone, now if it is."""
        if self.is_gone:
            stop()
            return
        self._at_end = (*self._at_end, stop)

    def revoked(self, why: Failure) -> None:
        """End the connection: the peer has been judged anew, and may not be talked to."""
        self._peer_refused(why)

    def _peer_accepted(self) -> None:
        """The peer may be talked to."""
        if self._starting_tls:
            self._starting_tls = False
            self.tls_started()
        else:
            self.peer_authenticated(self.certificate)

    def _keep_unjudged(self, data: bytes) -> None:
        """Keep what came with the end of the handshake: of one read, for no more are made."""
        assert self._unjudged is not None  # noqa: S101 - it is the receiver while something is held
        self._unjudged.append(data)
        self.transport.pauseProducing()

    def _peer_judged(self, _: Any) -> None:
        """The peer has been judged, and may be talked to."""
        self._judging = None
        held, self._unjudged = self._unjudged or [], None
        if self._is_ended():
            return
        self.transport.receiver = self._receiver
        # First of all: from here on others may stop the reading, for reasons of theirs.
        self.transport.resumeProducing()
        self._peer_accepted()
        for data in held:
            if self._is_ended():
                break
            self._receiver(data)

    def _peer_refused(self, why: Failure) -> None:
        """The peer may not be talked to; what it has said is dropped."""
        self._peer_refusal = why
        if not self.is_gone:
            self.abort()

    def _is_ended(self) -> bool:
        """Return True if nothing that comes is of use any more."""
        return self.is_gone or self._is_aborted

    def own_certificate(self) -> bytes | None:
        """Return the certificate that this side has shown in the handshake begun by `start_tls`,
        DER; None if it has shown none."""
        found: bytes | None = self.transport.own_certificate()
        return found

    def start_tls(self, context: Any, is_client: bool, received: bytes = b"") -> None:
        """Put TLS on top of what is there; `tls_started` is called when it is complete.

        ``context`` is a TLSContext.  ``received`` are bytes of the handshake that were read
        already.
        """
        self._starting_tls = True
        transport = secured(self.transport, self, context, is_client, received)
        self.transport = transport
        transport.receiver = self._receiver
        transport.begin()

    def dataReceived(self, data: bytes) -> None:
        """Twisted: bytes of the innermost layer."""
        self._receiver(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted: the connection is gone."""
        self.is_gone = True
        at_end, self._at_end = self._at_end, ()
        for stop in at_end:
            stop()
        linger, self._linger = self._linger, None
        if linger is not None and linger.active():
            linger.cancel()
        why = self._peer_refusal or reason
        judging, self._judging = self._judging, None
        if judging is not None:
            # Nobody waits for the verdict.
            judging.cancel()
        self.lost(why)

    @property
    def receiver(self) -> Callable[[bytes], None]:
        """Called with data of the innermost layer, decrypted.  It may be set at any time, and
        holds from the next data on; a direct transport calls it with no method of ours between."""
        return self._receiver

    @receiver.setter
    def receiver(self, receiver: Callable[[bytes], None]) -> None:
        self._receiver = receiver
        if is_direct(self.transport) and self._unjudged is None:
            self.transport.receiver = receiver

    @property
    def sender(self) -> Callable[[bytes], None]:
        """A function that does what `write` does, with no method of ours between.

        It is valid until `start_tls`.
        """
        transport = self.transport
        sender: Callable[[bytes], None]
        sender = transport.sender if is_direct(transport) else transport.write
        return sender

    def write(self, data: bytes) -> None:
        """Send, in order."""
        self.transport.write(data)

    def register(self, producer: Any) -> None:
        """Have ``producer`` paused while what is written here is not read by the peer."""
        self._has_producer = True
        self.transport.registerProducer(producer, True)

    def close(self) -> None:
        """Send what is queued, then close."""
        if self._has_producer:
            self._has_producer = False
            self.transport.unregisterProducer()
        transport = self.transport
        transport.loseConnection()
        # Only transports of Twisted's name their reactor; they wait for a peer that does not read
        # for ever.
        reactor = getattr(transport, "reactor", None)
        if reactor is not None and self._linger is None:
            self._linger = reactor.callLater(LINGER, transport.abortConnection)

    def abort(self) -> None:
        """Close now."""
        self._is_aborted = True
        self.transport.abortConnection()

    # -- for those who inherit ------------------------------------------------------------------

    def opened(self) -> None:
        """The socket is there."""

    def peer_authenticated(self, certificate: bytes | None, client_id: str = "") -> None:
        """See ISecuredProtocol."""

    def tls_started(self) -> None:
        """TLS begun by `start_tls` is complete."""

    def lost(self, reason: Failure) -> None:
        """The connection is gone."""
