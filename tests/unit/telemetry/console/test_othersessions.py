"""The sessions of servers as they tell each other of them."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console import othersessions
from acra_twisted.telemetry.console.otherservers import Other, Unreadable
from acra_twisted.telemetry.console.othersessions import ROWS_MAX, read, together
from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import sessions
from tests.support.hours import Hour
from tests.support.livesessions import MOMENT, MS, a_connection, asked_by, some_session
from tests.support.stepping import returned
from tests.support.webpages import body
from tests.unit.telemetry.console.test_otherservers import JSON

ORDERS = b"SELECT a FROM orders WHERE b = 'secret'"
AWAY = Other("away:1", "http://away:1/console", None, "it is away")


class Base(SynchronousTestCase):
    """A server, and others."""

    def sources(self, live, instance="a", hour=None):
        facts = {"origin": {"service.instance.id": instance}}
        return (hour or Hour(1)).sources._replace(sessions=lambda: list(live), fact=facts.get)

    def told(self, live, instance="b", hour=None, **arguments):
        """Another server's answer, as bytes."""
        console = Console("acra-server", self.sources(live, instance, hour))
        asked = {"servers": "this", "format": "json", **arguments}
        return body(console.page(sessions.VIEW, asked)).encode()

    def view(self, live, there, **arguments):
        def answers(question):
            self.path = question.paths[0]
            one = Other("b:1", "http://b:1/console", question.read(there))
            return succeed([one, one._replace(at="again:1"), AWAY])

        sources = self.sources(live)._replace(others=answers)
        self.page = body(Console("acra-server", sources).page(sessions.VIEW, arguments))
        wanted = sessions.asked(arguments, 0)
        return sessions.as_json(returned(sessions.gather(sources, wanted)))


class Servers(Base):
    def test_sessions_of_all_servers(self):
        here = [some_session(5, number=1), some_session(900, ORDERS, number=2)]
        there = [some_session(1420, ORDERS, number=2), some_session(20_000, transaction=20_000)]
        data = self.view(here, self.told(there))
        self.assertIn("which=all&client=&servers=this", self.path)
        rows = [(row["server"], row["session_id"]) for row in data["sessions"]]
        self.assertEqual(rows, [("b:1", 7), ("b:1", 2), ("", 2), ("", 1)])
        self.assertEqual((data["states"]["database"], data["fitting"]), (2, 4))
        self.assertEqual(data["transactions"], 1)
        text = data["answer"]["text"]
        self.assertIn("2 of 4 sessions wait for the database, one of them for 1.42 s", text)
        self.assertIn("session 2 at b:1 of client", text)
        self.assertIn("(session 7 at b:1, last statement", text)
        self.assertIn('href="http://b:1/console/session?id=2"', self.page)
        self.assertIn('href="/console/session?id=2"', self.page)
        self.assertIn("without those of away:1", self.page)
        self.assertEqual([one["at"] for one in data["servers"]], ["b:1", "again:1", "away:1"])
        self.assertNotIn("secret", self.page + str(data))

    def test_who_is_away_is_told_and_this_one_alone(self):
        data = self.view([some_session(5)], self.told([]))
        self.assertEqual(data["answer"]["rules"], ["away"])
        data = self.view([some_session(5)], self.told([some_session(5)]), servers="this")
        self.assertEqual((data["fitting"], data["answer"]["rules"]), (1, ["nothing"]))
        self.assertIn('aria-label="Servers"', self.page)

    def test_a_server_that_is_this_one_counts_once(self):
        there = self.told([some_session(5)], instance="a")
        self.assertEqual(self.view([some_session(5)], there)["fitting"], 1)

    def test_the_last_minute_is_set_against_this_clock(self):
        hour = Hour(1)
        session = some_session(20, number=5)
        session.span = a_connection(5, MOMENT - 90_000 * MS, ended=False)
        for span in asked_by(session.span, MOMENT - 30_000 * MS, own=True, verdict="deny"):
            hour.store.add(span)
        there = json.loads(self.told([session], hour=hour))
        late = 7_000 * MS
        there["now"] += late
        for part in there["sessions"][0]["last_minute"]:
            part["start"] += late
        data = self.view([], json.dumps(there).encode())
        (part,) = data["sessions"][0]["last_minute"]
        self.assertEqual((part["start"], part["look"]), (MOMENT - 30_000 * MS, "deny"))

    @given(st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), max_size=90))
    def test_any_parts_add_up_as_the_whole_does(self, ages):
        live = [
            some_session(age, ORDERS if runs else b"", number=n)
            for n, (age, runs) in enumerate(ages)
        ]
        whole = read(self.told(live))
        parts = [read(self.told(live[n::3])) for n in range(3)]
        found = together(parts)
        self.assertEqual(found.states, whole.states)
        self.assertEqual((found.fitting, found.transactions), (len(ages), 0))
        self.assertEqual(
            [row["state_ms"] for row in found.rows], [row["state_ms"] for row in whole.rows]
        )
        self.assertEqual(
            {state: row["state_ms"] for state, row in found.longest.items()},
            {state: row["state_ms"] for state, row in whole.longest.items()},
        )


class Read(Base):
    """Answers of others are not trusted."""

    def changed(self, **changes):
        told = json.loads(self.told([some_session(5, ORDERS)]))
        return {**told, **changes}

    def test_what_is_no_answer(self):
        row = self.changed()["sessions"][0]
        part = {"start": 5, "took_ms": 1.0, "look": "deny"}
        for wrong in (
            {"states": []},
            {"longest": None},
            {"states": {"idle": -1}},
            {"now": 1.5},
            {"sessions": [row] * (ROWS_MAX + 1)},
            {"sessions": [{**row, "state": "lost"}]},
            {"sessions": [{**row, "state": []}]},
            {"sessions": [{**row, "user": "x" * 301}]},
            {"sessions": [{**row, "statement": "x" * 1025}]},
            {"sessions": [{**row, "peer": "\ud800"}]},
            {"sessions": [{**row, "state_ms": float("nan")}]},
            {"sessions": [{**row, "seconds": 1e300}]},
            {"sessions": [{**row, "last_minute": [part] * 17}]},
            {"sessions": [{**row, "last_minute": [{**part, "look": "x"}]}]},
            {"longest": {"idle": {**row, "session_id": True}}},
        ):
            with self.assertRaises(Unreadable, msg=str(wrong)[:60]):
                read(json.dumps(self.changed(**wrong)).encode())

    def test_hostile_texts_are_shown_as_texts(self):
        row = self.changed()["sessions"][0]
        names = {"client_id": "<b>", "user": "\u202e", "trace_id": '"><i>', "shape": "&x=1"}
        there = self.changed(sessions=[{**row, **names}], longest={})
        self.view([], json.dumps(there).encode())
        self.assertNotIn("<i>", self.page)
        self.assertNotIn("<b>", self.page.partition("<tbody")[2])
        self.assertNotIn("\u202e", self.page)
        self.assertIn("trace?id=%22%3E%3Ci%3E", self.page)

    @given(JSON)
    def test_any_json_is_read_or_refused(self, value):
        for name in ("states", "longest", "now", "sessions", "transactions"):
            for told in ({**WHOLE, name: value}, {**WHOLE, name: [value]}, value):
                try:
                    found = read(json.dumps(told).encode())
                except Unreadable:
                    continue
                othersessions.as_json(found)

    @given(st.binary())
    def test_any_bytes_are_refused(self, data):
        self.assertRaises(Unreadable, read, data)


WHOLE = {
    "states": {},
    "longest": {},
    "now": 5,
    "transactions": 0,
    "fitting": 0,
    "sessions": [],
}
