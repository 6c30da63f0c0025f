"""The addresses of the console: its views, and the files that they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from twisted.web.resource import Resource

from acra_twisted.telemetry.console.site.feeds import Feeds
from acra_twisted.telemetry.console.site.frame import FIRST, HTML, PREFIX, VIEWS, Console
from acra_twisted.telemetry.console.view import View
from acra_twisted.telemetry.pages.access import Guard
from acra_twisted.telemetry.pages.answers import HEADERS, Answer, at_once, plain
from acra_twisted.telemetry.pages.channel import PageRequest
from acra_twisted.telemetry.pages.rendering import Page
from acra_twisted.telemetry.pages.search import Unfit

#: Views with live parts.
LIVE: Final = tuple(name for name, view in VIEWS.items() if view.live)
_STREAM: Final = "text/event-stream; charset=utf-8"
_POLICY: Final = "default-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_VIEW_HEADERS: Final[Mapping[str, str]] = {**HEADERS, "content-security-policy": _POLICY}
#: A file's name has a digest of its content.
_ASSET_HEADERS: Final[Mapping[str, str]] = {
    **_VIEW_HEADERS,
    "cache-control": "private, max-age=31536000, immutable",
}


class _View(Answer):
    """A view."""

    headers = _VIEW_HEADERS

    def __init__(
        self, guard: Guard, catch_up: Callable[[], None], console: Console, view: View
    ) -> None:
        super().__init__(guard, catch_up)
        self._console = console
        self._view = view

    def reply(self, request: PageRequest, arguments: dict[str, str]) -> Page:
        """See Console.page."""
        return self._console.page(self._view, arguments)

    def unfit(self, request: PageRequest, arguments: Mapping[str, str], why: str) -> bytes:
        """See Answer.  Programs, which ask for another form, get a line of text."""
        if arguments.get("format", HTML) != HTML:
            return super().unfit(request, arguments, why)
        text = self._console.unfit(self._view, arguments, why)
        return at_once(request, HTTPStatus.BAD_REQUEST, "text/html; charset=utf-8", text)


class _Events(Answer):
    """The live parts of the view that the argument ``view`` names."""

    headers = _VIEW_HEADERS

    def __init__(self, guard: Guard, console: Console, feeds: Feeds) -> None:
        super().__init__(guard, feeds.catch_up)
        self._console = console
        self._feeds = feeds

    def reply(self, request: PageRequest, arguments: dict[str, str]) -> Page:
        """See Feeds.stream."""
        view = VIEWS.get(arguments.pop("view", ""))
        if view is None or not view.live or "format" in arguments:
            raise Unfit(f"view must be one of {', '.join(LIVE)}, and no format can be given")
        self._console.check(view, arguments)
        if request.method == b"HEAD":
            return Page(_STREAM, self._feeds.head())
        return Page(_STREAM, self._feeds.stream(view, arguments, request.channel.prolong))


class _Asset(Answer):
    """A file."""

    headers = _ASSET_HEADERS

    def __init__(self, guard: Guard, page: Callable[[], Page]) -> None:
        super().__init__(guard, _nothing)
        self._page = page

    def reply(self, request: PageRequest, arguments: dict[str, str]) -> Page:
        """See `assets`."""
        return self._page()


def _nothing() -> None:
    """Files show nothing that was counted."""


class _Folder(Resource):
    """A path with nothing at the path itself, or ``index``."""

    def __init__(self, index: Resource | None = None) -> None:
        Resource.__init__(self)
        self._index = index

    def getChild(self, path: bytes, request: Any) -> Resource:
        """Twisted: nothing of that name is here."""
        return self._index if self._index is not None and path == b"" else _NotHere()

    def render(self, request: Any) -> Any:
        """Twisted: the path without a slash."""
        return (self._index or _NotHere()).render(request)


class _NotHere(Resource):
    isLeaf = True

    def render(self, request: Any) -> bytes:
        """Twisted: answer."""
        return plain(request, 404, f"Not here. There are:\n{PREFIX}" + f"\n{PREFIX}".join(VIEWS))


def make_console(
    console: Console, guard: Guard, catch_up: Callable[[], None], feeds: Feeds | None = None
) -> Resource:
    """Return what is at ``/console``.  ``catch_up`` is called before a view is shown; ``feeds`` are
    of its live parts, if it has any."""
    root = _Folder(_View(guard, catch_up, console, VIEWS[FIRST]))
    for name, view in VIEWS.items():
        root.putChild(name.encode(), _View(guard, catch_up, console, view))
    if feeds is not None:
        root.putChild(b"events", _Events(guard, console, feeds))
    folder = _Folder()
    for name in console.assets.by_name:
        folder.putChild(name.encode(), _Asset(guard, partial(console.assets.page, name)))
    root.putChild(b"assets", folder)
    return root
