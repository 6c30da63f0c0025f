"""No page is larger than its budget, whatever comes from outside: names and statements of
characters that take most room as HTML, and as many of everything as there can be."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.console.site.frame import VIEWS, Console
from acra_twisted.telemetry.logs.recent import RecentEvents
from tests.support.crowds import Crowd
from tests.support.hours import MINUTE, NOW, Hour
from tests.support.incidents import line, rule
from tests.support.kepttraces import many, spans_of
from tests.support.livesessions import a_connection, asked_by, some_session
from tests.support.vitals import certificate, exporter, facts, peer_certificate, secrets, setting
from tests.support.webpages import body

#: Bytes of a page at most.
BUDGET = 60_000
#: A mark that turns the direction of a text is shown as its number; quotes and angles are escaped.
TURNED, QUOTED = "\N{RIGHT-TO-LEFT OVERRIDE}", '"&<'
_STATEMENT = 5000


def statement(mark, number):
    """A statement of 5 kB, one of many alike."""
    name = (mark * _STATEMENT)[: _STATEMENT // len(mark.encode())]
    return f"SELECT `{name}` FROM part_{number}".encode()


class Story:
    """An hour in which all that has a name has a long one, of ``mark``, or ``name``."""

    def __init__(self, mark, name=""):
        self.name = name or (mark * 256)[:256]
        # Ids of clients are letters and digits.
        self.client = f"client %03d {'' if name else 'W' * 245}"
        self.hour = Hour()
        self.texts = [
            f"SELECT {name} FROM part_{number} WHERE id = ?"
            if name
            else statement(mark, number).decode()
            for number in range(40)
        ]
        self.hour.session.database = self.name[:64].encode()
        for minute in (90, 3):
            self.hour.pass_to(minute)
            for text in self.texts:
                self.hour.ask(minute, text.encode(), 2, opening=20, first=1000 * minute)
            self.hour.ask(minute, b"CREATE TABLE part_1 (a int)")
        self.spans()
        self.recent = RecentEvents("acra-server")
        self.events()
        crowd = Crowd()
        for number in range(40):
            crowd.ask(
                70 if number % 2 else 2,
                self.client % number,
                2 + number,
                connector=f"10.0.{number}.1",
                database=f"{number}{self.name[:60]}".encode(),
                outcome="denied" if number % 3 else "error",
            )
        self.edges = crowd.edges

    def known(self, number):
        """Attributes of a request."""
        return {
            "summary": self.name,
            "client_id": self.client % (number % 40),
            "tag.application": self.name,
            "tag.route": self.name,
            "plan": self.name,
            "denied_by": self.name,
            "censor.rule": self.name,
            "censor.place": self.name,
        }

    def keep(self, made, number):
        """Keep spans, with a long statement."""
        for span in made:
            if "db.query.text" in span.attributes:
                span.attributes["db.query.text"] = self.texts[number % 40]
                span.attributes["db.namespace"] = self.name[:64]
                span.attributes["user.name"] = self.name
            self.hour.store.add(span)

    def spans(self):
        """Keep traces, a session and a trace of a thousand spans."""
        for number in range(200):
            ends = {0: {"verdict": "deny", "status": 7}, 1: {"status": 2}, 2: {"slow": True}}
            made = spans_of(
                NOW - MINUTE - number * 10**8, **self.known(number), **ends.get(number % 4, {})
            )
            self.keep(made, number)
            self.trace = made[0].trace_id
        connection = a_connection(5, NOW - 9 * 10**9, reason=self.name)
        for number in range(200):
            start = NOW - 8 * 10**9 + number * 10**7
            given = {"verdict": "deny", "status": 7} if number % 2 else {"poison_records": 3}
            self.keep(asked_by(connection, start, own=True, **self.known(number), **given), number)
        self.hour.store.add(connection)
        large = many(NOW - 60 * 10**9, 250, **self.known(1))
        for number, span in enumerate(large):
            # They are not alike, so none stands for others.
            span.name = f"{number} {self.name}"[:255]
        self.keep(large, 1)
        self.large, self.inner = large[0].trace_id, large[7].span_id

    def events(self):
        """Let all kinds of events happen."""
        codes = (events.QUERY_NOT_ALLOWED, events.POISON_RECORD, events.LOGIN_REFUSED)
        for number in range(900):
            self.recent(
                line(
                    codes[number % 3],
                    NOW - (900 - number) * 3 * 10**9,
                    client_id=self.client % (number % 40),
                    certificate=self.name,
                    user=self.name,
                    database=self.name,
                    stage=self.name,
                    rule=self.name,
                    error=f"{number} {self.name}",
                    column=self.name,
                    row=number,
                    query=self.texts[number % 40],
                    session_id=5,
                    trace_id=f"{number:032x}",
                )
            )

    def facts(self):
        """Facts of a daemon in which all is wrong."""
        mine = facts(
            certificates=[certificate(9, self.name) for _ in range(60)],
            peers_certificates=[peer_certificate(9, self.name) for _ in range(60)],
            authentication=[{**secrets(self.name), "listener": self.name} for _ in range(16)],
            exporters=[exporter(self.name, self.name, dropped_failed=3) for _ in range(8)],
            stages=[{"stage": self.name, "failures": 3, "last": NOW} for _ in range(12)],
            changes=[{"time": NOW, "kind": "reload failed", "text": self.name} for _ in range(40)],
            warnings={"insecure": [self.name] * 40, "advice": [self.name] * 40},
            listeners=[
                {"option": "incoming_connection_string", "at": self.name, "open": False}
                for _ in range(16)
            ],
            settings=[
                setting(f"a_setting_with_a_long_name_{n}", self.name, "file", f"{self.name}:{n}")
                for n in range(300)
            ],
            pools={f"connections of {n}": (9_500, 10_000) for n in range(40)},
        )
        mine["peers"] = {
            "since": 0,
            "peers": [
                {
                    "client_id": self.client % number,
                    "peer": f"10.0.{number}.{other}",
                    "certificate": f"CN={self.name}",
                    "first": NOW - MINUTE,
                    "last": NOW,
                    "logins": 3,
                }
                for number in range(40)
                for other in range(20)
            ],
        }
        mine["rules"] = [
            rule(
                number,
                "deny",
                "pattern",
                f"/etc/acra/{self.name}.yaml:{number}",
                number,
                last=NOW,
                clients={self.client % one: 3 for one in range(8)},
                hours=[{"start": NOW - one * 60 * MINUTE, "count": 3} for one in range(24)],
            )
            for number in range(80)
        ]
        return mine

    def sessions(self):
        """Sessions that wait, all of them."""
        made = []
        for number in range(60):
            text = self.texts[number % 40].encode()
            session = some_session(900 + number, text, last=text, number=number, transaction=5000)
            session.user = session.database = self.name.encode()
            session.identity.client_id = self.client % (number % 40)
            session.identity.certificate = self.name
            made.append(session)
        return made

    def console(self):
        """The console of it."""
        known, sessions = self.facts(), self.sessions()
        return Console(
            "acra-server",
            self.hour.sources._replace(
                fact=known.get,
                sessions=lambda: sessions,
                events=self.recent,
                edges=self.edges,
                link_template="https://elsewhere.example/trace/{trace_id}",
            ),
        )

    def arguments(self):
        """The arguments of views, several of some."""
        shape = self.hour.shape("part_7")
        return {
            "statement": [{"id": shape}],
            "statements": [{}, {"q": "part", "sort": "calls"}],
            "traces": [{}, {"verdict": "deny", "client_id": self.client % 1}],
            "trace": [{"id": self.trace}, {"id": self.large}]
            + [{"id": self.large, "span": self.inner}],
            "compare": [{"id": self.trace}, {"id": self.trace, "with": self.large}],
            "sessions": [{}, {"client": self.client % 1}],
            "session": [{"id": "5"}],
            "security": [{}, {"by": "client"}, {"by": "rule"}],
            "topology": [{}, {"range": "1h", "show": "p95"}],
            "health": [{}, {"show": "all"}],
        }


class Sizes(SynchronousTestCase):
    def sizes(self, mark):
        """The sizes of pages by their names and arguments."""
        story = Story(mark)
        console, given = story.console(), story.arguments()
        return {
            (name, number): len(body(console.page(view, {**arguments})).encode())
            for name, view in VIEWS.items()
            for number, arguments in enumerate(given.get(name, [{}]))
        }

    def test_marks_that_turn_a_text(self):
        self.small(self.sizes(TURNED))

    def test_quotes_and_angles(self):
        self.small(self.sizes(QUOTED))

    def test_no_row_is_left_out_where_names_are_ordinary(self):
        story = Story("x", "orders")
        for view, arguments, rows in (
            ("session", {"id": "5"}, 28),
            ("security", {}, 26),
            ("trace", {"id": story.large}, 60),
            ("traces", {}, 20),
            ("statements", {}, 25),
            ("sessions", {}, 30),
        ):
            page = body(story.console().page(VIEWS[view], arguments))
            self.assertGreaterEqual(page.count("</tr>"), rows, view)

    def small(self, sizes):
        self.assertEqual({page: size for page, size in sizes.items() if size > BUDGET}, {})
