"""A connection to Redis that is made when it is needed, and made anew when it is lost.

txredisapi speaks the protocol.  Its own way of reconnecting is not used: it gives up for ever where
a login is refused once, as a Redis refuses it that still loads its data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, gatherResults, succeed
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from acra_twisted.errors import TokenStoreError

#: Seconds for an answer.
TIMEOUT: Final = 5.0
Command = Sequence[bytes]
#: A Redis that has become a replica refuses changes so.
_DEMOTED: Final = "READONLY"


class RedisConnection:
    """``endpoint`` is an IStreamClientEndpoint; ``make`` makes a protocol of txredisapi's, as the
    function that `redis_protocol` returns; ``where`` is the address, for messages."""

    def __init__(self, endpoint: Any, make: Callable[[], Any], where: str = "") -> None:
        self._name = f"Redis at {where}" if where else "Redis"
        self._endpoint = endpoint
        self._make = make
        self._protocol: Any = None
        self._waiting: list[Deferred[Any]] = []
        self._dialling: Deferred[Any] | None = None
        self._closed = False

    def ask(self, commands: Sequence[Command]) -> Deferred[list[Any]]:
        """Send commands together; their answers, bytes for text.  Fails with TokenStoreError if
        one of them cannot be answered: the others may have been carried out."""
        return self._connected().addCallback(_send, commands).addErrback(self._failed)

    def _connected(self) -> Deferred[Any]:
        if self._protocol is not None and self._protocol.connected:
            return succeed(self._protocol)
        waiting: Deferred[Any] = Deferred()
        if self._closed:
            waiting.errback(TokenStoreError("the connection to Redis is closed"))
            return waiting
        self._waiting.append(waiting)
        if self._dialling is None:
            factory = _Factory(self._make)
            self._dialling = self._endpoint.connect(factory)
            self._dialling.addCallback(lambda _: factory.ready)
            self._dialling.addBoth(self._dialled)
        return waiting

    def _dialled(self, result: Any) -> None:
        self._dialling = None
        failed = isinstance(result, Failure)
        self._protocol = None if failed else result
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if failed:
                one.errback(result)
            else:
                one.callback(result)

    def _failed(self, failure: Failure) -> Any:
        if failure.check(TokenStoreError):
            return failure
        if failure.check(CancelledError, ConnectingCancelledError):
            raise TokenStoreError("the connection to Redis is closed")
        # Redis' words about an error have no key and no value of ours but for a script's line.
        why = failure.getErrorMessage()
        if _DEMOTED in why and self._protocol is not None:
            # The next question goes to the one that has taken its place.
            self._protocol.transport.loseConnection()
            self._protocol = None
        raise TokenStoreError(f"{self._name} cannot be used: {why}") from None

    def close(self) -> Deferred[None]:
        """Close the connection; what waits for an answer fails."""
        self._closed = True
        if self._dialling is not None:
            self._dialling.cancel()
        if self._protocol is None or not self._protocol.connected:
            return succeed(None)
        gone: Deferred[Any] = self._protocol.whenDisconnected()
        self._protocol.transport.loseConnection()
        return gone.addCallback(lambda _: None)


def redis_protocol(
    password: str = "", username: str = "", database: int = 0, timeout: float = TIMEOUT
) -> Callable[[], Any]:
    """Return what makes the protocol of a connection.  ``username`` is for Redis' access lists,
    empty for none; ``database`` is the number of the one that is used; ``timeout`` is in
    seconds."""

    def make() -> Any:
        # It imports the reactor, which must be chosen before.
        from txredisapi import RedisProtocol

        return RedisProtocol(
            charset=None,
            replyTimeout=timeout,
            password=password or None,
            username=username or None,
            dbid=database or None,
            convertNumbers=False,
        )

    return make


class _Factory(Factory):
    """Makes one protocol of txredisapi's, and is told how its login went."""

    noisy = False
    #: txredisapi writes no line about a failed login to Twisted's log.
    isLazy = False

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._protocol: Any = None
        self.ready: Deferred[Any] = Deferred(self._cancel)

    def buildProtocol(self, address: Any) -> Any:
        protocol = self._protocol = self._make()
        protocol.factory = self
        protocol.whenConnected().addCallback(self._logged_in)
        return protocol

    def _cancel(self, ready: Deferred[Any]) -> None:
        if self._protocol is not None:
            self._protocol.transport.abortConnection()

    def _logged_in(self, protocol: Any) -> None:
        if not self.ready.called:
            self.ready.callback(protocol)

    def stopTrying(self) -> None:
        """txredisapi: the login was refused.  The next question tries again."""

    def connectionError(self, why: str) -> None:
        """txredisapi: likewise, with Redis' words."""
        if not self.ready.called:
            self.ready.errback(TokenStoreError(why))


def _send(protocol: Any, commands: Sequence[Command]) -> Deferred[list[Any]]:
    answers = [protocol.execute_command(*command) for command in commands]
    return gatherResults(answers, consumeErrors=True).addErrback(_first)


def _first(failure: Failure) -> Any:
    """Return the reason of gatherResults' FirstError."""
    error: Any = failure.value
    return error.subFailure
