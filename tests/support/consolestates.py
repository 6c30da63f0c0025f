"""Consoles in states that are rare: nothing yet, long times, a history that is away, many servers.

As a program it serves them: see `consoleserver`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed

from acra_twisted.session import Identity
from acra_twisted.telemetry.console.otherservers import Other, Question
from acra_twisted.telemetry.console.site.frame import PREFIX, Console
from acra_twisted.telemetry.history.service import HistoryAway
from acra_twisted.telemetry.logs.recent import RecentEvents
from acra_twisted.telemetry.pages.kept import KeptTraces
from tests.support.consoleserver import serve
from tests.support.consolestory import body_of
from tests.support.crowds import Crowd
from tests.support.hours import NOW, Hour
from tests.support.incidents import planted
from tests.support.kepttraces import a_trace
from tests.support.livesessions import some_session
from tests.support.pasts import History
from tests.support.vitals import facts

#: The id of a client by its certificate, and the name in that.
DIGEST = "7c1f0a52" * 8
_PEERS = {
    "since": 0,
    "peers": [
        {
            "client_id": DIGEST,
            "peer": "10.20.0.12",
            "certificate": "CN=reports worker,O=Shop",
            "first": NOW - 10**12,
            "last": NOW,
            "logins": 3,
        }
    ],
}
_SERVERS = 8


def nothing() -> tuple[Console, dict[str, str]]:
    """Return the console of a daemon that has just begun, and its pages."""
    hour = Hour(0)
    known = facts()
    sources = hour.sources._replace(
        events=RecentEvents("acra-server", NOW), fact=known.get, edges=Crowd(0).edges
    )
    views = ("overview", "statements", "traces", "compare", "sessions", "security", "topology")
    return Console("acra-server", sources), {f"{one}-nothing": PREFIX + one for one in views}


def long() -> tuple[Console, dict[str, str]]:
    """Return a console with long times, a client with a certificate, and a history that is away."""
    hour = Hour(6 * 60)
    for minute in range(6 * 60 - 1, 0, -10):
        hour.pass_to(minute)
        hour.ask(minute, b"SELECT owner FROM account WHERE id = 7", 9, first=200 * minute)
    history = History()
    history.trouble = HistoryAway("the history's file is locked by another program")
    for number in range(30):
        a_trace(hour.store, NOW - 10**11 + number * 10**9, client_id=DIGEST)
    a_trace(hour.store, NOW - 10**9, client_id=DIGEST, first=90_000, slow=True)
    live = some_session(20_000, b"SELECT a FROM t", number=9)
    live.identity = Identity(DIGEST, "10.20.0.12", True, certificate="CN=reports worker,O=Shop")
    sources = planted(hour.sources, NOW)
    rules = sources.fact
    sources = sources._replace(
        traces=KeptTraces("acra-server", hour.store, past=history.past),
        sessions=lambda: [live],
        fact=lambda name: _PEERS if name == "peers" else rules(name),
    )
    shape = hour.shape("account")
    pages = {
        "overview-long": "overview?range=30d",
        "statements-long": "statements?range=24h",
        "statement-long": f"statement?id={shape}&range=30d",
        "security-long": "security?range=30d",
        "traces-away": "traces",
        "sessions-certificate": "sessions",
    }
    return Console("acra-server", sources), {name: PREFIX + at for name, at in pages.items()}


def many() -> tuple[Console, dict[str, str]]:
    """Return a console to which more servers are named than a picture has room for, one of them
    away, and its pages."""
    each = []
    for number in range(_SERVERS):
        crowd = Crowd()
        for minute in range(30, 0, -1):
            crowd.ask(minute, "shop application", 3 + number, connector=f"10.0.{number}.1")
        instance = {"service.instance.id": f"server {number}"}
        sources = Hour(60).sources._replace(
            edges=crowd.edges,
            fact={"origin": instance}.get,
            sessions=lambda number=number: [some_session(100 * number, number=number)],
        )
        each.append(sources)
    own, *others = each

    def answers(question: Question[Any]) -> Deferred[list[Other[Any]]]:
        told: list[Other[Any]] = [
            Other("db-x:9191", "http://db-x:9191/console", None, "it is silent")
        ]
        for number, other in enumerate(others, 1):
            at = f"server-{number}:9191"
            console = Console("acra-server", other)
            read = question.read(*(body_of(console, path) for path in question.paths))
            told.append(Other(at, f"http://{at}/console", read))
        return succeed(told)

    named = Console("acra-server", own._replace(others=answers))
    return named, {"topology-many": f"{PREFIX}topology", "sessions-many": f"{PREFIX}sessions"}


if __name__ == "__main__":
    serve([nothing(), long(), many()])
