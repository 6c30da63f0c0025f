"""Ask the consoles of other servers, within limits of size and time.

An answer holds for some seconds, so that many who look at pages cost one question; a server that is
away is left alone for longer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, succeed
from twisted.internet.endpoints import wrapClientTLS
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from acra_twisted import hosts
from acra_twisted.optionkinds import Address
from acra_twisted.telemetry.console.otherservers import (
    FIGURES,
    HEALTH,
    LIMIT,
    Other,
    Unreadable,
    read,
)
from acra_twisted.transport.endpoints import client_endpoint
from acra_twisted.transport.failures import Party, Role, reason_of
from acra_twisted.transport.httpclient import AnswerBody, AnswerTooLong, CountedEndpoint, cause
from acra_twisted.transport.tlscontext import TLSContext

#: Seconds for all that is asked of a server: who opens a page waits no longer.
WHOLE: Final = 2.0
#: Seconds for which an answer holds, and for which a server without one is left alone.
HOLDS, PAUSE = 5.0, 30.0
#: Results, as they are counted.
ANSWERED, AWAY, REFUSED = "answered", "away", "refused"
#: Bytes around a body: its head, and marks of chunks.
_MORE: Final = 32 * 1024
_SERVER: Final = Role("the other server", handshake="TLS handshake")
_HINTS: Final = {
    401: ": zpages_token_file must have the same token there and here",
    403: ": it does not answer by this name, see zpages_hosts there",
    404: ": it has no console",
}


class OtherServers:
    """Asks the servers ``at`` these addresses (``host:port``).

    ``token`` goes with each question.  ``context`` gives TLS for a host; without it questions go
    in the clear, as the pages of this daemon do.  ``whole``: seconds for all that is asked of one.
    """

    def __init__(
        self,
        reactor: Any,
        at: Sequence[str],
        token: str = "",
        context: Callable[[str], TLSContext] | None = None,
        whole: float = WHOLE,
    ) -> None:
        self.counts = dict.fromkeys((ANSWERED, AWAY, REFUSED), 0)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._servers = [_Server(reactor, one, headers, context, self.counts, whole) for one in at]

    def answers(self) -> Deferred[list[Other]]:
        """Fires with what each has answered, or why it has not; it never fails."""
        return gatherResults([server.answer() for server in self._servers], consumeErrors=True)

    def stop(self) -> None:
        """Give up what is under way."""
        for server in self._servers:
            server.stop()


@implementer(IAgentEndpointFactory)
class _Dialler:
    """Connects to one endpoint."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: Any) -> Any:
        """Twisted's IAgentEndpointFactory."""
        return self._endpoint


class _Refused(Exception):
    """It has answered, and not with what was asked for."""


class _Server:
    def __init__(
        self,
        reactor: Any,
        at: str,
        headers: Mapping[str, str],
        context: Callable[[str], TLSContext] | None,
        counts: dict[str, int],
        whole: float,
    ) -> None:
        host, port = hosts.host_and_port(at)
        self._reactor = reactor
        self._at = at
        self._address = Address(host, port)
        self._context = None if context is None else context(host)
        name = host if host.isascii() else host.encode("idna").decode()
        name = f"[{name}]" if ":" in name else name
        self._base = f"http{'' if context is None else 's'}://{name}:{port}"
        self._headers = {"user-agent": "acra-twisted", **headers}
        self._counts = counts
        self._whole = whole
        self._until = 0.0
        self._known: Other | None = None
        self._waiting: list[Deferred[Other]] = []
        self._asking: Deferred[Other] | None = None

    def answer(self) -> Deferred[Other]:
        """Fires with what is known, or else with an answer; it is asked once at a time."""
        if self._known is not None and self._reactor.seconds() < self._until:
            return succeed(self._known)
        waiting: Deferred[Other] = Deferred()
        self._waiting.append(waiting)
        if self._asking is None:
            self._asking = ensureDeferred(self._ask())
            self._asking.addTimeout(self._whole, self._reactor).addErrback(self._failed)
            self._asking.addCallback(self._answered)
        return waiting

    def stop(self) -> None:
        """Give up."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self) -> Other:
        told = read(await self._get(HEALTH), await self._get(FIGURES))
        return Other(self._at, f"{self._base}/console", told)

    def _failed(self, failure: Any) -> Other:
        problem = cause(failure.value)
        if isinstance(problem, _Refused | AnswerTooLong | Unreadable):
            self._counts[REFUSED] += 1
            why = str(problem)
        else:
            self._counts[AWAY] += 1
            party, is_plain = Party(_SERVER, self._at), self._context is None
            why = reason_of(problem, party, stood=is_plain).happened
        return Other(self._at, f"{self._base}/console", None, why)

    def _answered(self, other: Other) -> None:
        if other.told is not None:
            self._counts[ANSWERED] += 1
        self._known, self._asking = other, None
        self._until = self._reactor.seconds() + (PAUSE if other.told is None else HOLDS)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(other)

    async def _get(self, path: str) -> bytes:
        # Imported here: only a daemon that asks pays for it.
        from twisted.web.client import Agent, HTTPConnectionPool
        from twisted.web.http_headers import Headers

        endpoint = client_endpoint(self._reactor, self._address, self._whole)
        if self._context is not None:
            endpoint = wrapClientTLS(self._context.creator, endpoint)
        endpoint = CountedEndpoint(endpoint, LIMIT + _MORE)
        pool = HTTPConnectionPool(self._reactor, persistent=False)
        agent: Any = Agent.usingEndpointFactory(self._reactor, _Dialler(endpoint), pool)
        headers = Headers({name: [text] for name, text in self._headers.items()})
        try:
            response = await agent.request(b"GET", f"{self._base}{path}".encode("ascii"), headers)
            answer = AnswerBody(LIMIT)
            response.deliverBody(answer)
            if response.code != 200:
                answer.over.addErrback(lambda failure: None)
                answer.over.cancel()
                hint = _HINTS.get(response.code, "")
                raise _Refused(f"it answers with status {response.code}{hint}")
            body: bytes = await answer.over
        except Exception:
            if endpoint.exceeded:
                raise AnswerTooLong(f"its answer is longer than {LIMIT} bytes") from None
            raise
        if endpoint.exceeded:
            raise AnswerTooLong(f"its answer is longer than {LIMIT} bytes")
        if answer.cut is not None:
            raise _Refused("it has sent half an answer")
        return body
