"""The seam between Twisted's transports and this program's own.

Twisted listens, accepts, connects and closes.  Who reads and writes between that is the choice of
`Transports`: the hub (``native``), or Twisted itself.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.options import Settings
from acra_twisted.transport.native.hub import Hub
from acra_twisted.transport.native.sockets import SocketTransport
from acra_twisted.transport.native.tlssockets import TLSTransport
from acra_twisted.transport.wrapping import Wrapping


def _at_once(function: Callable[[], Any]) -> None:
    function()


class Transports:
    """Gives the protocols of one daemon their transports.

    With ``native`` they are on a hub of the reactor's, where the system has what it needs (epoll);
    else they are Twisted's.  ``busy``: seconds for which the hub asks for the next event again and
    again before it waits.
    """

    def __init__(self, reactor: Any = None, native: bool = False, busy: float = 0.0) -> None:
        self._hub: Hub | None = None
        #: Calls a function behind the writes that are ready; at once where there is no hub.
        self.afterwards: Callable[[Callable[[], Any]], None] = _at_once
        if native and hasattr(select, "epoll"):
            hub = self._hub = Hub(reactor, busy)
            self.afterwards = hub.afterwards

    @property
    def hub(self) -> Hub | None:
        """The hub, None if transports are Twisted's."""
        return self._hub

    def adopt(self, factory: IProtocolFactory) -> IProtocolFactory:
        """A factory for Twisted to listen or connect with, whose protocols are those of
        ``factory`` with the transports chosen here."""
        return Wrapping(factory, lambda protocol: _Adopted(self._transport, protocol, self._hub))

    def connecting(self, endpoint: Any) -> _Endpoint:
        """An endpoint that connects as ``endpoint`` does, for protocols with these transports."""
        return _Endpoint(endpoint, self)

    def _transport(self, outer: Any, protocol: Any) -> Any:
        """The seam at which a protocol gets its transport: a native one, or Twisted's own."""
        if self._hub is not None and ITCPTransport.providedBy(outer):
            return SocketTransport(outer, protocol, self._hub, TLSTransport)
        return outer


#: Twisted's own, for what is not in a daemon.
PLAIN: Final = Transports()


def make_transports(reactor: Any, settings: Settings) -> Transports:
    """The transports that ``native_transports`` and ``busy_poll`` ask for."""
    native = settings["native_transports"] == "auto"
    return Transports(reactor, native, settings["busy_poll"] / 1_000_000)


@implementer(IStreamClientEndpoint)
class _Endpoint:
    def __init__(self, endpoint: Any, transports: Transports) -> None:
        self._endpoint = endpoint
        self._transports = transports

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        """See IStreamClientEndpoint."""
        connecting: Deferred[Any] = self._endpoint.connect(self._transports.adopt(factory))
        return connecting


class _Adopted(Protocol):
    """Twisted's protocol of a socket: it hands everything on to ``protocol``."""

    def __init__(self, adopt: Callable[[Any, Any], Any], protocol: Any, hub: Hub | None) -> None:
        self._adopt = adopt
        self._protocol = protocol
        self._hub = hub
        self._tells = False
        self._fd = -1

    def connectionMade(self) -> None:
        """Twisted: the socket is there."""
        outer: Any = self.transport
        if ITCPTransport.providedBy(outer):
            try:
                outer.setTcpNoDelay(True)
            except (OSError, AttributeError):
                pass  # a unix socket has the method and not the option
        transport = self._adopt(outer, self._protocol)
        self._tells = transport is outer
        if not self._tells:
            self._fd = outer.fileno()
        self._protocol.makeConnection(transport)

    def dataReceived(self, data: bytes) -> None:
        """Twisted: it reads itself."""
        self._protocol.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted: the connection is gone.  A native transport tells the protocol itself; Twisted
        has closed its socket if it was reset as soon as it stood."""
        if self._tells:
            self._protocol.connectionLost(reason)
        elif self._hub is not None:
            self._hub.closed(self._fd, reason)
