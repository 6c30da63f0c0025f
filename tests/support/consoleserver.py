"""Serves consoles with what is planted in them, on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from twisted.internet import reactor, stdio  # noqa: TID251 - this is a program
from twisted.internet.protocol import Protocol

from acra_twisted.telemetry.console.site.feeds import Feeds
from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.site.resources import make_console
from acra_twisted.telemetry.pages.access import Guard
from acra_twisted.telemetry.pages.site import make_site
from acra_twisted.telemetry.pages.traces import TracePages
from acra_twisted.telemetry.pages.turns import Turns
from acra_twisted.telemetry.tracing.store import SpanStore


def _nothing() -> None:
    """Nothing is counted meanwhile."""


class _Until(Protocol):
    """Ends the process when its standard input ends."""

    def connectionLost(self, reason: Any) -> None:
        """Twisted: nobody looks any more."""
        reactor.stop()  # type: ignore[attr-defined]


def _listen(console: Console) -> int:
    """Serve a console; return its port."""
    console.prepare()
    traces = TracePages("acra-server", SpanStore(), lambda: [])
    feeds = Feeds(reactor, Turns(reactor), console.page, _nothing)
    resource = make_console(console, Guard(), _nothing, feeds)
    site = make_site(reactor, None, traces, console=resource)
    port = reactor.listenTCP(0, site, interface="127.0.0.1")  # type: ignore[attr-defined]
    return int(port.getHost().port)


def serve(consoles: Iterable[tuple[Console, Mapping[str, str]]]) -> None:
    """Serve consoles, each with its pages by name, until the standard input ends.  The only line
    of output is a JSON object: the addresses of all pages by name."""
    told = {}
    for console, pages in consoles:
        port = _listen(console)
        told.update({name: f"http://127.0.0.1:{port}{at}" for name, at in pages.items()})
    print(json.dumps(told), flush=True)
    stdio.StandardIO(_Until())
    reactor.run()  # type: ignore[attr-defined]
