"""Security events from memory and from the history, as one list."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events as codes
from acra_twisted.telemetry.history.pieces import StoredEvent
from acra_twisted.telemetry.history.security import SecurityEvents
from acra_twisted.telemetry.history.service import HistoryAway
from acra_twisted.telemetry.logs.recent import RecentEvents
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.pages.pastevents import events_of
from acra_twisted.telemetry.tracing.store import SpanStore
from tests.support.incidents import line
from tests.support.pasts import History
from tests.support.stepping import returned

SECOND = 10**9
BEGAN = 1_790_000_000 * SECOND
HOUR = 3600 * SECOND


class Both(SynchronousTestCase):
    def setUp(self):
        self.recent = RecentEvents("acra-server", BEGAN)
        self.stored = SecurityEvents("acra-server")
        self.rows = []

    def happened(self, seconds, count=1, **fields):
        """So many alike ones, seconds before the daemon began or behind."""
        for number in range(count):
            one = line(when=BEGAN + seconds * SECOND + number * 10**6, **fields)
            # The history is written by the daemon of now as well.
            self.stored(one)
            if seconds >= 0:
                self.recent(one)
        # It is asked each second.
        self.rows += self.stored.take()

    def events(self, history=True, since=BEGAN - HOUR):
        self.history = History(*self.rows) if history is True else history
        past = self.history.past if self.history is not None else None
        traces = KeptTraces("acra-server", SpanStore(), past=past)
        return returned(events_of(self.recent, traces, since, BEGAN + HOUR))

    def test_older_ones_come_from_the_history_and_none_twice(self):
        self.happened(-900, 3, query="SELECT a")
        self.happened(-600, code=codes.POISON_RECORD)
        self.happened(10, 2, query="SELECT a")
        told = self.events()
        self.assertEqual(
            [
                (one.times, one.record.code, one.first // SECOND - BEGAN // SECOND)
                for one in told.found
            ],
            [(2, 560, 10), (1, 587, -600), (3, 560, -900)],
        )
        self.assertEqual((told.whole_from, told.trouble), (0, ""))
        self.assertEqual(told.found[2].record.query, "SELECT a")
        numbers = [one.number for one in told.found]
        self.assertEqual(len(set(numbers)), 3)
        self.assertEqual([one.number for one in self.events(self.history).found], numbers)

    def test_alike_ones_of_a_minute_are_one(self):
        for second in (-300, -280, -250, -200):
            self.happened(second, 2)
        told = self.events()
        self.assertEqual([one.times for one in told.found], [2, 6])

    def test_memory_alone_is_asked_where_it_is_whole(self):
        self.happened(-600)
        self.happened(5)
        self.assertEqual(len(self.events(since=BEGAN).found), 1)
        self.assertEqual(self.history.begun, 0)

    def test_without_a_history(self):
        self.happened(-600)
        self.happened(5)
        told = self.events(None)
        self.assertEqual((len(told.found), told.whole_from), (1, 0))

    def test_a_history_that_is_away(self):
        self.happened(5)
        history = History()
        history.trouble = HistoryAway("the history cannot be read: SQLITE_BUSY")
        told = self.events(history)
        self.assertEqual((len(told.found), told.whole_from), (1, BEGAN))
        self.assertIn("SQLITE_BUSY", told.trouble)

    def test_what_others_have_written_is_passed_over(self):
        rows = [
            StoredEvent(BEGAN - SECOND, BEGAN - SECOND, 1, 560, "", "", fields)
            for fields in ({"code": "x"}, {"code": 12}, {"message": 5}, {"query": ["x"]}, {})
        ]
        self.assertEqual(self.events(History(*rows)).found, [])

    def test_nothing_is_kept(self):
        traces = KeptTraces("acra-server", SpanStore())
        self.assertEqual(returned(events_of(None, traces, 0, BEGAN)).found, [])
