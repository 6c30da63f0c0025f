"""Answers of the pages: who asks is checked first, and nothing that is asked changes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from acra_twisted.telemetry.pages.access import Guard
from acra_twisted.telemetry.pages.channel import PageRequest
from acra_twisted.telemetry.pages.kept import NOT_KEPT
from acra_twisted.telemetry.pages.rendering import NotKept, Page
from acra_twisted.telemetry.pages.search import Unfit

HEADERS: Final[Mapping[str, str]] = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
}
#: Said where too many ask.
BUSY = "Too many ask for this at the moment"


class Busy(Exception):
    """Raised where too many ask for the same, before a page's first piece that is not empty; the
    text says so."""


class Answer(Resource):
    """A leaf whose GET is ``reply``; checks who asks first.  ``catch_up`` is called before."""

    isLeaf = True
    #: Sent with each answer.
    headers: Mapping[str, str] = HEADERS

    def __init__(self, guard: Guard, catch_up: Callable[[], None]) -> None:
        Resource.__init__(self)
        self._guard = guard
        self._catch_up = catch_up

    def reply(self, request: PageRequest, arguments: dict[str, str]) -> Page:
        raise NotImplementedError  # pragma: no cover - abstract

    def render(self, request: Any) -> Any:
        """Twisted: answer; nothing here changes anything."""
        for name, value in self.headers.items():
            request.setHeader(name, value)
        if not self._guard.admits((request.getHeader(b"authorization") or b"").decode("latin-1")):
            request.setHeader("www-authenticate", 'Basic realm="acra"')
            return plain(request, 401, "A token is needed")
        arguments = {
            key.decode("latin-1"): values[-1].decode("utf-8", "replace")
            for key, values in (request.args or {}).items()
        }
        self._catch_up()
        try:
            page = self.reply(request, arguments)
        except Unfit as error:
            return self.unfit(request, arguments, str(error))
        except NotKept:
            return plain(request, 404, NOT_KEPT)
        request.setHeader("content-type", page.kind)
        if page.file:
            request.setHeader("content-disposition", f'attachment; filename="{page.file}"')
        request.site.show(request, page.pieces, page.instead)
        return NOT_DONE_YET

    def unfit(self, request: PageRequest, arguments: Mapping[str, str], why: str) -> bytes:
        """Answer to arguments that cannot be."""
        return plain(request, 400, why)


def plain(request: Any, code: int, text: str) -> bytes:
    """Answer with a line of text."""
    return at_once(request, code, "text/plain; charset=utf-8", f"{text}\n")


def at_once(request: Any, code: int, kind: str, text: str) -> bytes:
    """Answer with a short text of a content type."""
    request.setResponseCode(code)
    request.setHeader("content-type", kind)
    return b"" if request.method == b"HEAD" else text.encode("utf-8", "replace")
