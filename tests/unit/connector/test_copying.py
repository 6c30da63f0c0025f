"""Copying both legs, unread."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector.copying import Copying
from acra_twisted.proxy.valve import Valve, between
from tests.support.sessions import FakeChannel


class Copies(SynchronousTestCase):
    def setUp(self):
        self.now = 0.0
        self.application, self.link = FakeChannel(), FakeChannel()

    def copying(self, registered):
        clock = lambda: self.now  # noqa: E731 - it reads what changes
        own = Valve(lambda: self.application.transport, clock)
        valves = between(self.application, self.link, clock) if registered else None
        return Copying(self.application, self.link, valves, own, clock)

    def test_both_ways_and_what_was_read_first(self):
        for registered in (False, True):
            self.setUp()
            self.copying(registered).begin(b"said", b"answered")
            self.application.receiver(b"more")
            self.link.receiver(b"and more")
            self.assertEqual(self.link.data, b"saidmore")
            self.assertEqual(self.application.data, b"answeredand more")

    def test_nothing_is_written_where_nothing_was_read(self):
        self.copying(False).begin(b"", b"")
        self.assertEqual((self.link.writes, self.application.writes), ([], []))

    def test_who_is_not_read_is_paused_and_known_after_a_while(self):
        for registered in (False, True):
            for slow, paused, name in (
                ("application", "link", "application"),
                ("link", "application", "server"),
            ):
                self.setUp()
                copying = self.copying(registered)
                getattr(self, slow).transport.producer.pauseProducing()
                self.assertEqual(getattr(self, paused).transport.paused, 1)
                self.assertEqual(copying.unread(5.0, 5.0), "")
                self.assertEqual(copying.unread(5.1, 5.0), name)
                getattr(self, slow).transport.producer.resumeProducing()
                self.assertEqual(copying.unread(9.9, 5.0), "")
