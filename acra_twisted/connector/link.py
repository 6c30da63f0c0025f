"""The connector's end of a link to AcraServer: a channel, and the attempt to make one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from acra_twisted.transport.channel import Channel
from acra_twisted.transport.failures import Party, shown


class Attempt(Deferred["LinkChannel"]):
    """A link that is being made: fires with it when it is protected, or fails."""

    #: This side's address and port, once the server has been reached: the server's log has it.
    local = ""
    #: The span of the attempt, if it is traced.
    span: Any = None


class LinkChannel(Channel):
    """The server's end of the link.  ``established`` fires with it when it is protected."""

    def __init__(self, established: Attempt) -> None:
        self._established: Attempt | None = established
        #: Told of ``server_lost``: an ApplicationConnection, or what speaks to the server for the
        #: connector itself.  It sets `receiver` as well.
        self.application: Any = None
        established.addBoth(self._decided)

    def _decided(self, result: Any) -> Any:
        """Given up by who waited, while the link's handshake was going on."""
        if self._established is not None:
            self._established = None
            self.abort()
        return result

    def opened(self) -> None:
        """The server has been reached."""
        if self._established is not None:
            self._established.local = shown(self.transport.getHost())
            self.parent_span = self._established.span

    def peer_authenticated(self, certificate: bytes | None, client_id: str = "") -> None:
        """The server has shown who it is."""
        established, self._established = self._established, None
        if established is not None:
            established.callback(self)

    def carry(self, application: Any, receiver: Callable[[bytes], None]) -> None:
        """Tell ``application`` of ``server_lost``, and give ``receiver`` what the server says."""
        self.application, self.receiver = application, receiver

    def let_go(self) -> None:
        """Tell nobody of anything any more."""
        self.carry(None, _dropped)

    def lost(self, reason: Failure) -> None:
        """Before it was established this is why it never was."""
        established, self._established = self._established, None
        if established is not None:
            established.errback(reason)
        elif self.application is not None:
            self.application.server_lost(reason)


def _dropped(data: bytes) -> None:
    """Drop what the server says to nobody."""


class LinkFactory(Factory):
    """Makes one LinkChannel."""

    noisy = False

    def __init__(self, established: Attempt) -> None:
        self._established = established

    def buildProtocol(self, addr: Any) -> LinkChannel:
        """Twisted: the socket is there."""
        return LinkChannel(self._established)


@dataclass(frozen=True)
class Way:
    """How AcraServer, or its API, is reached: the link's protection, an endpoint, and what it is in
    reasons of failures."""

    security: Any
    endpoint: Any
    party: Party

    def connect(self, established: Attempt) -> Deferred[Any]:
        """Reach it; ``established`` fires when the link is protected."""
        attempt: Deferred[Any] = self.endpoint.connect(
            self.security.protect(LinkFactory(established))
        )
        return attempt


def begin(
    connect: Callable[[Attempt], Deferred[Any]], timeout: float, reactor: Any, span: Any = None
) -> Attempt:
    """An attempt that ``connect`` makes, given up after so many seconds or when it is cancelled;
    ``span`` is its span."""
    established = Attempt(lambda _: connecting.cancel())
    established.span = span
    connecting = connect(established)
    connecting.addErrback(_pass_on, established)
    established.addTimeout(timeout, reactor)
    return established


def _pass_on(failure: Failure, established: Attempt) -> None:
    """Tell who waits for the link why the server could not be reached."""
    if not established.called:
        established.errback(failure)
