"""Fewer requests are recorded while nothing takes more."""

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.tracing.backpressure import Backpressure

SECOND = 10**9


class Thinning(SynchronousTestCase):
    def setUp(self):
        self.room, self.now = 1.0, 0
        self.lines = []
        globalLogPublisher.addObserver(self.lines.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.lines.append)
        self.backpressure = Backpressure(lambda: self.room, lambda: self.now)

    def admitted(self, count=1000):
        return sum(self.backpressure.admits() for _ in range(count))

    def test_the_share_that_there_is_room_for(self):
        for room in (1.0, 0.75, 0.5, 0.1, 0.0):
            before = self.backpressure.thinned
            self.room = room
            admitted = self.admitted()
            self.assertLessEqual(abs(admitted - room * 1000), 1)
            self.assertEqual(self.backpressure.thinned - before, 1000 - admitted)

    def test_it_is_said_when_it_begins_and_when_it_is_over(self):
        self.admitted()
        self.assertEqual(self.lines, [])
        self.room = 0.5
        self.admitted()
        [line] = self.lines
        self.assertEqual(line["code"], events.EXPORT_FAILED)
        self.assertIn("fewer requests are recorded", line["event_text"])
        # Not at the first moment of calm.
        self.room = 1.0
        self.now += 9 * SECOND
        self.admitted()
        self.assertEqual(len(self.lines), 1)
        self.now += 2 * SECOND
        self.admitted()
        self.assertEqual(len(self.lines), 2)
        self.assertEqual(self.lines[1]["not_recorded"], 500)

    def test_it_is_said_once_a_minute_if_it_comes_and_goes(self):
        for _ in range(5):
            self.room = 0.0
            self.admitted(10)
            self.room = 1.0
            self.now += 11 * SECOND
            self.admitted(10)
        begun = [line for line in self.lines if "fewer" in line["event_text"]]
        self.assertEqual((len(begun), len(self.lines)), (1, 2))
        self.assertEqual(self.backpressure.thinned, 50)
        self.now += 60 * SECOND
        self.room = 0.0
        self.admitted(10)
        self.assertEqual(len(self.lines), 3)
