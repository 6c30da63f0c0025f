"""An observer that takes no notice."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.interfaces import IPipelineObserver
from acra_twisted.pipeline.baseobserver import BaseObserver
from tests.support.sessions import make_session


class Quiet(SynchronousTestCase):
    def test_it_may_be_told_anything(self):
        observer = BaseObserver()
        self.assertTrue(verifyObject(IPipelineObserver, observer))
        session = make_session(observer=observer)
        observer.session_opened(session)
        observer.session_closed(session, "done")
        observer.exchange_opened(None)
        observer.exchange_closed(None)
        observer.containers_read(None, "acrastruct", 1, 0)
        observer.column_values(None, {})
        observer.stage_refused("s", None, None)
        observer.stage_failed("s", None, None)
        observer.security_event(560, "x", session, None, more=1)
        self.assertEqual(session.notes, {})
