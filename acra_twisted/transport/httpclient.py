"""HTTP requests of this side: their bodies, and answers within limits, with Twisted's agent."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from acra_twisted.errors import AcraError


class AnswerTooLong(AcraError):
    """An answer is longer than its limit; the connection was closed."""


@implementer(IBodyProducer)
class RequestBody:
    """A request body that is written in one piece.

    Twisted's FileBodyProducer would write it in turns of a cooperator, which stands still while
    the reactor shuts down: what is flushed last would be lost.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """Twisted: write."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Twisted: it is written already."""

    def resumeProducing(self) -> None:
        """Twisted: it is written already."""

    def stopProducing(self) -> None:
        """Twisted: it is written already."""


class AnswerBody(Protocol):
    """Reads an answer's body of ``limit`` bytes at most.

    ``over`` fires at its end with what has come, or fails with AnswerTooLong; ``cut`` is then the
    reason for which it is not all, None if it is.
    """

    transport: Any

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._received = bytearray()
        self.cut: Failure | None = None
        self.over: Deferred[bytes] = Deferred(self._given_up)

    def dataReceived(self, data: bytes) -> None:
        """Twisted: a part."""
        if self.over.called:
            return
        if len(self._received) + len(data) > self._limit:
            self._received.clear()
            self.over.errback(AnswerTooLong(f"its answer is longer than {self._limit} bytes"))
            self.transport.loseConnection()
            return
        self._received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted: the end."""
        from twisted.web.client import ResponseDone
        from twisted.web.http import PotentialDataLoss

        if not self.over.called:
            if not reason.check(ResponseDone, PotentialDataLoss):
                self.cut = reason
            self.over.callback(bytes(self._received))

    def _given_up(self, over: Deferred[bytes]) -> None:
        self.transport.loseConnection()


def cause(error: Exception) -> Exception:
    """Return what has happened: Twisted wraps it into what it was doing."""
    while getattr(error, "reasons", None):
        error = error.reasons[-1].value  # type: ignore[attr-defined]
    return error


class _Counting(ProtocolWrapper):
    """Passes bytes on, as many as its endpoint allows."""

    factory: _CountingFactory

    def dataReceived(self, data: bytes) -> None:
        """Twisted: a part."""
        if self.factory.endpoint.exceeds(len(data)):
            self.abortConnection()
        else:
            super().dataReceived(data)


class _CountingFactory(WrappingFactory):
    protocol = _Counting
    noisy = False

    def __init__(self, factory: IProtocolFactory, endpoint: CountedEndpoint) -> None:
        super().__init__(factory)
        self.endpoint = endpoint


@implementer(IStreamClientEndpoint)
class CountedEndpoint:
    """Connects as another endpoint does, and reads ``limit`` bytes at most: of an HTTP answer, its
    head too, which Twisted's client would read without an end.

    ``exceeded``: there was more, and the connection was closed.
    """

    def __init__(self, endpoint: Any, limit: int) -> None:
        self._endpoint = endpoint
        self._left = limit
        self.exceeded = False

    def exceeds(self, size: int) -> bool:
        """Count bytes that have come; True if they are too many."""
        self._left -= size
        self.exceeded = self._left < 0
        return self.exceeded

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        """See IStreamClientEndpoint."""
        connected: Deferred[Any] = self._endpoint.connect(_CountingFactory(factory, self))
        return connected.addCallback(lambda counting: counting.wrappedProtocol)
