"""Items wait for the database's answer, and no longer."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Exchange
from acra_twisted.stages.awaiting import Awaiting
from tests.support.sessions import make_session


class Waiting(SynchronousTestCase):
    def setUp(self):
        self.told = []
        self.session = make_session()
        self.awaiting = Awaiting(lambda item, accepted: self.told.append((item, accepted)))

    def add(self, item):
        exchange = Exchange(self.session, "query", None, 1)
        self.awaiting.add(exchange, item)
        return exchange

    def test_told_by_outcome(self):
        for outcome in ("ok", "error", "denied", "aborted", "lost"):
            self.add(outcome).close(outcome)
        self.awaiting.sweep()
        self.assertEqual(
            sorted(self.told),
            [("aborted", False), ("denied", True), ("error", False), ("lost", False), ("ok", True)],
        )

    def test_what_runs_long_holds_nothing_up(self):
        running = self.add("long")
        for number in range(100):
            self.add(number).close("ok")
        self.assertGreater(len(self.told), 90)
        running.close("ok")
        self.awaiting.sweep()
        self.assertEqual(len(self.told), 101)
        self.awaiting.sweep()
        self.assertEqual(len(self.told), 101)

    def test_bounded(self):
        for number in range(10_010):
            self.add(number)
        self.assertEqual([accepted for _, accepted in self.told], [False] * 10)
