"""Sessions and the bytes that they carry."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.session import FAILED_TRANSACTION, IDLE, IN_TRANSACTION, Traffic
from tests.support.sessions import make_session


class Sessions(SynchronousTestCase):
    def test_idle(self):
        session = make_session()
        self.assertTrue(session.idle)
        session.transaction = IN_TRANSACTION
        self.assertFalse(session.idle)
        session.transaction = IDLE
        session.outstanding.append((0, 0, None, None))
        self.assertFalse(session.idle)
        self.assertFalse(make_session(ready=False).idle)

    def test_a_transaction_is_as_old_as_its_first_report(self):
        session = make_session()
        self.assertEqual(session.transaction_since, 0)
        session.now_in(IN_TRANSACTION)
        since = session.transaction_since
        self.assertGreater(since, 0)
        session.now_in(FAILED_TRANSACTION)
        self.assertEqual(
            (session.transaction, session.transaction_since), ("failed_transaction", since)
        )
        session.now_in(IDLE)
        self.assertEqual(session.transaction_since, 0)
        session.now_in(IN_TRANSACTION)
        self.assertGreater(session.transaction_since, since)

    def test_nothing_is_known_of_its_language_at_first(self):
        """Then none of its statements is shown."""
        session = make_session()
        made = type(session)(1, session.identity, session.observer, session.clock)
        self.assertEqual(made.language, "")


class Bytes(SynchronousTestCase):
    def test_what_came_since(self):
        before, now = Traffic(1, 2, 3, 4), Traffic(5, 7, 9, 11)
        more = before.advance(now)
        self.assertEqual(
            (more.from_client, more.to_client, more.to_database, more.from_database), (4, 5, 6, 7)
        )
        self.assertEqual(before.advance(now).from_client, 0)
        self.assertEqual((now.from_client, (now - Traffic(1, 2, 3, 4)).to_client), (5, 5))
