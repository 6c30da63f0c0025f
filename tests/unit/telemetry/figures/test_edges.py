"""Figures of the ways from clients to databases: bounded, by minute, and none lost."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.edges import EDGES_MAX, MINUTES, OTHERS
from tests.support.crowds import Crowd
from tests.support.hours import MINUTE, NOW
from tests.unit.telemetry.figures.test_counting import a_request

THIS = NOW // MINUTE


class Ways(SynchronousTestCase):
    def setUp(self):
        self.crowd = Crowd()

    def test_minutes_by_connector(self):
        crowd = Crowd()
        for minute in (9, 8, 3):
            crowd.ask(minute, "shop", 2, connector="10.0.0.1")
        crowd.ask(3, "direct")
        first = NOW // MINUTE
        heard = {"10.0.0.1": {first - 9, first - 8, first - 3}}
        # The same before, while and after what is over is encoded.
        self.assertEqual(crowd.edges.heard(), heard)
        crowd.jobs.run()
        self.assertEqual(crowd.edges.heard(), heard)
        self.assertEqual(Crowd().edges.heard(), {})

    def test_by_client_connector_and_database(self):
        self.crowd.ask(3, "billing", 2, connector="10.0.0.1")
        self.crowd.ask(3, "billing", 1, connector="10.0.0.2")
        self.crowd.ask(3, "jobs", 4, peer="10.0.0.7")
        self.crowd.ask(3, "jobs", 1, database=b"reports")
        self.crowd.ask(3, "", 1, peer="10.0.0.8")
        found = {
            (way.client_id, way.connector, way.peer, way.database): row.calls
            for way, row in self.crowd.rows().items()
        }
        self.assertEqual(
            found,
            {
                ("billing", "10.0.0.1", "", "shop"): 2,
                ("billing", "10.0.0.2", "", "shop"): 1,
                ("jobs", "", "", "shop"): 4,
                ("jobs", "", "", "reports"): 1,
                ("", "", "10.0.0.8", "shop"): 1,
            },
        )
        self.assertEqual({way.server for way in self.crowd.rows()}, {"db-a:5432"})

    def test_a_session_that_goes_to_another_database(self):
        self.crowd.ask(3, "jobs", 2)
        self.crowd.session("jobs").database = b"other"
        self.crowd.ask(3, "jobs", 3)
        found = {way.database: row.calls for way, row in self.crowd.rows().items()}
        self.assertEqual(found, {"shop": 2, "other": 3})

    def test_minutes_are_encoded_in_steps_and_counted_once(self):
        for number in range(20):
            self.crowd.ask(5, f"client {number}", 2)
        self.crowd.ask(4, "client 0", 1)
        for _ in range(2):
            rows = self.crowd.rows()
            self.assertEqual(sum(row.calls for row in rows.values()), 41)
            rows = self.crowd.rows(THIS - 5, THIS - 4)
            self.assertEqual(sum(row.calls for row in rows.values()), 40)
            steps = self.crowd.jobs.run()
        self.assertEqual(steps, 0)

    def test_there_are_only_so_many(self):
        for number in range(EDGES_MAX + 30):
            self.crowd.ask(5, f"client {number}")
        rows = self.crowd.rows()
        self.assertEqual(len(self.crowd.edges), EDGES_MAX + 1)
        self.assertEqual(rows[OTHERS].calls, 30)
        self.assertEqual(sum(row.calls for row in rows.values()), EDGES_MAX + 30)

    def test_ways_of_long_ago_make_room(self):
        self.crowd = Crowd(MINUTES + 10)
        for number in range(EDGES_MAX):
            self.crowd.ask(MINUTES + 10, f"client {number}")
        self.crowd.edges.tick(NOW - 2 * MINUTE)
        self.crowd.jobs.run()
        self.crowd.edges.tick(NOW - MINUTE)
        self.assertEqual(self.crowd.rows(), {})
        self.crowd.ask(1, "a new one")
        self.assertEqual([way.client_id for way in self.crowd.rows()], ["a new one"])
        # A session that was forgotten is counted all the same.
        self.crowd.ask(1, "client 7", 3)
        self.assertEqual(sum(row.calls for row in self.crowd.rows().values()), 4)

    def test_ways_whose_requests_are_not_counted_yet_are_in_use(self):
        for number in range(EDGES_MAX + 1):
            session = self.crowd.session(f"client {number}")
            run = [a_request(session, opened=NOW) for _ in range(10)]
            self.crowd.counter.exchanges_closed(run)
        self.crowd.counter.settle()
        calls = sorted(row.calls for row in self.crowd.rows().values())
        self.assertEqual(calls, [10] * (EDGES_MAX + 1))

    def test_names_are_cut(self):
        self.crowd.ask(5, "x" * 1000)
        (way,) = self.crowd.rows()
        self.assertEqual(len(way.client_id), 255)

    @given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc"), st.integers(0, 3))))
    def test_every_request_is_in_one_minute(self, asked):
        crowd = Crowd()
        for minute, client, count in sorted(asked, reverse=True):
            crowd.ask(minute, client, count)
            if count == 2:
                crowd.jobs.run()
        for minute in range(7):
            rows = crowd.rows(THIS - minute, THIS - minute + 1)
            expected = sum(count for when, _, count in asked if when == minute)
            self.assertEqual(sum(row.calls for row in rows.values()), expected)
