"""Ask OCSP responders and servers of revocation lists, within limits of size, time and number."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from typing import Any, Final, NamedTuple

from twisted.internet.defer import (
    Deferred,
    DeferredLock,
    DeferredSemaphore,
    ensureDeferred,
)
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.threads import deferToThreadPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from acra_twisted.errors import AcraError
from acra_twisted.transport import dialling
from acra_twisted.transport.credentials import collector_context
from acra_twisted.transport.dialling import Found, Resolve, TcpEndpoint
from acra_twisted.transport.failures import Party, Role, reason_of
from acra_twisted.transport.httpclient import (
    AnswerBody,
    AnswerTooLong,
    CountedEndpoint,
    RequestBody,
    cause,
)
from acra_twisted.transport.keepalive import KeepAlive
from acra_twisted.transport.revocation import addresses
from acra_twisted.transport.revocation.addresses import NotAsked, Target
from acra_twisted.transport.revocation.policy import UNREACHABLE, UNUSABLE, Status
from acra_twisted.transport.revocation.times import AFTER_FAILURE

#: Seconds for a connection, and for all of a question and its answer.
CONNECT: Final = 2.0
WHOLE: Final = 5.0
#: Questions that are asked at once; of one address it is one.
_AT_ONCE: Final = 8
#: Questions that wait; addresses that are left alone.
_WAITING_MAX: Final = 1024
_PAUSED_MAX: Final = 1024
#: Bytes around an answer's body at most: its head, and a part of it for the marks of chunks.
_HEAD: Final = 16 * 1024
_CHUNKS: Final = 16
_SERVER: Final = Role("the revocation server", handshake="TLS handshake")


class FetchError(AcraError):
    """Nothing came that can be looked into; ``found`` says why."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.about)
        self.found = status


def _failed(reason: str, why: str) -> FetchError:
    return FetchError(Status(reason, f"is not checked: {why}"))


def _too_long(target: Target, limit: int) -> FetchError:
    return _failed(UNUSABLE, f"{target} answers with more than {limit} bytes")


class _Question(NamedTuple):
    """``body`` of the media type ``kind`` is sent, if there is one; ``limit`` is of the answer."""

    url: str
    limit: int
    named: bool
    body: bytes = b""
    kind: str = ""


