"""The HTTP side: ``/metrics`` for Prometheus, the trace pages, ``/healthz`` and ``/readyz``.  GET
only, changes nothing.

A `Guard` says who may look.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from twisted.web import pages
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from acra_twisted.telemetry.guard import Guard
from acra_twisted.telemetry.zpages import Page, TracePages

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"[0-9]|running|errors|")


class _Answer(Resource):
    """A leaf whose GET is ``reply``; checks who asks first.  ``catch_up`` is called before."""

    isLeaf = True
    allowedMethods = (b"GET", b"HEAD")

    def __init__(self, guard: Guard, catch_up: Callable[[], None]) -> None:
        Resource.__init__(self)
        self._guard = guard
        self._catch_up = catch_up

    def reply(self, request: Request, arguments: dict[str, str]) -> Page | None:
        raise NotImplementedError  # pragma: no cover - abstract

    def render(self, request: Request) -> bytes:
        """Twisted: answer; nothing here changes anything."""
        if request.method not in self.allowedMethods:
            return _only_get(request)
        request.setHeader("x-content-type-options", "nosniff")
        request.setHeader(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
        )
        if not self._guard.knows_host(request.getRequestHostname().decode("latin-1")):
            return _plain(request, 421, "Host header not accepted")
        if not self._guard.admits((request.getHeader(b"authorization") or b"").decode("latin-1")):
            request.setHeader("www-authenticate", 'Basic realm="acra"')
            return _plain(request, 401, "A token is needed")
        arguments = {
            key.decode("latin-1"): values[-1].decode("utf-8", "replace")
            for key, values in (request.args or {}).items()
        }
        if not _NUMBER.fullmatch(arguments.get("bucket", "")):
            return _plain(request, 400, "bucket must be 0 to 9, running or errors")
        self._catch_up()
        try:
            page = self.reply(request, arguments)
        except ValueError as error:
            return _plain(request, 400, f"{error} must be a number")
        if page is None:
            return _plain(request, 404, "Not found (only recent traces are kept)")
        request.setHeader("content-type", page[0])
        return page[1]


def _only_get(request: Request) -> bytes:
    request.setHeader("allow", "GET, HEAD")
    return _plain(request, 405, "Only GET")


def _plain(request: Request, code: int, text: str) -> bytes:
    request.setResponseCode(code)
    request.setHeader("content-type", "text/plain; charset=utf-8")
    return f"{text}\n".encode()


class Metrics(_Answer):
    """The scrape; OpenMetrics with exemplars if the scraper asks for it."""

    def __init__(
        self, guard: Guard, catch_up: Callable[[], None], registry: CollectorRegistry
    ) -> None:
        super().__init__(guard, catch_up)
        self._registry = registry

    def reply(self, request: Request, arguments: dict[str, str]) -> Page:
        """All of the registry."""
        accept = (request.getHeader(b"accept") or b"").decode("latin-1")
        encoder, content_type = choose_encoder(accept)
        return content_type, encoder(self._registry)


class Listing(_Answer):
    """A page that is made of the arguments alone: all but a single trace."""

    def __init__(
        self, guard: Guard, catch_up: Callable[[], None], page: Callable[[dict[str, str]], Page]
    ) -> None:
        super().__init__(guard, catch_up)
        self._page = page

    def reply(self, request: Request, arguments: dict[str, str]) -> Page:
        """See TracePages."""
        return self._page(arguments)


class Trace(_Answer):
    """``/debug/trace/ID``."""

    def __init__(self, guard: Guard, catch_up: Callable[[], None], pages: TracePages) -> None:
        super().__init__(guard, catch_up)
        self._pages = pages

    def reply(self, request: Request, arguments: dict[str, str]) -> Page | None:
        """See TracePages.trace."""
        trace_id = b"/".join(request.postpath or []).decode("latin-1")
        if not _TRACE_ID.fullmatch(trace_id):
            return None
        return self._pages.trace(trace_id, arguments)


class Health(Resource):
    """For whoever starts and stops daemons: 200 while ``unready`` gives nothing, else 503 and what
    it gives.  It tells nothing else, and asks for no token."""

    isLeaf = True

    def __init__(self, unready: Callable[[], str]) -> None:
        Resource.__init__(self)
        self._unready = unready

    def render(self, request: Request) -> bytes:
        """Twisted: answer."""
        if request.method not in _Answer.allowedMethods:
            return _only_get(request)
        request.setHeader("cache-control", "no-store")
        why = self._unready()
        return _plain(request, 503, why) if why else _plain(request, 200, "ok")


class _Branch(Resource):
    """A path on the way to a leaf."""

    def getChild(self, path: bytes, request: Request) -> Resource:
        """Twisted: nothing of that name is here."""
        return pages.notFound()  # type: ignore[return-value]


class _QuietSite(Site):
    """Scrapes are no news: no access log."""

    noisy = False

    def log(self, request: Request) -> None:  # type: ignore[override]
        """Twisted: a request has ended."""


_OPEN = Guard()


def make_site(
    reactor: Any,
    registry: CollectorRegistry | None,
    traces: TracePages | None,
    guard: Guard = _OPEN,
    unready: Callable[[], str] = str,
    catch_up: Callable[[], None] = lambda: None,
) -> Site:
    """Metrics, pages or both, as given; and on each whether the daemon lives (``/healthz``) and
    whether new connections should come (``/readyz``): ``unready`` says why not.  ``catch_up`` is
    called before anything that was counted is shown."""
    root = _Branch()
    root.putChild(b"healthz", Health(str))
    root.putChild(b"readyz", Health(unready))
    if registry is not None:
        root.putChild(b"metrics", Metrics(guard, catch_up, registry))
    if traces is not None:
        debug = _Branch()
        for name in ("tracez", "traces", "sessions", "rpcz"):
            debug.putChild(name.encode(), Listing(guard, catch_up, getattr(traces, name)))
        debug.putChild(b"trace", Trace(guard, catch_up, traces))
        root.putChild(b"debug", debug)
    site = _QuietSite(root, timeout=30, reactor=reactor)
    site.displayTracebacks = False
    return site
