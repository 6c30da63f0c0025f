"""Ask the consoles of other servers, within limits of size and time.

An answer holds for some seconds, so that many who look at pages cost one question; a server that is
away is left alone for longer, with all questions.  Each question takes a connection, so a server is
asked a few at once: what is beyond is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, succeed
from twisted.internet.endpoints import wrapClientTLS
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from acra_twisted import hosts
from acra_twisted.optionkinds import Address
from acra_twisted.telemetry.console.otherservers import LIMIT, Other, Question, Unreadable
from acra_twisted.transport.endpoints import client_endpoint
from acra_twisted.transport.failures import Party, Role, reason_of
from acra_twisted.transport.httpclient import AnswerBody, AnswerTooLong, CountedEndpoint, cause
from acra_twisted.transport.tlscontext import TLSContext

#: Seconds for all that is asked of a server: who opens a page waits no longer.
WHOLE: Final = 2.0
#: Seconds for which a server without an answer is left alone.
PAUSE: Final = 30.0
#: Different questions to a server that are remembered.
QUESTIONS_MAX: Final = 16
#: Different questions to a server that are under way at once: half of the connections that its
#: pages have by default.
AT_ONCE: Final = 8
#: Results, as they are counted.
ANSWERED, AWAY, REFUSED, NOT_ASKED = "answered", "away", "refused", "not_asked"
#: Bytes around a body: its head, and marks of chunks.
_MORE: Final = 32 * 1024
_SERVER: Final = Role("the other server", handshake="TLS handshake")
_HINTS: Final = {
    400: ": it may be of another release",
    401: ": zpages_token_file must have the same token there and here",
    403: ": it does not answer by this name, see zpages_hosts there",
    404: ": it has no console",
}
_BUSY: Final = f"{AT_ONCE} other questions to it are under way"
_ToldT = TypeVar("_ToldT")


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
        self.counts = dict.fromkeys((ANSWERED, AWAY, REFUSED, NOT_ASKED), 0)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._servers = [_Server(reactor, one, headers, context, self.counts, whole) for one in at]

    def __len__(self) -> int:
        """Return how many questions are under way, each with its connection."""
        return sum(server.under_way for server in self._servers)

    @property
    def limit(self) -> int:
        """How many can be under way."""
        return AT_ONCE * len(self._servers)

    def answers(self, question: Question[_ToldT]) -> Deferred[list[Other[_ToldT]]]:
        """Fires with what each has answered, or why it has not; it never fails."""
        asked = [server.answer(question) for server in self._servers]
        return gatherResults(asked, consumeErrors=True)

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


class _Asked:
    """A question to a server: what is known, until when, and who waits for an answer."""

    __slots__ = ("known", "until", "waiting", "asking")

    def __init__(self) -> None:
        self.known: Other[Any] | None = None
        self.until = 0.0
        self.waiting: list[Deferred[Other[Any]]] = []
        self.asking: Deferred[Any] | None = None


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
        # By the paths of their pages, the latest last.
        self._asked: dict[tuple[str, ...], _Asked] = {}
        self.under_way = 0
        # Why it is away, and until when it is left alone for that.
        self._away, self._until = "", 0.0

    def answer(self, question: Question[Any]) -> Deferred[Other[Any]]:
        """Fires with what is known, or else with an answer; it is asked once at a time."""
        now = self._reactor.seconds()
        asked = self._asked.get(question.paths) or _Asked()
        if asked.known is not None and now < asked.until:
            self._remember(question, asked)
            return succeed(asked.known)
        if asked.asking is None:
            if now < self._until:
                return succeed(self._missing(self._away))
            if self.under_way >= AT_ONCE:
                self._counts[NOT_ASKED] += 1
                return succeed(self._missing(_BUSY))
        self._remember(question, asked)
        waiting: Deferred[Other[Any]] = Deferred(asked.waiting.remove)
        asked.waiting.append(waiting)
        if asked.asking is None:
            self.under_way += 1
            asking = asked.asking = ensureDeferred(self._ask(question))
            asking.addTimeout(self._whole, self._reactor).addErrback(self._failed)
            asking.addCallback(self._answered, question, asked)
        return waiting

    def _remember(self, question: Question[Any], asked: _Asked) -> None:
        """Remember a question as the latest one."""
        self._asked.pop(question.paths, None)
        if len(self._asked) >= QUESTIONS_MAX:
            self._forget()
        self._asked[question.paths] = asked

    def stop(self) -> None:
        """Give up."""
        for asked in list(self._asked.values()):
            if asked.asking is not None:
                asked.asking.cancel()

    def _forget(self) -> None:
        """Forget the question that was put first, of those that nobody waits for."""
        done = (paths for paths, asked in self._asked.items() if asked.asking is None)
        first = next(done, None)
        if first is not None:
            del self._asked[first]

    async def _ask(self, question: Question[Any]) -> Other[Any]:
        bodies = [await self._get(path) for path in question.paths]
        return Other(self._at, f"{self._base}/console", question.read(*bodies))

    def _missing(self, why: str) -> Other[Any]:
        return Other(self._at, f"{self._base}/console", None, why)

    def _failed(self, failure: Any) -> Other[Any]:
        problem = cause(failure.value)
        if isinstance(problem, _Refused | AnswerTooLong | Unreadable):
            self._counts[REFUSED] += 1
            return self._missing(str(problem))
        self._counts[AWAY] += 1
        party, is_plain = Party(_SERVER, self._at), self._context is None
        self._away = reason_of(problem, party, stood=is_plain).happened
        self._until = self._reactor.seconds() + PAUSE
        return self._missing(self._away)

    def _answered(self, other: Other[Any], question: Question[Any], asked: _Asked) -> None:
        if other.told is not None:
            self._counts[ANSWERED] += 1
        asked.known, asked.asking = other, None
        self.under_way -= 1
        holds = PAUSE if other.told is None else question.holds
        asked.until = self._reactor.seconds() + holds
        waiting, asked.waiting = asked.waiting, []
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
