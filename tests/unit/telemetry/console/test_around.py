"""The session around a request."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console import requests
from acra_twisted.telemetry.console.around import around, draw
from tests.support.hours import NOW, Hour
from tests.support.livesessions import MS, a_connection, asked_by, some_session
from tests.support.stepping import returned

BEGAN = NOW - 60_000 * MS


class Around(SynchronousTestCase):
    def setUp(self):
        hour = Hour(1)
        self.store, self.sources = hour.store, hour.sources
        self.connection = a_connection(5, BEGAN)

    def keep(self, *spans):
        for span in spans:
            self.store.add(span)
        return spans[-1].trace_id

    def ask(self, at, own=True, **given):
        """Keep a request that began so many milliseconds after its session."""
        return self.keep(*asked_by(self.connection, BEGAN + at * MS, own, **given))

    def around(self, trace_id):
        records = returned(self.sources.traces.records(trace_id))
        main = requests.main_of(records)
        return returned(around(self.sources, records, main))

    def test_requests_before_and_behind(self):
        first, second, third = (self.ask(at) for at in (100, 200, 300))
        self.keep(*asked_by(a_connection(6, BEGAN), BEGAN + 150 * MS, own=True))
        self.keep(self.connection)
        found = self.around(second)
        self.assertEqual((found.number, len(found.found)), (5, 3))
        self.assertEqual((found.before.trace_id, found.behind.trace_id), (first, third))
        self.assertIsNone(self.around(first).before)
        self.assertIsNone(self.around(third).behind)

    def test_an_open_session(self):
        session = some_session(5, number=5)
        session.span = self.connection
        self.sources = self.sources._replace(sessions=lambda: [some_session(1), session])
        self.assertEqual(self.around(self.ask(100)).number, 5)

    def test_requests_of_the_trace_of_a_connection(self):
        self.ask(100, own=False)
        trace_id = self.ask(200, own=False, first=9000)
        self.keep(self.connection)
        found = self.around(trace_id)
        self.assertEqual((found.number, found.place), (5, 1))

    def test_a_request_that_is_linked_with_nothing(self):
        connection = a_connection(7, BEGAN)
        made = asked_by(connection, BEGAN, own=True)
        made[-1].links = ()
        self.assertIsNone(self.around(self.keep(*made)))

    def test_ten_seconds_are_drawn(self):
        here = self.ask(10_000)
        self.ask(11_000, status=7, verdict="deny")
        self.ask(14_900)
        self.ask(15_100)
        picture = draw(self.around(here))
        self.assertEqual(picture.count("<a "), 3)
        self.assertIn('class="f-accent" x="50%"', picture)
        self.assertIn('class="f-deny" x="60%"', picture)
        self.assertIn("3 kept requests of the session in ten seconds", picture)

    def test_many_are_drawn_in_part(self):
        for number in range(200):
            here = self.ask(10_000 + number)
        self.assertEqual(draw(self.around(here)).count("<a "), 60)
