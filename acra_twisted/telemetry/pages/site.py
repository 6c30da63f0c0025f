"""The HTTP side: ``/metrics`` for Prometheus, the trace pages, ``/healthz`` and ``/readyz``.  GET
only, changes nothing.

A `Guard` says who may look.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from acra_twisted.telemetry.pages.access import Guard
from acra_twisted.telemetry.pages.answers import BUSY, Answer, Busy, plain
from acra_twisted.telemetry.pages.channel import HeadChannel, PageRequest, Visitors
from acra_twisted.telemetry.pages.kept import NOT_KEPT
from acra_twisted.telemetry.pages.readiness import Reach, ReachAll
from acra_twisted.telemetry.pages.rendering import NotKept, Page, Piece
from acra_twisted.telemetry.pages.scrape import Scrape
from acra_twisted.telemetry.pages.traces import PLACES, TracePages
from acra_twisted.telemetry.pages.turns import Turns
from acra_twisted.wire.http.head import Head, Refusal

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_HEALTH = ("/healthz", "/readyz")
_SCHEMES = ("http", "https")
_ELSEWHERE = Refusal(403, "pages from elsewhere cannot use this one")


class Metrics(Answer):
    """The scrape."""

    def __init__(self, guard: Guard, catch_up: Callable[[], None], scrape: Scrape) -> None:
        super().__init__(guard, catch_up)
        self._scrape = scrape

    def reply(self, request: PageRequest, arguments: dict[str, str]) -> Page:
        """See Scrape."""
        return self._scrape.page((request.getHeader(b"accept") or b"").decode("latin-1"))


class Listing(Answer):
    """A page that is made of the arguments alone: all but a single trace."""

    def __init__(
        self, guard: Guard, catch_up: Callable[[], None], page: Callable[[dict[str, str]], Page]
    ) -> None:
        super().__init__(guard, catch_up)
        self._page = page

    def reply(self, request: PageRequest, arguments: dict[str, str]) -> Page:
        """See TracePages."""
        return self._page(arguments)


class Trace(Answer):
    """``/debug/trace/ID``."""

    def __init__(self, guard: Guard, catch_up: Callable[[], None], pages: TracePages) -> None:
        super().__init__(guard, catch_up)
        self._pages = pages

    def reply(self, request: PageRequest, arguments: dict[str, str]) -> Page:
        """See TracePages.trace."""
        trace_id = b"/".join(request.postpath or []).decode("latin-1")
        if not _TRACE_ID.fullmatch(trace_id):
            raise NotKept
        return self._pages.trace(trace_id, arguments)


class Health(Resource):
    """Health for supervisors: 200 while ``unready`` returns nothing, else 503 and its text.  The
    page reveals nothing else, and needs no token.

    A query with the name of the destination of ``reach`` also tests that destination.
    """

    isLeaf = True

    def __init__(
        self,
        unready: Callable[[], str],
        reach: Callable[[], Reach | ReachAll | None] = lambda: None,
    ) -> None:
        Resource.__init__(self)
        self._unready = unready
        self._reach = reach

    def render(self, request: Any) -> Any:
        """Twisted: answer."""
        request.setHeader("cache-control", "no-store")
        why, reach = self._unready(), self._reach()
        # Twisted passes over what has no value.
        asked = [part.partition(b"=")[0] for part in request.uri.partition(b"?")[2].split(b"&")]
        if why or reach is None or reach.name.encode() not in asked:
            return _verdict(request, why)
        left: list[Any] = []
        request.notifyFinish().addErrback(left.append)

        def answer(problem: str) -> None:
            if not left:
                body = _verdict(request, problem)
                request.setHeader("content-length", str(len(body)))
                request.write(body)
                request.finish()

        reach.problem().addCallback(answer)
        return NOT_DONE_YET


def _verdict(request: Any, why: str) -> bytes:
    return plain(request, 503, why) if why else plain(request, 200, "ok")


class _Branch(Resource):
    """A path on the way to a leaf.  ``index`` is what is at the path itself; ``places`` are those
    of the site, for who asks for another one."""

    def __init__(self, index: Resource, places: Sequence[str]) -> None:
        Resource.__init__(self)
        self._index = index
        self._places = places

    def getChild(self, path: bytes, request: Any) -> Resource:
        """Twisted: nothing of that name is here."""
        return self._index if path == b"" else _Places(self._places, 404, "Not here. There are:\n")

    def render(self, request: Any) -> Any:
        """Twisted: the path without a slash."""
        return self._index.render(request)


class _Places(Resource):
    """Names the paths that there are."""

    isLeaf = True

    def __init__(self, places: Sequence[str], status: int = 200, before: str = "") -> None:
        Resource.__init__(self)
        self._text = before + "\n".join(places)
        self._status = status

    def render(self, request: Any) -> bytes:
        """Twisted: answer."""
        return plain(request, self._status, self._text)


class PageSite(Site):
    """A site whose connections, and whose work in a turn of the reactor, are bounded.  Scrapes are
    no news: it writes no access log.

    ``hosts`` says whether a name may be used for what is on it.
    """

    noisy = False
    requestFactory: Any = PageRequest
    protocol: Any = HeadChannel

    def __init__(
        self,
        root: Resource,
        reactor: Any,
        visitors: Visitors,
        turns: Turns,
        hosts: Callable[[str], bool],
    ) -> None:
        super().__init__(root, timeout=None, reactor=reactor)
        self.displayTracebacks = False
        self.visitors = visitors
        self.turns = turns
        self._knows_host = hosts
        #: Called when nobody can connect any longer: answers that go on are to end.
        self.ends: list[Callable[[], None]] = []

    def stopFactory(self) -> None:
        """Twisted: the port is closed."""
        super().stopFactory()
        for end in self.ends:
            end()

    def buildProtocol(self, addr: Any) -> Any:
        """Twisted: the channel of a connection, None if there are enough."""
        return None if self.visitors.full else super().buildProtocol(addr)

    def acceptableProtocols(self) -> list[bytes]:
        """Twisted: what is spoken over TLS."""
        return [b"http/1.1"]

    def log(self, request: Any) -> None:
        """Twisted: a request has ended."""

    def refusal(self, head: Head) -> Refusal | None:
        """Say what is wrong with a request; the host that it is for comes first."""
        return (
            head.problem_of_host()
            or self._problem_of_name(head)
            or head.problem_of_body()
            or head.problem_of_request()
            or _problem_of_origin(head)
        )

    def _problem_of_name(self, head: Head) -> Refusal | None:
        if head.path in _HEALTH or not head.host or self._knows_host(head.host):
            return None
        return Refusal(421, f"Host header not accepted; zpages_hosts may have it: {head.host}")

    def show(
        self,
        request: PageRequest,
        pieces: Iterator[Piece],
        instead: Callable[[str], str] | None = None,
    ) -> None:
        """Answer with a page, by and by; ``instead``: see Page."""
        known = {NotKept: (404, NOT_KEPT), Busy: (503, BUSY)}
        request.answer(self.turns, pieces, known, instead)


class BoundedTLS(TLSMemoryBIOFactory):
    """TLS around a `PageSite`."""

    noisy = False

    def buildProtocol(self, addr: Any) -> Any:
        """Twisted: the channel of a connection, None if there are enough."""
        return None if self.wrappedFactory.visitors.full else super().buildProtocol(addr)


def _problem_of_origin(head: Head) -> Refusal | None:
    """Browsers say who asks.  A page from elsewhere may link here, and have nothing else of it."""
    own = [f"{scheme}://{host}".lower() for host in head.values("host") for scheme in _SCHEMES]
    # One that follows a link, or asks for a part of its own page, names no origin.
    if any(origin.lower() not in own for origin in head.values("origin")):
        return _ELSEWHERE
    if not set(head.values("sec-fetch-site")) & {"cross-site", "same-site"}:
        return None
    follows = head.values("sec-fetch-mode") == ["navigate"]
    if follows and head.values("sec-fetch-dest") == ["document"]:
        return None
    return _ELSEWHERE


_OPEN = Guard()
#: Connections, where nobody says how many.
VISITORS = 16


def make_site(
    reactor: Any,
    scrape: Scrape | None,
    traces: TracePages | None,
    guard: Guard = _OPEN,
    unready: Callable[[], str] = str,
    reach: Callable[[], Reach | ReachAll | None] = lambda: None,
    catch_up: Callable[[], None] = lambda: None,
    visitors: Visitors | None = None,
    turns: Turns | None = None,
    console: Resource | None = None,
) -> PageSite:
    """Metrics, pages or both, as given; and on each whether the daemon lives (``/healthz``) and
    whether new connections should come (``/readyz``): ``unready`` says why not, and ``reach``
    reaches what stands behind.  ``catch_up`` is called before anything that was counted is shown.
    ``visitors`` and ``turns`` are shared by the sites of a daemon; ``console`` is what is at
    ``/console``.

    Where no pages are, whoever reaches the address may use any name for it.
    """
    beside = [("/healthz", "Whether the daemon lives"), ("/readyz", "Whether it takes connections")]
    if scrape is not None:
        beside.append(("/metrics", "For Prometheus"))
    if console is not None:
        beside.insert(0, ("/console/", "The console: what happened, and what has changed"))
    places = [path for path, _ in (*(PLACES if traces is not None else ()), *beside)]
    index: Resource = _Places(places)
    if traces is not None:
        shown = traces
        index = Listing(guard, catch_up, lambda arguments: shown.start(arguments, beside))
    root = _Branch(index, places)
    root.putChild(b"healthz", Health(str))
    root.putChild(b"readyz", Health(unready, reach))
    if scrape is not None:
        root.putChild(b"metrics", Metrics(guard, catch_up, scrape))
    if console is not None:
        root.putChild(b"console", console)
    hosts: Callable[[str], bool] = lambda host: True  # noqa: E731
    if traces is not None:
        hosts = guard.knows_host
        debug = _Branch(index, places)
        for name in ("tracez", "traces", "sessions", "statements", "facts", "rpcz"):
            debug.putChild(name.encode(), Listing(guard, catch_up, getattr(traces, name)))
        debug.putChild(b"trace", Trace(guard, catch_up, traces))
        root.putChild(b"debug", debug)
    if visitors is None:
        visitors = Visitors(VISITORS)
    return PageSite(root, reactor, visitors, turns or Turns(reactor), hosts)
