"""The console with an invented hour, served as a program: see `consoleserver`."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred, succeed

from acra_twisted.telemetry.console.otherservers import Other, Question
from acra_twisted.telemetry.console.site.frame import VIEWS, Console
from tests.support.consoleserver import serve
from tests.support.crowds import Crowd
from tests.support.hours import NOW, Hour
from tests.support.incidents import planted
from tests.support.kepttraces import a_trace, many
from tests.support.livesessions import some_session
from tests.support.vitals import certificate, facts
from tests.support.webpages import body

#: Names that would do harm if they were not shown as text.
HOSTILE = "<img src=x onerror=alert(1)></title><script>alert(1)</script>"
_HOSTILE_TEXT = f'SELECT a AS "{HOSTILE}" FROM "</h1>" WHERE x = 5'.encode()
#: A statement of 5 kB.
_LONG = b"SELECT %s FROM wide" % b", ".join(b"column_number_%d" % number for number in range(260))


def story() -> tuple[Console, dict[str, str]]:
    """Return a console, and its pages by name: each view, and what is large or hostile."""
    hour = Hour().slow_since(20)
    hour.ask(1, _HOSTILE_TEXT, 40, first=900_000)
    hour.ask(1, _LONG, 9, first=70_000)
    for number in range(300):
        hour.ask(1, b"SELECT a FROM part_%d WHERE id = 1" % number)
    known = facts(certificates=[certificate(9, HOSTILE)])
    sources = planted(hour.sources, NOW)
    rules = sources.fact
    sources = sources._replace(
        fact=lambda name: known[name] if name in known else rules(name),
        sessions=lambda: [some_session(10_000), some_session(5, running=_HOSTILE_TEXT)],
    )
    crowd = Crowd()
    for minute in range(30, 0, -1):
        for number, connector in enumerate(("10.0.0.1", "10.0.0.2")):
            crowd.ask(minute, "shop application", 4 + 3 * number, connector=connector)
        crowd.ask(minute, HOSTILE, 2, database=b"billing")
    sources = sources._replace(edges=crowd.edges)
    usual = [a_trace(hour.store, NOW - 100 * 10**9 + number * 10**9) for number in range(30)]
    slow = a_trace(hour.store, NOW - 10**9, first=41_000)
    slowest = a_trace(hour.store, NOW - 10**9 // 2, first=4_100_000)
    large = many(NOW - 60 * 10**9, 250)
    for span in large:
        hour.store.add(span)
    pages = {
        "overview": "overview",
        "statements": "statements",
        "statement": f"statement?id={hour.shape('orders')}",
        "long-statement": f"statement?id={hour.shape('wide')}",
        "traces": "traces",
        "trace": f"trace?id={slow}",
        "slowest-trace": f"trace?id={slowest}",
        "large-trace": f"trace?id={large[0].trace_id}",
        "compare": f"compare?id={slow}",
        "compare-two": f"compare?id={slow}&with={usual[0]}",
        "sessions": "sessions",
        "session": "session?id=2117",
        "security": "security",
        "topology": "topology",
        "health": "health",
        "help": "help",
    }
    return Console("acra-server", sources), {name: f"/console/{at}" for name, at in pages.items()}


def several() -> tuple[Console, dict[str, str]]:
    """Return a console that two other servers are named to, of which one is away, and its pages."""
    here, there = Crowd(), Crowd()
    for minute in range(30, 0, -1):
        here.ask(minute, "shop application", 9, connector="10.0.0.1")
        there.ask(minute, "shop application", 3, connector="10.0.0.2")
        there.ask(minute, HOSTILE, 2, database=b"billing", outcome="error")
    sources = (
        Hour()
        .slow_since(20)
        .sources._replace(edges=here.edges, sessions=lambda: [some_session(5, number=4)])
    )
    other = Console(
        "acra-server",
        sources._replace(
            edges=there.edges,
            fact={"origin": {"service.instance.id": "two"}}.get,
            sessions=lambda: [some_session(1_420, _HOSTILE_TEXT, number=9)],
        ),
    )

    def answers(question: Question[Any]) -> Deferred[list[Other[Any]]]:
        told = question.read(*(body_of(other, path) for path in question.paths))
        return succeed(
            [
                Other("server-2:9191", "http://server-2:9191/console", told),
                Other("server-3:9191", "http://server-3:9191/console", None, "it is silent"),
            ]
        )

    pages = {
        name: f"/console/{name.partition('-')[0]}" for name in ("topology-all", "sessions-all")
    }
    return Console("acra-server", sources._replace(others=answers)), pages


def body_of(console: Console, address: str) -> bytes:
    """Return a page of a console as its bytes."""
    path, _, query = address.partition("?")
    arguments = dict(parse_qsl(query, keep_blank_values=True))
    return body(console.page(VIEWS[path.rpartition("/")[2]], arguments)).encode()


if __name__ == "__main__":
    serve([story(), several()])
