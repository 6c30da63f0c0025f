"""Logins that databases refuse."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.dialects.loginrefusals import note_refusal
from acra_twisted.exchange import Exchange
from tests.support.sessions import Recorder, make_session


class Listening(Recorder):
    """A Recorder that keeps the fields of security events."""

    def __init__(self):
        super().__init__()
        self.told = []

    def security_event(self, code, text, session, exchange, **fields):
        self.told.append((code, fields))


class Refused(SynchronousTestCase):
    def test_a_refusal_is_a_security_event_and_no_request_that_was_allowed(self):
        session = make_session(observer=Listening())
        exchange = Exchange(session, "startup", None, 0)
        note_refusal(session, exchange, "password", "wrong password (1045)")
        self.assertTrue(session.refused)
        self.assertEqual(exchange.denied_by, "database")
        self.assertEqual(exchange.attributes["acra.verdict"], "deny")
        told = {"rule": "password", "error": "wrong password (1045)"}
        self.assertEqual(session.observer.told, [(events.LOGIN_REFUSED, told)])
