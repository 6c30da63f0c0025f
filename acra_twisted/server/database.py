"""Reaching the database: TCP or unix socket, TLS if it must be, then a channel that is ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from acra_twisted.daemon.dialect import DIALECT
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.optionkinds import Address
from acra_twisted.transport.channel import Channel
from acra_twisted.transport.endpoints import client_endpoint
from acra_twisted.transport.keepalive import KeepAlive
from acra_twisted.transport.native import adoption
from acra_twisted.transport.native.adoption import Transports
from acra_twisted.transport.spoken import foreign

_SYSTEMS = KeepAlive()


class DatabaseChannel(Channel):
    """The database's side of a session.

    ``creator`` is the TLS context factory, None for a plain connection; ``insists``: without TLS
    there is no connection; ``direct``: TLS begins with the first byte.  ``ready`` fires with the
    channel or fails with the reason.  Then `receiver` and ``on_lost`` are set by whoever has it.
    ``offered`` is the factory for TLS that begins later.
    """

    def __init__(
        self,
        creator: Any,
        ready: Deferred[DatabaseChannel],
        insists: bool = True,
        direct: bool = False,
        offered: Any = None,
    ) -> None:
        self._creator = creator
        self._offered = offered
        self._direct = direct
        self._insists = insists
        self._ready: Deferred[DatabaseChannel] | None = ready
        self.receiver = self._too_early
        self.encrypted = False
        self.is_lost = False
        #: The answer to `ask`.
        self.answer = b""
        self.on_lost: Callable[[Failure], None] | None = None
        #: Of a database that speaks first TLS begins later: then this is called.
        self.on_encrypted: Callable[[], None] | None = None

    def peer_authenticated(self, certificate: bytes | None, client_id: str = "") -> None:
        """The socket is there; ask for TLS if it must be."""
        if self._creator is None:
            self._become_ready()
        elif self._direct:
            self.start_tls(self._creator, True)
        else:
            self.receiver = self._answered
            self.write(DIALECT.tls_request)

    def tls_started(self) -> None:
        """Name and chain of the database's certificate have been checked."""
        if self._direct and self.transport.negotiatedProtocol != DIALECT.alpn:
            # Another protocol may speak TLS there, whose answers could be taken for a database's.
            self._refuse(HandshakeError("it does not agree on its protocol in TLS (ALPN)"))
            return
        self.encrypted = True
        self._become_ready()
        if self.on_encrypted is not None:
            self.on_encrypted()

    def start_offered_tls(self) -> None:
        """Begin TLS that a database that speaks first has offered."""
        self.start_tls(self._offered, True)

    def give_up(self) -> None:
        """Nobody waits for it any longer."""
        self._ready = None
        self.abort()

    def ask(self, startup: bytes) -> Deferred[bytes]:
        """Say the first thing, and wait for what the database says to it: then it is ``answer``."""
        answered: Deferred[bytes] = Deferred()
        self.receiver = answered.callback
        self.on_lost = answered.errback
        answered.addCallback(self._has_answered)
        self.write(startup)
        return answered

    def _has_answered(self, data: bytes) -> bytes:
        self.answer = data
        self.receiver = self._more
        self.on_lost = None
        return data

    def _more(self, data: bytes) -> None:
        """The answer came in pieces."""
        self.answer += data

    @property
    def tls_failed(self) -> bool:
        """True if TLS was begun and has not been completed."""
        return self._starting_tls

    def _become_ready(self) -> None:
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.callback(self)

    def _too_early(self, data: bytes) -> None:
        self._refuse(
            foreign(data) or WireError("database", "bytes before the startup packet was sent")
        )

    def _answered(self, data: bytes) -> None:
        """Take the answer to the request for TLS."""
        self.receiver = self._too_early
        try:
            offered = DIALECT.accepts_tls(data)
            if not offered and self._insists:
                raise HandshakeError("it does not offer TLS, and db_tls requires it")
        except (HandshakeError, WireError) as error:
            self._refuse(foreign(data) or error)
            return
        if offered:
            self.start_tls(self._creator, True)
        else:
            self._become_ready()

    def _refuse(self, error: Exception) -> None:
        ready, self._ready = self._ready, None
        self.abort()
        if ready is not None:
            ready.errback(Failure(error))

    def lost(self, reason: Failure) -> None:
        """Before it was ready this is the reason why it never was."""
        self.is_lost = True
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.errback(reason)
        elif self.on_lost is not None:
            self.on_lost(reason)


class Database:
    """Where the database is, and how to connect to it.  ``timeout`` covers TLS as well.

    ``creator`` is for TLS; ``insists``: there is no connection without it, else it is used where
    the database offers it.  ``settles``: where it is offered and fails, it is done without.
    ``direct``: it begins with the first byte.
    """

    def __init__(
        self,
        reactor: Any,
        address: Address,
        creator: Any,
        timeout: float,
        keepalive: KeepAlive = _SYSTEMS,
        transports: Transports = adoption.PLAIN,
        *,
        insists: bool = True,
        settles: bool = False,
        direct: bool = False,
    ) -> None:
        self.address = address
        self.tls = "off" if creator is None else "on" if insists else "if offered"
        self._insists = insists
        self._settles = settles
        self._direct = direct
        self._reactor = reactor
        #: For TLS, None if there is to be none.
        self.creator = creator
        self._timeout = timeout
        self._endpoint = transports.connecting(
            client_endpoint(reactor, address, timeout, keepalive)
        )

    def connect(self, plain: bool = False, span: Any = None) -> Deferred[DatabaseChannel]:
        """A channel that is ready for a startup or cancel packet; without TLS if it is to be
        ``plain``.  ``span`` is the one of this, if it is traced.  Cancelling gives up."""
        creator = None if plain else self.creator
        pending: list[DatabaseChannel] = []

        def cancel(_: Any) -> None:
            connecting.cancel()
            for channel in pending:
                channel.give_up()

        ready: Deferred[DatabaseChannel] = Deferred(cancel)

        def build(_: Any = None) -> DatabaseChannel:
            channel = DatabaseChannel(creator, ready, self._insists, self._direct, self.creator)
            channel.parent_span = span
            pending.append(channel)
            return channel

        connecting = self._endpoint.connect(_Once(build))
        connecting.addErrback(_pass_on, ready)
        ready.addTimeout(self._timeout, self._reactor)
        if creator is not None and self._settles:
            ready.addErrback(self._without_tls, pending, span)
        return ready

    def _without_tls(self, failure: Failure, tried: list[DatabaseChannel], span: Any) -> Any:
        """Its TLS was an offer: what it cannot be used for is no worse than none."""
        if failure.check(CancelledError) or not any(channel.tls_failed for channel in tried):
            return failure
        return self.connect(plain=True, span=span)


class _Once(Factory):
    noisy = False

    def __init__(self, build: Callable[[], DatabaseChannel]) -> None:
        self._build = build

    def buildProtocol(self, addr: Any) -> DatabaseChannel:
        return self._build()


def _pass_on(failure: Failure, ready: Deferred[DatabaseChannel]) -> None:
    if not ready.called:
        ready.errback(failure)
