"""Exchanges and sessions."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.model import Exchange
from tests.support.sessions import make_session


class Exchanges(SynchronousTestCase):
    def test_attributes_are_bounded(self):
        exchange = Exchange(make_session(), "query", None, 1)
        for number in range(40):
            exchange.add_attribute(f"k{number}", number)
        self.assertEqual(len(exchange.attributes), 32)

    def test_idle(self):
        session = make_session()
        self.assertTrue(session.idle)
        session.transaction_status = b"T"
        self.assertFalse(session.idle)
