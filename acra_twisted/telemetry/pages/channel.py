"""Connections to the HTTP port: few, none for long, and nothing of a request read but its head.

The port tells how a proxy is that must go on meanwhile, and may be reached by whoever is able to
send it a packet.  So a request with a body is refused at its head, each phase of a connection has
one limit of time that nothing extends, and there are only so many connections: the one that has
waited longest, of whoever holds most, makes room for the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.web.http import HTTPChannel
from twisted.web.server import Request

from acra_twisted.telemetry.pages.rendering import Piece
from acra_twisted.telemetry.pages.turns import Turns
from acra_twisted.telemetry.pages.waiting import Wait
from acra_twisted.wire.http.head import HEAD_MAX, Head, HeadReader, Refusal, Refused

#: Seconds from a request's first byte (for the first one from the connection's begin) to the end of
#: its head, from there to the last byte of its answer, without a request, and for a last answer.
HEAD_SECONDS = 10.0
ANSWER_SECONDS = 30.0
IDLE_SECONDS = 30.0
CLOSE_SECONDS = 5.0

#: Bytes that wait for their turn: no peer that waits for answers sends as many.
_FLOOD = 8 * HEAD_MAX

_log = Logger()


class Visitors:
    """The connections to all HTTP ports of a daemon, ``limit`` at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: set[HeadChannel] = set()
        # Those that nothing is answered to, the one that waits longest first.
        self._waiting: dict[HeadChannel, str] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """True if no further connection may be accepted."""
        return len(self._open) >= self._limit

    def arrived(self, channel: HeadChannel) -> None:
        """A connection was accepted.  If there is no room for the next one now, some is made."""
        self._open.add(channel)
        self.waits(channel)
        if self.full and self._waiting:
            held = Counter(self._waiting.values())
            most = max(held.values())
            next(one for one, peer in self._waiting.items() if held[peer] == most).abort()

    def waits(self, channel: HeadChannel) -> None:
        """Nothing is answered to it from now on."""
        self._waiting.pop(channel, None)
        self._waiting[channel] = channel.host

    def is_answered(self, channel: HeadChannel) -> None:
        """It is not to be closed to make room."""
        self._waiting.pop(channel, None)

    def left(self, channel: HeadChannel) -> None:
        """It is gone."""
        self._waiting.pop(channel, None)
        self._open.discard(channel)


class HeadChannel(HTTPChannel):
    """Twisted's channel, but for what is read: a head, or nothing.

    ``site`` has ``visitors``, ``turns`` and ``refusal``, which says what is wrong with a head.
    """

    site: Any
    transport: Any
    callLater: Callable[..., Any]
    #: Where the peer is.
    host = ""

    def __init__(self) -> None:
        super().__init__()
        self._reader = HeadReader()
        self._deadline: Any = None
        # Between requests; behind a request that was the last one.
        self._is_idle = False
        self._is_deaf = False

    def connectionMade(self) -> None:
        """Twisted: a connection was accepted."""
        super().connectionMade()
        self.host = getattr(self.transport.getPeer(), "host", "")
        self._limit(HEAD_SECONDS)
        self.site.visitors.arrived(self)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """Twisted: the connection is gone."""
        self._is_deaf = True
        self.site.visitors.left(self)
        self.site.turns.drop(self)
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        """Twisted: bytes of a head, or of more than one."""
        if self._is_deaf:
            return
        if self._is_idle:
            self._is_idle = False
            self._limit(HEAD_SECONDS)
        self._reader.feed(data)
        if self._reader.waiting > _FLOOD:
            self.abort()
        elif not self.requests:
            self.site.turns.add(self)
        elif self._reader.waiting > HEAD_MAX:
            # A client that keeps sending receives the present answer, and no other.
            self._is_deaf = True
            self.persistent = False

    def step(self) -> bool:
        """See turns.Job: one head."""
        if self._is_deaf or self.requests:
            return False
        try:
            head = self._reader.next_head()
            if head is not None:
                self._answer(head)
        except Refused as refused:
            self._refuse(refused.refusal)
        return False

    def rest(self) -> None:
        """See turns.Job."""

    def _answer(self, head: Head) -> None:
        refusal = self.site.refusal(head)
        if refusal is not None:
            self._refuse(refusal, head.method)
            return
        self._limit(ANSWER_SECONDS)
        self.site.visitors.is_answered(self)
        self.persistent = head.persistent
        self._is_deaf = not head.persistent
        request = self.site.requestFactory(self)
        self.requests.append(request)
        for name, value in head.fields:
            request.requestHeaders.addRawHeader(name, value.encode("latin-1"))
        if not head.persistent:
            request.setHeader(b"connection", b"close")
        request.gotLength(0)
        version = b"HTTP/1.%d" % head.minor
        request.requestReceived(head.method.encode(), head.target.encode(), version)

    def _refuse(self, refusal: Refusal, method: str = "GET") -> None:
        """Say why, and close."""
        self._is_deaf = True
        status, text = refusal
        body = f"{text}\n".encode()
        allow = "Allow: GET, HEAD\r\n" if status == HTTPStatus.METHOD_NOT_ALLOWED else ""
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{allow}Connection: close\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.write(head.encode() + (b"" if method == "HEAD" else body))
        self._close()

    def prolong(self) -> None:
        """Give the answer at hand its whole time again: the peer has taken what was sent."""
        self._limit(ANSWER_SECONDS)

    def requestDone(self, request: Any) -> None:
        """Twisted: an answer was written."""
        self.requests.remove(request)
        if not self.persistent:
            self._close()
            return
        self.site.visitors.waits(self)
        self._is_idle = not self._reader.waiting
        self._limit(IDLE_SECONDS if self._is_idle else HEAD_SECONDS)
        if not self._is_idle:
            self.site.turns.add(self)

    def abort(self) -> None:
        """Close the connection now."""
        self._is_deaf = True
        self.site.visitors.is_answered(self)
        self.transport.abortConnection()

    def _close(self) -> None:
        """When what is written was sent, or after a moment."""
        self._limit(CLOSE_SECONDS)
        self.loseConnection()

    def _limit(self, seconds: float) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.reset(seconds)
        else:
            self._deadline = self.callLater(seconds, self._too_late)

    def _too_late(self) -> None:
        if self._is_idle and not self._is_deaf:
            self._is_deaf = True
            self._close()
        else:
            self.abort()


