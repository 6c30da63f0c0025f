"""Strips of the last minute."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.strips import REQUESTS_MAX, Part, draw, recent
from tests.support.hours import NOW, Hour
from tests.support.livesessions import MS, a_connection, asked_by
from tests.support.recordings import record
from tests.support.stepping import returned

MOMENTS = st.integers(NOW - 90_000 * MS, NOW + MS)


class Strips(SynchronousTestCase):
    def test_requests_of_a_connection(self):
        hour = Hour(1)
        one, other = a_connection(5, NOW), a_connection(6, NOW)
        for connection, at, own in ((one, 50, True), (one, 40, False), (other, 30, True)):
            for span in asked_by(connection, NOW - at * 1000 * MS, own=own):
                hour.store.add(span)
        found = returned(recent(hour.sources, {one.span_id: 5}, NOW))
        self.assertEqual(list(found), [5])
        self.assertEqual([(NOW - part.start) // MS for part in found[5]], [50_000, 40_000])

    def test_plain_requests_of_a_connection(self):
        hour = Hour(1)
        one, other = a_connection(5, NOW), a_connection(6, NOW)
        ids = [(one, 50), (other, 40), (one, 90)]
        requests = []
        for connection, at in ids:
            request = record(1, start=NOW - at * 1000 * MS, links=0)
            request.span.add_link(connection.trace_id, connection.span_id)
            requests.append(request)
            hour.store.add_recorded(request)
        found = returned(recent(hour.sources, {one.span_id: 5}, NOW))
        self.assertEqual(found, {5: [Part(NOW - 50_000 * MS, requests[0].end, "dbfirst")]})

    def test_old_ones_are_left_out_and_few_are_kept(self):
        hour = Hour(1)
        one = a_connection(5, NOW)
        for number in range(100):
            for span in asked_by(one, NOW - number * 1000 * MS, own=True):
                hour.store.add(span)
        found = returned(recent(hour.sources, {one.span_id: 5}, NOW))[5]
        self.assertEqual(len(found), REQUESTS_MAX)
        self.assertEqual(found[-1].start, NOW)

    def test_what_it_does_now(self):
        picture = draw([], NOW, "dbfirst", 15_000)
        self.assertIn('class="f-dbfirst" d="M180 5h60v12h-60z"', picture)
        self.assertIn('class="f-other" d="M0 14h240v3h-240z"', draw([], NOW, "other", 1e9))
        self.assertEqual(draw([], NOW, "", 0).count("<path"), 1)

    @given(
        st.lists(
            st.builds(lambda a, b: Part(min(a, b), max(a, b), "dbfirst"), MOMENTS, MOMENTS),
            max_size=REQUESTS_MAX,
        ),
        st.sampled_from(["", "other", "censor"]),
        st.floats(0, 1e12),
    )
    def test_any_times(self, parts, state, since):
        picture = draw(parts, NOW, state, since)
        self.assertLess(len(picture), 900)
        self.assertNotIn("M-", picture)
