"""An application's login, followed by a connector."""

from hypothesis import given
from hypothesis import strategies as st

from acra_twisted.dialects.postgresql.followedlogin import FollowedLogin
from acra_twisted.dialects.postgresql.sessions import Sessions
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.loginactions import (
    CANCEL,
    CLIENT,
    DECLINE,
    ENCRYPTED,
    OFFER,
    OTHER,
    PASS,
    REQUIRE,
    StartTLS,
)
from acra_twisted.wire.postgres.frames import (
    SSL_REQUEST_PACKET,
)
from tests.support.logins import (
    ANNOUNCED,
    CANCELS,
    CHUNKS,
    HELLO,
    PASSWORD,
    STARTUP,
    WELCOME,
    LoginCase,
    LoginPlay,
)
from tests.support.sessions import ready

FOLLOWING = Propagation(to_acra=True)


def followed(tls=PASS, reads=True):
    return LoginPlay(FollowedLogin(Sessions(propagation=FOLLOWING), tls, reads))


class Followed(LoginCase):
    def test_a_session(self):
        play = followed()
        self.assertEqual(play.client(STARTUP + PASSWORD), STARTUP + PASSWORD)
        self.assertEqual(play.login.said, STARTUP + PASSWORD)
        self.assertTrue(play.login.unanswered)
        said = play.database(WELCOME + ANNOUNCED + ready())
        self.assertEqual(said, WELCOME + ready())
        self.assertIsNone(play.login.said)
        self.assertEqual(play.taken(), ["Ready"])

    def test_a_request_for_encryption_that_the_server_answers(self):
        play = followed()
        self.assertEqual(play.client(SSL_REQUEST_PACKET), SSL_REQUEST_PACKET)
        self.assertEqual(play.database(b"N"), b"N")
        self.assertEqual(play.login.said, b"")
        self.assertEqual(play.client(STARTUP), STARTUP)
        self.assertEqual(play.actions, [])
        play = followed()
        play.client(SSL_REQUEST_PACKET)
        self.assertEqual(play.database(b"S"), b"S")
        self.assertEqual(play.actions, [(ENCRYPTED,), (b"", b"")])

    def test_what_cannot_be_read_is_looked_at_until_it_is_answered(self):
        for data, why in ((CANCELS, CANCEL), (HELLO, ENCRYPTED), (b"GET / HTTP", OTHER)):
            play = followed()
            self.assertEqual(play.client(data), data)
            self.assertEqual((play.actions, play.login.said), ([(why,)], data))
            self.assertEqual(play.login.unanswered, why != CANCEL)
            self.assertEqual(play.client(b"more"), b"more")
            self.assertEqual(play.database(b"an answer"), b"an answer")
            self.assertEqual(play.taken(), ["Carry", "Copy"])
            self.assertFalse(play.login.unanswered)

    def test_where_nothing_is_read(self):
        play = followed(reads=False)
        self.assertEqual(play.actions, [("",)])
        self.assertEqual(play.client(SSL_REQUEST_PACKET), SSL_REQUEST_PACKET)
        self.assertEqual(play.database(b"N"), b"N")
        self.assertEqual(play.client(STARTUP), STARTUP)
        self.assertEqual((play.login.said, play.taken()), (STARTUP, ["Carry"]))
        self.assertEqual(play.database(WELCOME), WELCOME)
        self.assertEqual(play.taken(), ["Copy"])

    def test_where_nothing_is_read_but_tls_ends(self):
        play = followed(OFFER, reads=False)
        play.client(SSL_REQUEST_PACKET)
        self.assertEqual((play.to_client, play.actions), (b"S", [StartTLS(CLIENT)]))
        play.perform(play.login.tls_started(CLIENT, None))
        self.assertEqual(play.client(STARTUP + b"more"), STARTUP + b"more")
        self.assertEqual(play.taken(), ["StartTLS", "Carry"])

    def test_only_so_much_is_kept(self):
        play = followed(reads=False)
        play.client(b"x" * 20_000)
        self.assertIsNone(play.login.said)
        self.assertFalse(play.login.unanswered)

    def test_who_does_not_ask_for_tls_where_it_must_be(self):
        play = followed(REQUIRE)
        play.client(STARTUP)
        error = self.assert_fails(play).error
        play.perform(play.login.refuse(error.reason, str(error)))
        self.assertIn(b"C28000", play.to_client)
        self.assertEqual(play.to_database, b"")

    @given(CHUNKS)
    def test_any_bytes_of_either_side(self, said):
        for tls in (PASS, DECLINE, OFFER, REQUIRE):
            for reads in (False, True):
                self.whatever(followed(tls, reads), said)

    @given(st.lists(st.binary(min_size=1, max_size=30), max_size=6))
    def test_what_is_carried_unread_is_not_changed(self, pieces):
        play = followed(reads=False)
        for piece in pieces:
            self.assertEqual(play.client(piece), piece)
        self.assertEqual(play.to_client, b"")