class PageRequest(Request):
    """Twisted's request, which can be answered with a page."""

    channel: Any

    def answer(
        self,
        turns: Turns,
        pieces: Iterator[Piece],
        known: Mapping[type[Exception], tuple[int, str]] = MappingProxyType({}),
        instead: Callable[[str], str] | None = None,
    ) -> None:
        """Answer with a page, as fast as it can be made and read.  ``known`` has the answers to
        what ``pieces`` may raise before the first piece that is not empty; the text of what is
        raised, if it has one, stands in their place.  ``instead`` makes HTML of such a text."""
        _PageJob(self, turns, pieces, known, instead)


class _PageJob:
    """Makes a page piece by piece, while the peer reads."""

    def __init__(
        self,
        request: PageRequest,
        turns: Turns,
        pieces: Iterator[Piece],
        known: Mapping[type[Exception], tuple[int, str]],
        instead: Callable[[str], str] | None,
    ) -> None:
        self._request = request
        self._turns = turns
        self._pieces = pieces
        self._known = known
        self._instead = instead
        self._made: list[str] = []
        # The last piece was made; nobody waits for any.
        self._is_over = self._is_gone = False
        self._is_paused = False
        # What the next piece waits for.
        self._wait: Wait | None = None
        # The status, and the text or the HTML.
        self._failure: tuple[int, str] | None = None
        self._failure_kind = b"text/plain; charset=utf-8"
        request.notifyFinish().addBoth(self._gone)
        request.registerProducer(self, True)
        turns.add(self)

    def step(self) -> bool:
        """See turns.Job: the next piece."""
        if self._is_gone:
            return False
        try:
            piece = next(self._pieces, None)
        except Exception as error:
            self._fail(error)
            piece = None
        if piece is None:
            self._is_over = True
            return False
        if isinstance(piece, Wait):
            self._wait = piece
            piece.then(self._go_on)
            return False
        if piece:
            self._made.append(piece)
        return True

    def _fail(self, error: Exception) -> None:
        known = self._known.get(type(error))
        if known is None:
            _log.failure("a page cannot be shown")
            self._failure = (500, "The page cannot be shown; the log says where it failed\n")
            return
        text = str(error) or known[1]
        if self._instead is None:
            self._failure = (known[0], f"{text}\n")
            return
        self._failure = (known[0], self._instead(text))
        self._failure_kind = b"text/html; charset=utf-8"

    def rest(self) -> None:
        """See turns.Job: the pieces of a slice are one write."""
        request, data = self._request, "".join(self._made).encode("utf-8", "replace")
        self._made.clear()
        if self._is_gone:
            return
        if self._failure is not None:
            if request.startedWriting:
                # The client must not take the sent part for the whole.
                request.channel.abort()
                return
            request.setResponseCode(self._failure[0])
            request.setHeader(b"content-type", self._failure_kind)
            data = self._failure[1].encode("utf-8", "replace")
        if self._is_over and not request.startedWriting and request.method != b"HEAD":
            # Of a page that is not sent nobody knows the length.
            request.setHeader(b"content-length", b"%d" % len(data))
        if data:
            request.write(data)
        if self._is_over:
            request.unregisterProducer()
            request.finish()

    def _go_on(self) -> None:
        """Continue: the wait is over."""
        self._wait = None
        if not self._is_paused:
            self._turns.add(self)

    def pauseProducing(self) -> None:
        """Twisted: the peer reads slowly."""
        self._is_paused = True
        self._turns.drop(self)

    def resumeProducing(self) -> None:
        """Twisted: it has read."""
        self._is_paused = False
        if not self._is_over and self._wait is None:
            self._turns.add(self)

    def stopProducing(self) -> None:
        """Twisted: the connection is gone."""
        self._gone(None)

    def _gone(self, _: Any) -> None:
        self._is_gone = self._is_over = True
        self._turns.drop(self)
        # What has begun in them ends with them.
        self._pieces = iter(())
        wait, self._wait = self._wait, None
        if wait is not None:
            wait.cancel()
