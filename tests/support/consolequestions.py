"""Situations that the console is asked about, planted: those of ``docs/console-questions.rst``.

As a program it serves them: see `consoleserver`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from acra_twisted import events
from acra_twisted.telemetry.console.site.frame import PREFIX, Console
from acra_twisted.telemetry.console.view import Sources
from acra_twisted.telemetry.logs.recent import RecentEvents
from tests.support.consoleserver import serve
from tests.support.crowds import Crowd
from tests.support.hours import ACCOUNT, CARD, MINUTE, NOW, ORDERS, Hour
from tests.support.incidents import SECOND, line, planted
from tests.support.kepttraces import a_trace
from tests.support.livesessions import MS, a_connection, asked_by
from tests.support.vitals import certificate, exporter, facts


class Question(NamedTuple):
    """A planted situation, and where the answer is: the name of a view, its arguments, and the part
    of its page."""

    sources: Sources
    view: str
    arguments: Mapping[str, str]
    part: str = ""

    @property
    def console(self) -> Console:
        """A console with the situation."""
        return Console("acra-server", self.sources)

    @property
    def address(self) -> str:
        """Where it is shown, without a host."""
        given = "&".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{PREFIX}{self.view}" + f"?{given}" * bool(given) + self.part


def often() -> Question:
    """Three statements run often, less often and seldom."""
    hour = Hour()
    for minute in range(119, 0, -1):
        hour.pass_to(minute)
        hour.ask(minute, ACCOUNT, 18)
        hour.ask(minute, ORDERS, 6, first=2_900)
        hour.ask(minute, CARD, 1, opening=3_900)
    hour.ask(1, b"SELECT line FROM audit", 2)
    return Question(hour.sources, "statements", {"sort": "calls"})


def longest() -> Question:
    """One statement has much to decrypt, and another waits for the database."""
    return Question(often().sources, "statements", {"sort": "mean"})


def similar() -> Question:
    """Thirty traces of a statement are alike, and one waits long for the database."""
    hour = Hour(1)
    for number in range(30):
        a_trace(hour.store, NOW - (100 - number) * SECOND, rows=400 + 7 * number)
    slow = a_trace(hour.store, NOW - SECOND, first=41_000)
    return Question(hour.sources, "compare", {"id": slow})


def balancer() -> Question:
    """Three connectors behind a balancer, one of which gets most requests."""
    crowd = Crowd()
    for minute in range(60, 0, -1):
        late = minute <= 5
        for client in ("shop application", "reports worker"):
            for number, share in enumerate((34, 8, 6) if late else (16, 16, 16)):
                crowd.ask(minute, client, share, connector=f"10.20.0.{21 + number}")
    hour = Hour(60)
    hour.ask(3, ACCOUNT, 480)
    return Question(hour.sources._replace(edges=crowd.edges), "topology", {})


def rules() -> Question:
    """A rule that allows never did, and one stands behind a handler that decides everything."""
    return Question(planted(Hour().sources, NOW), "security", {}, "#c-rules")


def monitoring() -> Question:
    """Soon a certificate ends, and a collector is away."""
    hour = Hour()
    for minute in range(60, 0, -1):
        hour.pass_to(minute)
        hour.ask(minute, ACCOUNT, 9)
    trouble = exporter(trouble="connection refused", dropped_failed=311)
    known = facts(certificates=[certificate(9)], exporters=[trouble])
    return Question(hour.sources._replace(fact=known.get), "health", {})


def alerting() -> Question:
    """A stage has become slow."""
    hour = Hour()
    for minute in range(119, 0, -1):
        hour.pass_to(minute)
        hour.ask(minute, ACCOUNT, 9, censor=60_000 if minute <= 20 else 200)
        hour.ask(minute, ORDERS, 2, first=2_900)
    return Question(hour.sources, "overview", {})


def siem() -> Question:
    """Somebody tries passwords."""
    recent = RecentEvents("acra-server")
    for number in range(14):
        recent(
            line(
                events.LOGIN_REFUSED,
                NOW - 9 * MINUTE + 2 * number * SECOND,
                client_id="",
                peer="10.20.0.31",
                stage="",
                rule="password",
                error="wrong password, or no such role (28P01)",
                log_format="The database refused the login",
                session_id=900,
            )
        )
    return Question(Hour().sources._replace(events=recent), "security", {"kind": "refused"})


def incident() -> Question:
    """A stolen client reads, tries what is denied, and reads a poison record."""
    hour = Hour(1)
    recent = RecentEvents("acra-server")
    began = NOW - 60_000 * MS
    connection = a_connection(2117, began, reason="poison_stop_session_enable")
    connection.attributes["acra.client_id"] = "reports worker"

    def asks(after: int, text: str, **given: object) -> str:
        given.update(client_id="reports worker", summary=f"SELECT {text.rpartition(' ')[2]}")
        made = asked_by(connection, began + after * MS, own=True, **given)
        for span in made:
            if "db.query.text" in span.attributes:
                span.attributes["db.query.text"] = text
                if not given.get("rows", 1):
                    del span.attributes["db.response.returned_rows"]
            hour.store.add(span)
        return made[-1].trace_id

    denied = {"verdict": "deny", "denied_by": "censor", "status": 7, "first": 0, "rows": 0}
    asks(19, "SELECT id, total FROM orders")
    for after in (600, 3100):
        trace_id = asks(after, "SELECT amount FROM salaries", **denied)
        recent(
            line(
                when=began + after * MS,
                query="SELECT amount FROM salaries",
                error="handler 4: table salaries",
                rule="deny.table",
                client_id="reports worker",
                peer="10.20.0.99",
                trace_id=trace_id,
                session_id=2117,
            )
        )
    asks(9_000, "SELECT owner FROM account")
    trace_id = asks(
        14_200, "SELECT number FROM card", poison_records=1, verdict="poison", opening=300
    )
    recent(
        line(
            events.POISON_RECORD,
            began + 14_200 * MS,
            client_id="reports worker",
            peer="10.20.0.99",
            query="SELECT number FROM card",
            stage="poison",
            log_format="Recognized poison record",
            records=1,
            row=1208,
            column="number",
            trace_id=trace_id,
            session_id=2117,
        )
    )
    connection.end = began + 14_300 * MS
    hour.store.add(connection)
    return Question(hour.sources._replace(events=recent), "session", {"id": "2117"})


#: The questions by the names of their sections and pictures, in the order of the page.
QUESTIONS: Mapping[str, Callable[[], Question]] = {
    made.__name__: made
    for made in (
        often,
        longest,
        similar,
        balancer,
        rules,
        monitoring,
        alerting,
        siem,
        incident,
    )
}


if __name__ == "__main__":
    found = {name: made() for name, made in QUESTIONS.items()}
    serve((one.console, {name: one.address}) for name, one in found.items())
