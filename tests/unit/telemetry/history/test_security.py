"""Security events, alike ones as one."""

import threading

from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.history.security import SecurityEvents


def line(code=events.QUERY_NOT_ALLOWED, when=1_700_000_000.5, **fields):
    return {
        "log_time": when,
        "log_level": LogLevel.error,
        "log_format": "AcraCensor blocked query",
        "code": code,
        "client_id": "a client",
        "query": "SELECT ? FROM t",
        **fields,
    }


class Events(SynchronousTestCase):
    def setUp(self):
        self.events = SecurityEvents("acra-server")

    def test_one(self):
        self.events(line(trace_id="1" * 32, session_id=5, peer_port=6))
        (found,) = self.events.take()
        when = 1_700_000_000_500_000_000
        self.assertEqual((found.first, found.last, found.times), (when, when, 1))
        self.assertEqual((found.code, found.client_id, found.trace_id), (560, "a client", "1" * 32))
        self.assertEqual(found.fields["query"], "SELECT ? FROM t")
        self.assertEqual(found.fields["session_id"], 5)
        self.assertNotIn("user", found.fields)
        self.assertEqual(self.events.take(), [])

    def test_others_are_no_security_events(self):
        for code in (events.CERTIFICATE, events.HISTORY, None):
            self.events(line(code))
        self.assertEqual(self.events.take(), [])

    def test_alike_ones_are_counted(self):
        for number in range(5):
            self.events(line(when=1_700_000_000 + number, trace_id=str(number), peer_port=number))
        self.events(line(query="SELECT ? FROM other"))
        first, second = self.events.take()
        self.assertEqual((first.times, second.times), (5, 1))
        self.assertEqual(first.trace_id, "0")
        self.assertEqual(first.last - first.first, 4 * 10**9)

    def test_they_are_bounded(self):
        for number in range(5000):
            self.events(line(query=f"SELECT ? FROM t{number}"))
        found = self.events.take()
        self.assertEqual(len(found) + self.events.lost, 5000)
        self.assertLess(len(found), 2000)

    def test_from_any_thread(self):
        def tell():
            for _ in range(200):
                self.events(line())

        threads = [threading.Thread(target=tell) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sum(found.times for found in self.events.take()), 800)
