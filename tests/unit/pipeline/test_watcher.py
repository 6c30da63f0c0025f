"""An observer that takes no notice."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.interfaces import IPipelineObserver
from acra_twisted.pipeline.watcher import Watcher
from tests.support.sessions import make_session


class Quiet(SynchronousTestCase):
    def test_it_may_be_told_anything(self):
        watcher = Watcher()
        self.assertTrue(verifyObject(IPipelineObserver, watcher))
        session = make_session(observer=watcher)
        watcher.session_opened(session)
        watcher.session_closed(session, "done")
        watcher.exchange_opened(None)
        watcher.exchange_closed(None)
        watcher.containers_read(None, "acrastruct", 1, 0)
        watcher.stage_refused("s", None, None)
        watcher.stage_failed("s", None, None)
        watcher.security_event(560, "x", session, None, more=1)
        self.assertEqual(session.notes, {})
