"""Clients and statements with values that could not be opened."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.pipeline.observers import Observers
from acra_twisted.session import Identity
from acra_twisted.telemetry.pages.unopened import UNOPENED_MAX, Unopened
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import a_request

_COLUMN = object()


class Noted(SynchronousTestCase):
    def a_request(self, client, table="card"):
        session = make_session()
        session.identity = Identity(client, "10.0.0.1", False)
        return a_request(session, b"SELECT number FROM %s WHERE id = 'secret'" % table.encode())

    @given(
        st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 3))),
    )
    def test_each_pair_has_its_first_last_and_number(self, reads):
        clock = iter(range(1000))
        noted = Unopened(lambda: next(clock))
        observers = Observers([noted])
        expected, time = {}, 0
        for client, table, failed in reads:
            observers.containers_read(self.a_request(client, table), "acrablock", 5, failed)
            if failed:
                first, _, before = expected.get((client, table), (time, 0, 0))
                expected[client, table] = (first, time, before + failed)
                time += 1
        told = noted.shown()
        found = {
            (one["client_id"], one["summary"].split()[-1]): tuple(
                one[name] for name in ("first", "last", "values")
            )
            for one in told
        }
        self.assertEqual(found, expected)
        lasts = [one["last"] for one in told]
        self.assertEqual(lasts, sorted(lasts, reverse=True))
        self.assertNotIn("secret", str(told))

    def test_values_of_columns(self):
        noted = Unopened(lambda: 7)
        observers = Observers([noted])
        request = self.a_request("ann")
        observers.column_values(request, {(_COLUMN, "failed"): 2, (_COLUMN, "opened"): 9})
        observers.exchange_closed(request)
        observers.catch_up()
        (one,) = noted.shown()
        self.assertEqual((one["client_id"], one["values"], one["first"]), ("ann", 2, 7))

    def test_a_request_without_a_text(self):
        noted = Unopened(lambda: 7)
        noted.containers_read(a_request(make_session(), None), "acrablock", 0, 1)
        self.assertEqual(len(noted), 1)

    def test_bounded_and_those_seen_last_are_kept(self):
        noted = Unopened(lambda: 0)
        for number in (*range(UNOPENED_MAX), 0, "new"):
            noted.containers_read(self.a_request(str(number)), "acrablock", 0, 1)
        known = {one["client_id"] for one in noted.shown()}
        self.assertEqual(len(noted), UNOPENED_MAX)
        self.assertIn("0", known)
        self.assertIn("new", known)
        self.assertNotIn("1", known)
