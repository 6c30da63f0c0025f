"""Sessions are found again."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.retraced import REQUESTS_MAX, retrace, retrace_past
from acra_twisted.telemetry.history.pieces import CONNECTION
from acra_twisted.telemetry.history.service import HistoryAway
from tests.support.histories import piece, record
from tests.support.hours import NOW, Hour
from tests.support.livesessions import MS, a_connection, asked_by, some_session
from tests.support.pasts import History
from tests.support.stepping import returned

BEGAN = NOW - 60_000 * MS


class Retraced(SynchronousTestCase):
    def setUp(self):
        hour = Hour(1)
        self.store, self.sources = hour.store, hour.sources
        self.connection = a_connection(5, BEGAN)

    def keep(self, *spans):
        for span in spans:
            self.store.add(span)

    def found(self, number=5):
        return returned(retrace(self.sources, number))

    def starts(self):
        return [(one.record["start"] - BEGAN) // MS for one in self.found().requests]

    def test_requests_of_its_trace_and_linked_ones(self):
        self.keep(*asked_by(self.connection, BEGAN + 9 * MS, own=True))
        self.keep(*asked_by(self.connection, BEGAN + 2 * MS))
        self.keep(*asked_by(a_connection(6, BEGAN), BEGAN + 3 * MS))
        self.keep(*asked_by(a_connection(7, BEGAN), BEGAN + 4 * MS, own=True))
        self.keep(self.connection)
        self.assertEqual(self.starts(), [2, 9])
        found = self.found()
        self.assertIsNone(found.live)
        self.assertEqual(found.connection["attributes"]["acra.session_id"], 5)
        for one in found.requests:
            self.assertAlmostEqual(one.layers["censor"], 0.2)
            self.assertAlmostEqual(sum(one.layers.values()), 2.8)

    def test_one_that_is_open(self):
        session = some_session(5, number=5)
        session.span = a_connection(5, BEGAN, ended=False)
        self.sources = self.sources._replace(sessions=lambda: [some_session(1), session])
        self.assertEqual(self.found().requests, [])
        self.assertEqual(self.found().live["session_id"], 5)
        self.keep(*asked_by(session.span, BEGAN + MS))
        self.assertEqual(self.starts(), [1])

    def test_nothing_is_kept(self):
        self.assertIsNone(self.found())
        self.keep(*asked_by(self.connection, BEGAN))
        self.assertIsNone(self.found())

    @given(st.integers(1, 400))
    def test_the_newest_ones_are_found(self, count):
        self.setUp()
        self.keep(self.connection)
        for number in range(count):
            # The request alone: a trace has so many spans at most.
            self.keep(asked_by(self.connection, BEGAN + number * MS)[-1])
        found = self.found()
        self.assertEqual(len(found.requests), min(count, REQUESTS_MAX))
        self.assertEqual(len(found.requests) + found.left_out, count)
        self.assertEqual(found.requests[-1].record["start"], BEGAN + (count - 1) * MS)


def stored(number, connection, **changes):
    """A request of a connection, with a trace of its own."""
    trace_id, start = f"{number:032x}", BEGAN + number * MS
    span = record(number, trace_id, start, start + MS, **{"acra.verdict": "allow"})
    return piece(
        number,
        trace_id=trace_id,
        connection=connection,
        start=start,
        took=MS,
        spans=[span],
        **changes,
    )


class FromHistory(SynchronousTestCase):
    """Sessions of which memory has nothing any longer, or only a part."""

    def setUp(self):
        hour = Hour(1)
        self.store, self.sources = hour.store, hour.sources

    def keep(self, *batch):
        self.history = History(*batch)
        self.sources.traces.past = self.history.past

    def test_a_session_of_before_the_start(self):
        own = "c" * 32
        opened = record(99, own, BEGAN, BEGAN + 50 * MS, **{"acra.session_id": 7})
        self.keep(
            *(stored(number, own) for number in (3, 1, 2)),
            stored(8, "d" * 32),
            piece(99, kind=CONNECTION, trace_id=own, connection=own, spans=[opened]),
        )
        for trace_id in (f"{2:032x}", own):
            found = returned(retrace_past(self.sources, trace_id))
            self.assertEqual(
                [(one.record["start"] - BEGAN) // MS for one in found.requests], [1, 2, 3]
            )
            self.assertEqual(found.connection["attributes"]["acra.session_id"], 7)
            self.assertIsNone(found.live)

    def test_older_requests_of_one_that_memory_has(self):
        connection = a_connection(5, BEGAN)
        self.store.add(connection)
        for span in asked_by(connection, BEGAN + 9 * MS):
            self.store.add(span)
        self.keep(stored(1, connection.trace_id), stored(2, connection.trace_id))
        found = returned(retrace(self.sources, 5))
        self.assertEqual([(one.record["start"] - BEGAN) // MS for one in found.requests], [1, 2, 9])

    def test_nothing_is_kept(self):
        self.assertIsNone(returned(retrace_past(self.sources, "1" * 32)))
        self.keep()
        self.assertIsNone(returned(retrace_past(self.sources, "1" * 32)))

    def test_a_history_that_is_away(self):
        self.keep(stored(1, "c" * 32))
        self.history.trouble = HistoryAway("it is locked")
        self.assertIsNone(returned(retrace_past(self.sources, f"{1:032x}")))
