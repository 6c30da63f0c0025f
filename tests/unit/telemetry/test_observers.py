"""The fan-out: everyone is told, whatever one of them does."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.model import Exchange, Work
from acra_twisted.telemetry.observers import Observers
from acra_twisted.verdicts import PASS
from tests.support.sessions import Recorder, make_session


class Broken(Recorder):
    def fails(self, *args, **fields):
        raise ValueError

    exchange_opened = exchange_closed = session_opened = stage_ran = fails


class FanOut(SynchronousTestCase):
    def test_a_watcher_that_raises_does_not_hide_things_from_others(self):
        last = Recorder()
        observers = Observers([Broken(), last])
        session = make_session()
        exchange = Exchange(session, "query", None, 1)
        observers.session_opened(session)
        observers.exchange_opened(exchange)
        work = Work("statement", None, exchange)
        observers.stage_ran("s", work, PASS, 0, 0)
        observers.exchange_closed(exchange)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 4)
        observers.stage_failed("s", work, "f")
        observers.security_event(1, "t", None, None, more=1)
        observers.session_closed(session, "done")
        self.assertEqual((last.opened, last.closed), ([exchange], [exchange]))
        self.assertEqual(last.sessions, ["opened", "done"])
        self.assertEqual((last.failures, last.events), ([("s", "f")], [(1, "t")]))