class Fetcher:
    """Asks servers; one for all legs of a daemon.

    ``hosts`` are those (``host`` or ``host:port``) that a certificate may name though they are
    private or on another port than HTTP's.  ``trust`` are CA certificates for https URLs, None for
    the system's.  ``ports`` are those that the daemon itself listens on.  ``counts`` are the
    questions by what became of them.
    """

    def __init__(
        self,
        reactor: Any,
        hosts: Collection[str] = (),
        trust: Any = None,
        ports: Collection[int] = (),
        resolve: Resolve = dialling.resolve,
    ) -> None:
        self.hosts = frozenset(hosts)
        self.reactor = reactor
        self.counts = {"answered": 0, UNREACHABLE: 0, UNUSABLE: 0}
        self._trust = trust
        self._ports = frozenset(ports)
        self._resolve = resolve
        self._slots = DeferredSemaphore(_AT_ONCE)
        self._locks: dict[str, DeferredLock] = {}
        self._paused: dict[str, float] = {}
        self._running: set[Deferred[bytes]] = set()

    def get(self, url: str, limit: int, named: bool) -> Deferred[bytes]:
        """Fetch a body of ``limit`` bytes at most; ``named``: the URL is a certificate's.

        Fails with FetchError alone.
        """
        return self._start(_Question(url, limit, named))

    def post(self, url: str, body: bytes, kind: str, limit: int, named: bool) -> Deferred[bytes]:
        """Send ``body`` of a media type, and fetch the answer's as `get` does."""
        return self._start(_Question(url, limit, named, body, kind))

    def stop(self) -> None:
        """Give up what is under way."""
        for running in tuple(self._running):
            running.cancel()

    def _start(self, question: _Question) -> Deferred[bytes]:
        running = ensureDeferred(self._counted(question))
        self._running.add(running)

        def over(result: Any) -> Any:
            self._running.discard(running)
            return result

        return running.addBoth(over)

    async def _counted(self, question: _Question) -> bytes:
        try:
            found = await self._in_turn(question, self._target(question))
        except FetchError as error:
            self.counts[error.found.reason] += 1
            raise
        self.counts["answered"] += 1
        return found

    def _target(self, question: _Question) -> Target:
        """Raises FetchError."""
        try:
            if question.named:
                return addresses.named(question.url, self.hosts, self._ports)
            return addresses.configured(question.url)
        except NotAsked as error:
            raise FetchError(error.found) from None

    async def _in_turn(self, question: _Question, target: Target) -> bytes:
        """Raises FetchError alone."""
        if len(self._running) > _WAITING_MAX:
            raise _failed(UNREACHABLE, "too much is asked at once")
        url = question.url
        lock = self._locks.setdefault(url, DeferredLock())
        try:
            async with lock, self._slots:
                if target.path:
                    return await self._file(target.path, question.limit)
                self._check_pause(url, target)
                return await self._in_time(question, target)
        except FetchError:
            raise
        except Exception as error:
            party = Party(_SERVER, str(target))
            raise _failed(UNREACHABLE, reason_of(cause(error), party).happened) from None
        finally:
            if not lock.locked and not lock.waiting:
                self._locks.pop(url, None)

    async def _in_time(self, question: _Question, target: Target) -> bytes:
        is_open = not question.named or addresses.is_listed(target, self.hosts)
        limit = question.limit
        endpoint = CountedEndpoint(
            self._endpoint(target, is_open), limit + limit // _CHUNKS + _HEAD
        )
        asking = ensureDeferred(self._ask(question, target, endpoint))
        try:
            return await asking.addTimeout(WHOLE, self.reactor)
        except NotAsked as error:
            raise FetchError(error.found) from None
        except FetchError:
            raise
        except Exception:
            if endpoint.exceeded:
                raise _too_long(target, limit) from None
            self._pause(question.url)
            raise

    def _check_pause(self, url: str, target: Target) -> None:
        until = self._paused.get(url, 0.0)
        if self.reactor.seconds() < until:
            raise _failed(UNREACHABLE, f"{target} could not be reached a moment ago")
        self._paused.pop(url, None)

    def _pause(self, url: str) -> None:
        if len(self._paused) >= _PAUSED_MAX:
            self._paused.pop(next(iter(self._paused)))
        self._paused[url] = self.reactor.seconds() + AFTER_FAILURE

    async def _file(self, path: str, limit: int) -> bytes:
        pool = self.reactor.getThreadPool()
        try:
            return await deferToThreadPool(self.reactor, pool, _read_file, path, limit)
        except OSError as error:
            raise _failed(UNREACHABLE, f"cannot read {path}: {error.strerror}") from None

    async def _ask(self, question: _Question, target: Target, endpoint: CountedEndpoint) -> bytes:
        # Imported here: only a daemon that asks pays for it.
        from twisted.web.client import Agent, HTTPConnectionPool
        from twisted.web.http_headers import Headers

        pool = HTTPConnectionPool(self.reactor, persistent=False)
        agent = Agent.usingEndpointFactory(self.reactor, _Dialler(endpoint), pool)
        headers = Headers({"user-agent": ["acra-twisted"]})
        method, body = b"GET", None
        if question.body:
            method, body = b"POST", RequestBody(question.body)
            headers.setRawHeaders("content-type", [question.kind])
        response = await agent.request(method, question.url.encode("ascii"), headers, body)
        answer = AnswerBody(question.limit)
        response.deliverBody(answer)
        problem = None
        if response.code != 200:
            problem = _failed(UNUSABLE, f"{target} answers with status {response.code}")
        elif isinstance(response.length, int) and response.length > question.limit:
            problem = _too_long(target, question.limit)
        if problem is not None:
            answer.over.addErrback(lambda failure: None)
            answer.over.cancel()
            raise problem
        try:
            found = await answer.over
        except AnswerTooLong:
            raise _too_long(target, question.limit) from None
        if answer.cut is not None:
            if endpoint.exceeded:
                raise _too_long(target, question.limit)
            raise _failed(UNREACHABLE, f"{target} has sent half an answer")
        return found

    def _endpoint(self, target: Target, is_open: bool) -> Any:
        """Return an endpoint for a target; unless it ``is_open``, its addresses must be public."""
        resolve = self._resolve if is_open else self._resolve_public
        endpoint: Any = TcpEndpoint(
            self.reactor, target.host, target.port, CONNECT, KeepAlive(), resolve
        )
        if target.scheme == "https":
            context = collector_context(self._trust, target.host)
            endpoint = wrapClientTLS(context.creator, endpoint)
        return endpoint

    def _resolve_public(self, reactor: Any, host: str) -> Deferred[list[Found]]:
        """Return the addresses that are dialled: there is no second look at the name."""

        def check(found: list[Found]) -> list[Found]:
            for _, address in found:
                if not addresses.is_public(address):
                    raise NotAsked(
                        f"its certificate names {host}, which is not of the public internet;"
                        " tls_revocation_hosts lists those that may be asked"
                    )
            return found

        return self._resolve(reactor, host).addCallback(check)


@implementer(IAgentEndpointFactory)
class _Dialler:
    """Connects to one endpoint, whatever a URL could be read as otherwise."""

    def __init__(self, endpoint: CountedEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: Any) -> Any:
        """Twisted's IAgentEndpointFactory."""
        return self._endpoint


def _read_file(path: str, limit: int) -> bytes:
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _failed(UNUSABLE, f"{path} is no file")
        found = file.read(limit + 1)
    if len(found) > limit:
        raise _failed(UNUSABLE, f"{path} is longer than {limit} bytes")
    return found
