"""Logins that a database refuses."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.refusals import REFUSALS, tell_refusal
from acra_twisted.exchange import Exchange
from tests.support.sessions import make_session


class Refusals(SynchronousTestCase):
    def noted(self, number):
        session = make_session()
        exchange = Exchange(session, "startup", None, 0)
        tell_refusal(session, exchange, b"\xff" + number.to_bytes(2, "little") + b"#28000ann")
        self.assertEqual((exchange.outcome, exchange.status_code), ("error", str(number)))
        return session, exchange

    def test_those_of_a_user(self):
        for number in (1045, 1698, 1044, 1049, 1227):
            session, exchange = self.noted(number)
            self.assertTrue(session.refused)
            self.assertEqual(exchange.denied_by, "database")
            self.assertEqual(len(session.observer.events), 1)

    def test_those_of_nobody(self):
        for number in (1040, 1053, 1129, 2000):
            session, exchange = self.noted(number)
            self.assertFalse(session.refused)
            self.assertFalse(exchange.denied_by)
            self.assertEqual(session.observer.events, [])

    def test_labels(self):
        self.assertEqual(REFUSALS, ("password", "database", "other", "proxy"))
