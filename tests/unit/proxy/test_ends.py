"""How a session ends, and what its client is told."""

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.endreason import EndReason
from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.proxy import ends
from tests.support.sessions import make_session


class Ends(SynchronousTestCase):
    def test_who_is_gone(self):
        for error, text in (
            (ConnectionDone(), "client disconnected"),
            (ConnectionLost(), "client connection lost"),
            (ValueError("secret"), "client: an error inside this program"),
        ):
            self.assertEqual(ends.lost(make_session(), "client", Failure(error)), text)

    def test_a_session_that_the_database_has_not_let_in(self):
        session = make_session()
        session.refused = True
        reason = ends.lost(session, "database", Failure(ConnectionDone()))
        self.assertEqual(reason, "the database refused the login")

    def test_who_broke_the_protocol_and_what_is_said_of_it(self):
        for error, code, why, words in (
            (WireError("client", "bad"), events.UNEXPECTED_PACKET, EndReason.PROTOCOL, "bad"),
            (
                WireError("client", "no", EndReason.LOGIN),
                events.LOGIN_REFUSED,
                EndReason.LOGIN,
                "no",
            ),
            (
                WireError("database", "no", EndReason.LOGIN),
                events.LOGIN_REFUSED,
                EndReason.LOGIN,
                "no",
            ),
            (
                WireError("database", "secret"),
                events.DATABASE_PROTOCOL,
                EndReason.PROTOCOL,
                "the database broke its protocol",
            ),
            (
                FrameTooLarge("database", "message of 9 bytes"),
                events.DATABASE_PROTOCOL,
                EndReason.TOO_LARGE,
                "the database's message of 9 bytes: raise message_size_limit",
            ),
        ):
            session = make_session()
            said, text = ends.broken(session, error)
            self.assertEqual(said, why)
            self.assertTrue(text.startswith(words), text)
            self.assertEqual([code for code, _ in session.observer.events], [code])
        quiet = WireError("client", "noise", None)
        self.assertIsNone(ends.broken(make_session(), quiet))
