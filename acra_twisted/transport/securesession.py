"""The link over Themis Secure Session, framed as Acra frames it.

Source: themis-formats reference, section 8.  Each unit is a little-endian length and that many
bytes: the connector's client id in clear, four handshake messages, then wrapped pieces of the byte
stream, which are cut anywhere.  There is no close message.

Compatible with AcraConnector and AcraServer 0.85 to 0.91 (and 0.84, whose server takes the client's
id as its own).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.errors import AcraError, ForeignProtocol, HandshakeError, KeyStoreError
from acra_twisted.interfaces import IAuthenticatingTransport, ITransportSecurity
from acra_twisted.keystore.answers import both
from acra_twisted.purposes import CONNECTOR, SERVER, is_client_id
from acra_twisted.themis import session
from acra_twisted.themis.keys import PublicKey, generate
from acra_twisted.themis.session import ClientSession, ServerSession
from acra_twisted.transport.direct import IDirectTransport, is_direct
from acra_twisted.transport.endings import SILENT
from acra_twisted.transport.sessionstream import SessionStream
from acra_twisted.transport.spoken import LOOK, POSTGRESQL, SECURE_SESSION, spoken
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.link import lengthprefix

#: Limits of the client id and of handshake messages (which are below 300 bytes).
HANDSHAKE_LIMIT = 1024
#: A connector may send its first message behind its id, while a remote store looks for keys.
_EARLY_LIMIT = 2 * HANDSHAKE_LIMIT
#: Bytes by which a frame is longer than its piece of the stream.
OVERHEAD = lengthprefix.HEADER_SIZE + session.OVERHEAD


@implementer(IAuthenticatingTransport, IDirectTransport)
class SecureSessionProtocol(ProtocolWrapper):
    """One connection.  Inside it the wrapped protocol (an ISecuredProtocol) has plaintext."""

    transport: Any
    wrappedProtocol: Any
    disconnecting = False
    #: See IDirectTransport.
    tls = None

    def __init__(self, factory: Any, wrapped: Any) -> None:
        ProtocolWrapper.__init__(self, factory, wrapped)
        self._security: SecureSessionSecurity = factory.security
        #: See IDirectTransport; until the handshake is done nobody could read what is sent.
        self.sender: Callable[[bytes], None] = _unread
        self._receiver: Callable[[bytes], None] = wrapped.dataReceived
        self._buffer = ChunkBuffer()
        self._session: ClientSession | ServerSession | None = None
        self._stream: SessionStream | None = None
        self._waiting = False
        #: The peer's first bytes.
        self.first = b""
        self._client_id = ""
        self._why: Failure | None = None
        # Why nobody of this id can be expected, though the handshake goes on.
        self._stranger: Failure | None = None

    def makeConnection(self, transport: Any) -> None:
        """Twisted: the socket is there; the wrapped protocol is told, then we begin."""
        ProtocolWrapper.makeConnection(self, transport)
        if self._security.is_client and not transport.disconnecting:
            self._connect()

    # -- handshake ------------------------------------------------------------------------------

    def _connect(self) -> None:
        security = self._security
        self._client_id = client_id = security.client_id
        keys = security.keys
        try:
            self._when_there(
                (keys.keys(CONNECTOR, client_id), keys.public_key(SERVER, client_id)),
                self._introduce,
                self._failed,
            )
        except AcraError:
            self._failed(Failure())

    def _introduce(self, private: Any, server: PublicKey) -> None:
        client = ClientSession(
            self._client_id.encode(),
            private,
            self._only(self._security.server_id.encode(), server),
            random_bytes=os.urandom,
            now=self._security.now,
        )
        self._session = client
        hello = lengthprefix.encode(self._client_id.encode())
        self.transport.write(hello + lengthprefix.encode(client.connect()))

    def _meet(self, data: bytes) -> None:
        """The client id, in clear: what keys the server needs.  The handshake will prove it."""
        client_id = data.decode("latin-1")
        if not is_client_id(client_id):
            raise HandshakeError("the connector's client id is not valid")
        self._client_id = client_id
        keys = self._security.keys
        try:
            self._when_there(
                (keys.keys(SERVER, client_id), keys.public_key(CONNECTOR, client_id)),
                self._expect,
                self._pretend,
            )
        except AcraError:
            self._pretend(Failure())

    def _pretend(self, why: Failure) -> None:
        """Go on without keys as with keys: who has proven nothing must not learn whose there are.

        Nobody can sign what comes next, for the key that it is verified by is nobody's.
        """
        self._stranger = why
        nobody = self._security.nobody
        self._expect(nobody, nobody.public_key())

    def _expect(self, private: Any, connector: PublicKey) -> None:
        self._session = ServerSession(
            self._security.server_id.encode(),
            private,
            self._only(self._client_id.encode(), connector),
            random_bytes=os.urandom,
            now=self._security.now,
        )

    @staticmethod
    def _only(expected: bytes, key: PublicKey) -> Callable[[bytes], PublicKey | None]:
        return lambda peer: key if peer == expected else None

    def _when_there(
        self,
        found: tuple[Any, Any],
        go_on: Callable[[Any, Any], None],
        otherwise: Callable[[Failure], None],
    ) -> None:
        """Both keys, which a remote store gives later; frames wait meanwhile.  Raises AcraError if
        they are not there, or tells ``otherwise`` later."""

        def use(both: Any) -> None:
            private, public = both
            if not private or public is None:
                raise HandshakeError("there are no transport keys for this client id")
            go_on(private[0], public)

        if not any(isinstance(value, Deferred) for value in found):
            use(found)
            return
        self._waiting = True
        waiting = both(*found)

        def resume(_: Any) -> None:
            self._waiting = False
            self.dataReceived(b"")

        waiting.addCallback(use).addErrback(otherwise)
        waiting.addCallback(resume).addErrback(self._failed)

    def _handshake(self, data: bytes) -> None:
        secure = self._session
        if secure is None:
            self._meet(data)
            return
        reply = secure.receive(data)
        if self._stranger is not None:
            raise HandshakeError("nobody's key has signed this")
        if reply:
            self.transport.write(lengthprefix.encode(reply))
        if secure.established:
            self._established(secure)
            self.wrappedProtocol.peer_authenticated(None, self._client_id)

    # -- data -----------------------------------------------------------------------------------

    def _established(self, secure: ClientSession | ServerSession) -> None:
        """From now on what the link brings is the stream's."""
        transport = self.transport
        direct = is_direct(transport)
        send = transport.sender if direct else transport.write
        stream = self._stream = SessionStream(secure, send, self._receiver, self._failed)
        if direct:
            transport.receiver = stream.received
        self.sender = stream.write

    @property
    def receiver(self) -> Callable[[bytes], None]:
        """See IDirectTransport."""
        return self._receiver

    @receiver.setter
    def receiver(self, receiver: Callable[[bytes], None]) -> None:
        self._receiver = receiver
        if self._stream is not None:
            self._stream.deliver = receiver

    @property
    def protocol(self) -> Any:
        """See IDirectTransport."""
        return self.wrappedProtocol

    @protocol.setter
    def protocol(self, protocol: Any) -> None:
        self.wrappedProtocol = protocol
        self.receiver = protocol.dataReceived

    def dataReceived(self, data: bytes) -> None:
        """Twisted: bytes of the link, cut anywhere."""
        if self._stream is not None:
            self._stream.received(data)
            return
        if self._why is not None:
            if self._is_application(self._why):
                self._receiver(data)
            return
        if len(self.first) < LOOK:
            self.first += data[: LOOK - len(self.first)]
        buffer = self._buffer
        buffer.feed(data)
        try:
            while self._stream is None and not self._waiting:
                block = lengthprefix.decode_at(buffer.data, buffer.position, HANDSHAKE_LIMIT)
                if block is None:
                    buffer.wait_for(lengthprefix.wanted(buffer.data, buffer.position))
                    return
                body, buffer.position = block
                self._handshake(body)
            if self._waiting and len(buffer) > _EARLY_LIMIT:
                raise HandshakeError("the connector goes on before it was answered")
        except Exception:
            self._failed(Failure())
            return
        if self._stream is not None and len(buffer):
            self._stream.received(buffer.drain())

    def write(self, data: bytes) -> None:
        """For the wrapped protocol: encrypt and send.  Bytes written before the end of the
        handshake are dropped."""
        self.sender(data)

    def writeSequence(self, data: Any) -> None:
        """For the wrapped protocol."""
        self.write(b"".join(data))

    # -- the end --------------------------------------------------------------------------------

    def _failed(self, failure: Failure) -> None:
        """The peer is not who it must be, or the link was tampered with."""
        if self._stranger is not None:
            # Bytes that the peer did not receive.
            failure = self._stranger
        elif self._stream is None:
            failure = self._foreign() or failure
        if not failure.check(AcraError):
            self._security.log.failure("internal error", failure)
        self._why = failure
        said, self._buffer = self._buffer.drain(), ChunkBuffer()
        if self._is_application(failure) and hasattr(self.wrappedProtocol, "misdirected"):
            self.sender = self.transport.write
            self.wrappedProtocol.misdirected(self)
            self._receiver(said)
            return
        self.transport.abortConnection()

    def _is_application(self, failure: Failure) -> bool:
        """Return True if an application uses the wrong port, after telling it so without Secure
        Session."""
        error = failure.value
        return (
            isinstance(error, ForeignProtocol)
            and error.protocol == POSTGRESQL
            and not self._security.is_client
        )

    def _foreign(self) -> Failure | None:
        """The reason for a handshake that failed, if the peer speaks something else."""
        protocol = spoken(self.first)
        if not protocol or protocol == SECURE_SESSION:
            return None
        return Failure(ForeignProtocol(protocol))

    @property
    def claimed(self) -> str:
        """The peer's client id, of which it may have proven nothing yet."""
        return "" if self._security.is_client else self._client_id

    def loseConnection(self) -> None:
        """For the wrapped protocol: send what is queued, then close."""
        self.disconnecting = True
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Twisted: the link is gone."""
        if self._stream is not None:
            self._stream.stop()
        if self._session is not None:
            self._session.forget()
        why = self._why
        if why is None and self._stream is None and not self.disconnecting:
            if not (self.first or self._security.is_client or reason.check(ConnectionAborted)):
                why = SILENT
            else:
                why = self._foreign()
        # Why we closed it says more than that it is closed.
        ProtocolWrapper.connectionLost(self, why or reason)


def _unread(data: bytes) -> None:
    """Drop a farewell that the peer cannot read."""


class _Factory(WrappingFactory[Any]):
    protocol: Any = SecureSessionProtocol
    noisy = False

    def __init__(self, security: SecureSessionSecurity, factory: IProtocolFactory) -> None:
        WrappingFactory.__init__(self, factory)
        self.security = security

    def registerProtocol(self, p: Any) -> None:
        """Do nothing: connections are counted elsewhere."""

    def unregisterProtocol(self, p: Any) -> None:
        """Do nothing: connections are counted elsewhere."""


@implementer(ITransportSecurity)
class SecureSessionSecurity:
    """The link over Secure Session.

    ``keys`` is an IKeyStore, ``server_id`` the id that the server presents, ``client_id`` ours if
    we are the connector (empty if we are the server).  ``now`` gives Unix time in seconds.
    """

    name = "secure-session"
    log = Logger()

    def __init__(
        self, keys: Any, server_id: str, now: Callable[[], float], client_id: str = ""
    ) -> None:
        self.keys = keys
        self.server_id = server_id
        self.now = now
        self.client_id = client_id
        self.is_client = bool(client_id)
        #: In place of keys that are not there.
        self.nobody = generate()

    def check(self) -> Deferred[None] | None:
        """See that a connector's keys are there.  Raises KeyStoreError; a store that answers later
        makes it a Deferred, which fails with it."""
        client_id = self.client_id
        found = (self.keys.keys(CONNECTOR, client_id), self.keys.public_key(SERVER, client_id))
        if any(isinstance(value, Deferred) for value in found):
            return both(*found).addCallback(self._complain)
        self._complain(found)
        return None

    def _complain(self, found: Any) -> None:
        client_id = self.client_id
        for key, what, file in zip(
            found,
            ("own private key", "public key"),
            (client_id, f"{client_id}_server.pub"),
            strict=True,
        ):
            if not key:
                raise KeyStoreError(
                    f"keys_dir: the {what} for the link, file {file!r}, is missing; run: "
                    f"acra-keymaker --keystore=v1 --client_id={shlex.quote(client_id)} "
                    f"--generate_acraconnector_keys --generate_acraserver_keys, then put the "
                    f"connector's .pub file in the server's folder and the server's in this one"
                )

    def protect(self, factory: IProtocolFactory) -> IProtocolFactory:
        """See ITransportSecurity."""
        return _Factory(self, factory)
