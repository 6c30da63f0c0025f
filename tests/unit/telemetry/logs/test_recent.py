"""The last security events, alike ones of a minute as one."""

import threading

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.logs.recent import RECENT_MAX, RecentEvents
from tests.support.incidents import SECOND, line

NOW = 1_700_000_000 * SECOND


class Recent(SynchronousTestCase):
    def setUp(self):
        self.recent = RecentEvents("acra-server")

    def kept(self, since=0, until=1 << 62):
        return self.recent.kept(since, until)

    def test_alike_ones_of_a_minute_are_one(self):
        for seconds in (0, 5, 59, 60):
            self.recent(line(when=NOW + seconds * SECOND, query="SELECT ?", session_id=seconds))
        late, early = self.kept()
        self.assertEqual((early.times, early.first, early.last), (3, NOW, NOW + 59 * SECOND))
        self.assertEqual((late.times, late.first), (1, NOW + 60 * SECOND))
        self.assertEqual(early.record.session_id, 0)
        self.assertNotEqual(early.number, late.number)

    def test_requests_of_several_events_are_counted_once(self):
        for span_id in ("1" * 16, "1" * 16, "2" * 16, "", ""):
            self.recent(line(when=NOW, span_id=span_id))
        (one,) = self.kept()
        self.assertEqual((one.times, one.requests), (5, 4))

    def test_others_are_not(self):
        self.recent(line(when=NOW, query="SELECT ?"))
        self.recent(line(when=NOW, query="SELECT ? FROM t"))
        self.recent(line(when=NOW, query="SELECT ?", peer="10.0.0.1"))
        self.recent(line(events.POISON_RECORD, NOW, query="SELECT ?"))
        self.recent(line(events.CERTIFICATE, NOW))
        self.assertEqual([one.times for one in self.kept()], [1, 1, 1, 1])

    def test_a_time(self):
        for minutes in range(5):
            self.recent(line(when=NOW + 60 * minutes * SECOND))
        found = self.kept(NOW + 60 * SECOND, NOW + 180 * SECOND)
        self.assertEqual([one.first - NOW for one in found], [120 * SECOND, 60 * SECOND])

    def test_they_are_bounded_and_it_is_known_what_was_dropped(self):
        self.assertEqual(self.recent.dropped, 0)
        for number in range(2 * RECENT_MAX):
            self.recent(line(when=NOW + number * SECOND, query=f"SELECT ? FROM t{number}"))
        self.assertEqual(len(self.recent), RECENT_MAX)
        self.assertEqual(len(self.kept()), RECENT_MAX)
        self.assertEqual(self.recent.dropped, NOW + (RECENT_MAX - 1) * SECOND)
        # One that was dropped begins anew.
        self.recent(line(when=NOW, query="SELECT ? FROM t0"))
        self.assertEqual(self.kept()[0].times, 1)

    def test_from_any_thread(self):
        def many():
            for _ in range(200):
                self.recent(line(when=NOW))

        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([one.times for one in self.kept()], [800])
