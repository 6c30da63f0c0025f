"""Connecting to a TCP host by address or by any name that the system's resolver knows.

Twisted's endpoint refuses names that are no valid internet names, such as those with underscores
that container tools give.  Here the resolver decides.  Of several addresses the next one is tried
when the one before has failed, or has not answered for a moment (RFC 8305).
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.transport.keepalive import KeepAlive

#: Seconds until the next address is tried beside the one that has not answered.
_NEXT = 0.3
#: Addresses that are tried.
_ADDRESSES_MAX = 16

#: An address family and an address.
Found = tuple[int, str]


def look_up(host: str, kind: int = socket.SOCK_STREAM) -> list[Found]:
    """The addresses of a host, best first.  It may take long.  Raises socket.gaierror."""
    try:
        found = socket.getaddrinfo(host, None, type=kind)
    except UnicodeError:
        raise socket.gaierror(
            socket.EAI_NONAME,
            "it is no host name: a part between its dots is empty, too long, or has characters "
            "that names cannot have",
        ) from None
    addresses = [
        (int(family), str(where[0]))
        for family, _, _, _, where in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ]
    if not addresses:
        raise socket.gaierror(socket.EAI_NODATA, "it has no address for IPv4 or IPv6")
    return list(dict.fromkeys(addresses))[:_ADDRESSES_MAX]


def resolve(reactor: Any, host: str, kind: int = socket.SOCK_STREAM) -> Deferred[list[Found]]:
    """`look_up` on a thread of the reactor's; an address is its own answer, at once."""
    if isIPAddress(host):
        return succeed([(int(socket.AF_INET), host)])
    if isIPv6Address(host):
        return succeed([(int(socket.AF_INET6), host)])
    return deferToThreadPool(reactor, reactor.getThreadPool(), look_up, host, kind)


Resolve = Callable[[Any, str], "Deferred[list[Found]]"]


@implementer(IStreamClientEndpoint)
class TcpEndpoint:
    """Connects to a host.  ``timeout`` is for each address; `KeepAlive` is set on the socket."""

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int,
        timeout: float,
        keepalive: KeepAlive,
        resolve: Resolve = resolve,
    ) -> None:
        self._reactor = reactor
        self._host, self._port = host, port
        self._timeout = timeout
        self._keepalive = keepalive
        self._resolve = resolve

    def __repr__(self) -> str:
        return f"<TcpEndpoint {self._host}:{self._port}>"

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        """See IStreamClientEndpoint."""
        found = self._resolve(self._reactor, self._host)
        return found.addCallback(self._race, factory).addCallback(self._connected)

    def _race(self, found: Sequence[Found], factory: IProtocolFactory) -> Deferred[Any]:
        return _Race(self._reactor, [self._to(one) for one in found], factory).winner

    def _to(self, one: Found) -> Any:
        family, host = one
        kind = TCP6ClientEndpoint if family == socket.AF_INET6 else TCP4ClientEndpoint
        return kind(self._reactor, host, self._port, self._timeout)

    def _connected(self, protocol: Any) -> Any:
        transport = protocol.transport
        if transport is not None:
            try:
                self._keepalive.apply(transport.getHandle())
            except OSError:
                pass  # lost already, as its protocol is told
        return protocol


class _Race:
    """Tries endpoints one after the other, overlapping.  ``winner`` fires with the first protocol,
    or fails as the first attempt did when all have failed."""

    def __init__(self, reactor: Any, endpoints: Sequence[Any], factory: IProtocolFactory) -> None:
        self._reactor = reactor
        self._left = deque(endpoints)
        self._factory = factory
        self._pending: list[Deferred[Any]] = []
        self._failure: Failure | None = None
        self._timer: Any = None
        self._over = False
        self.winner: Deferred[Any] = Deferred(self._cancelled)
        self._next()

    def _next(self) -> None:
        attempt = self._left.popleft().connect(self._factory)
        self._timer = self._reactor.callLater(_NEXT, self._next) if self._left else None
        self._pending.append(attempt)
        attempt.addCallbacks(self._won, self._lost, errbackArgs=(attempt,))

    def _won(self, protocol: Any) -> None:
        self._end()
        self.winner.callback(protocol)

    def _lost(self, failure: Failure, attempt: Deferred[Any]) -> None:
        if self._over:
            return
        self._pending.remove(attempt)
        self._failure = self._failure or failure
        if self._left:
            self._stop_timer()
            self._next()
        elif not self._pending:
            self._end()
            self.winner.errback(self._failure)

    def _cancelled(self, winner: Deferred[Any]) -> None:
        self._end()
        winner.errback(ConnectingCancelledError(None))

    def _end(self) -> None:
        self._over = True
        self._stop_timer()
        for attempt in self._pending:
            attempt.cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
